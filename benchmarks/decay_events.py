"""Generates events of decay cards: laws on every event, distributions beside Pythia and the formulas, speed.

Run `python benchmarks/decay_events.py --json FILE`. Means are compared in standard deviations: the mass of the pion pair of
psi(2S) -> J/psi pi+ pi- with that of Pythia (flat) and of the soft-pion amplitude integrated over phase space, mean squared
cosines with those of the formulas, the pair of a Dalitz decay with the formula of Kroll and Wada. Every card of the sentences
of `yukawa evaluate code` makes `--events` events.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from decay_cards import give, written_cards

from yukawa.core.errors import YukawaError
from yukawa.generators.dalitz import pair_shape
from yukawa.generators.events import EventGenerator, GeneratedEvents
from yukawa.generators.pythia_runs import run_settings
from yukawa.generators.reading import read_card

PIPI = "ProcessLevel:all = off\n100443:oneChannel = 1 1.0 0 443 211 -211\n443:mayDecay = off\n"


def events_of(text: str, parent: str, count: int, seed: int = 1) -> GeneratedEvents:
    return EventGenerator(read_card(text), seed).generate(count, parent)


def one(parent: str, mode: str) -> str:
    return f"Decay {parent}\n1.0 {mode};\nEnddecay\nEnd\n"


def laws(events: GeneratedEvents) -> tuple[float, float]:
    """The greatest break of 4-momentum at a decay and of a mass, GeV and GeV^2."""
    inside = np.flatnonzero(events.mother >= 0)
    sums = np.zeros_like(events.momenta)
    np.add.at(sums, events.mother[inside], events.momenta[inside])
    decayed = np.unique(events.mother[inside])
    squares = events.momenta[:, 0] ** 2 - (events.momenta[:, 1:] ** 2).sum(axis=1)
    return float(np.abs(sums[decayed] - events.momenta[decayed]).max()), float(
        np.abs(squares - events.masses**2).max()
    )


def pion_pairs(events: GeneratedEvents) -> np.ndarray:
    total = events.momenta[events.number == 211] + events.momenta[events.number == -211]
    mass: np.ndarray = np.sqrt(total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=1))
    return mass


def cosines(events: GeneratedEvents, number: int) -> np.ndarray:
    momenta = events.momenta[events.number == number]
    found: np.ndarray = momenta[:, 3] / np.sqrt((momenta[:, 1:] ** 2).sum(axis=1))
    return found


def compared(values: np.ndarray, expected: float, error: float = 0.0) -> dict[str, float]:
    """Mean beside what is expected, in standard deviations."""
    own = values.std() / len(values) ** 0.5
    return {
        "mean": round(float(values.mean()), 6), "expected": round(expected, 6),
        "sigmas": round(abs(float(values.mean()) - expected) / (own**2 + error**2) ** 0.5, 2),
    }  # fmt: skip


def soft_pions() -> float:
    """<m(pi pi)> of |A|^2 = (q^2 - 4 m^2)^2 over three-body phase space, by numerical integration."""
    parent, vector, pion = 3.686097, 3.0969, 0.13957039
    mass = np.linspace(2 * pion, parent - vector, 200_001)
    outer = np.sqrt(np.clip((parent**2 - (vector + mass) ** 2) * (parent**2 - (vector - mass) ** 2), 0, None))
    density = outer * np.sqrt(np.clip(mass**2 / 4 - pion**2, 0, None)) * (mass**2 - 4 * pion**2) ** 2
    return float((mass * density).sum() / density.sum())


def distributions(count: int) -> dict[str, Any]:
    """Means beside Pythia and formulas."""
    pythia = pion_pairs(run_settings(PIPI, count // 10, "psi(2S)"))
    flat = pion_pairs(events_of(one("psi(2S)", "J/psi pi+ pi- PHSP"), "psi(2S)", count))
    soft = pion_pairs(events_of(one("psi(2S)", "J/psi pi+ pi- VVPIPI"), "psi(2S)", count))
    electron, pion = 0.00051099895, 0.1349768
    grid = np.linspace(np.log(4 * electron**2 / pion**2), 0, 400_001)
    shape = pair_shape(np.exp(grid), np.full_like(grid, 4 * electron**2 / pion**2))
    dalitz = events_of(one("pi0", "e+ e- gamma PI0_DALITZ"), "pi0", count)
    total = dalitz.momenta[dalitz.number == 11] + dalitz.momenta[dalitz.number == -11]
    share = (total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=1)) / pion**2
    found = {
        "<m(pi pi)>, flat, beside Pythia": compared(flat, pythia.mean(), pythia.std() / len(pythia) ** 0.5),
        "<m(pi pi)>, soft pions": compared(soft, soft_pions()),
        "<ln q^2 / M^2> of a Dalitz decay": compared(
            np.log(share), float((grid * shape).sum() / shape.sum())
        ),
    }
    angles = (
        ("J/psi", "mu+ mu- VLL", -13, 2 / 5), ("psi(3770)", "D+ D- VSS", 411, 1 / 5),
        ("psi(2S)", "gamma chi_c0 P2GC0", 22, 2 / 5), ("psi(2S)", "gamma chi_c1 P2GC1", 22, (1 / 3 - 1 / 15) / (1 - 1 / 9)),
        ("psi(2S)", "gamma chi_c2 P2GC2", 22, (1 / 3 + 1 / 65) / (1 + 1 / 39)),
        ("psi(2S)", "gamma chi_c0 HELAMP 1. 0. 1. 0.", 22, 2 / 5),
    )  # fmt: skip
    for parent, mode, number, expected in angles:
        square = cosines(events_of(one(parent, mode), parent, count), number) ** 2
        found[f"<cos^2>, {parent} -> {mode}"] = compared(square, expected)
    return found


def speed(count: int) -> dict[str, int]:
    """Three-body events in a second of the processor."""
    found = {}
    for model in ("PHSP", "VVPIPI"):
        began = time.process_time()
        events_of(one("psi(2S)", f"J/psi pi+ pi- {model}"), "psi(2S)", count)
        found[model] = round(count / (time.process_time() - began))
    return found


def written(events: int) -> dict[str, Any]:
    """Events of the card of every sentence."""
    done, closure, mass, refused = 0, 0.0, 0.0, []
    for text in written_cards():
        card = read_card(text)
        try:
            made = EventGenerator(card).generate(events, next(card.blocks()).parent)
        except YukawaError as error:
            refused.append(f"{text.partition(chr(10))[0]}: {error}")
            continue
        done += 1
        broken = laws(made)
        closure, mass = max(closure, broken[0]), max(mass, broken[1])
    return {
        "cards": done, "refused": refused, "greatest break of 4-momentum, GeV": closure, "of a squared mass, GeV^2": mass,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1000, help="of the card of each sentence")
    parser.add_argument("--number", type=int, default=100_000, help="events of each distribution")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    figures = {
        "written": written(options.events), "distributions": distributions(options.number), "speed": speed(options.number),
    }  # fmt: skip
    give(figures, options.json)


if __name__ == "__main__":
    main()
