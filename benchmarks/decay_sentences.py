"""Writes decay cards from sentences, and checks that each holds the chain that was wanted.

Run `python benchmarks/decay_sentences.py --json FILE`. The sentences of `yukawa evaluate code` have the experiment and the
chain that they want, or '-' where they are to be refused; sixty more are made from modes of the tables in the wheel of
decaylanguage, in words, arrows, Chinese and LaTeX, with a decay of a daughter where the tables have one. Right is a
card that passes the check and holds every decay of the chain.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

from decay_cards import give, tables

from yukawa.core.errors import YukawaError
from yukawa.generators.cards import DecayMode
from yukawa.generators.checking import check
from yukawa.generators.evaluating import code_tasks
from yukawa.generators.laws import violations
from yukawa.generators.models import HADRONISATION
from yukawa.generators.plans import CardPlan, DecayStep
from yukawa.generators.reading import read_card
from yukawa.generators.sentences import read_plan
from yukawa.generators.species import SpeciesNames, known_species
from yukawa.generators.writing import missing_steps, write_card
from yukawa.knowledge.parsing.particles import particle_table

_EXPERIMENTS = {"besiii": "BESIII", "lhcb": "LHCb", "belle2": "Belle II", "fcc": "FCC-ee", "evtgen": "EvtGen"}


def written() -> list[tuple[str, str, list[DecayStep]]]:
    """Sentence, experiment and chain of each sentence of the package; no chain where a refusal is right."""
    return [(task.sentence, task.experiment, list(task.steps)) for task in code_tasks()]


# ---- sentences from the tables -------------------------------------------------------------------


def made(count: int, seed: int) -> list[tuple[str, str, list[DecayStep]]]:
    """Sentences of modes that the tables have, with a decay of one daughter where they have it."""
    numbers = random.Random(seed)
    names = SpeciesNames()
    modes: dict[str, list[DecayMode]] = {}
    for text in tables().values():
        for parent, listed in read_card(text).decays().items():
            good = [mode for mode in listed if _usable(mode, names)]
            if good and parent in known_species():
                modes.setdefault(parent, []).extend(good)
    parents = sorted(modes)
    found: list[tuple[str, str, list[DecayStep]]] = []
    while len(found) < count:
        mode = numbers.choice(modes[numbers.choice(parents)])
        steps = [DecayStep(mode.parent, tuple(mode.daughters))]
        below = [
            name
            for name in dict.fromkeys(mode.daughters)
            if name in modes and mode.daughters.count(name) == 1
        ]
        if below and numbers.random() < 0.7:
            next_mode = numbers.choice(modes[numbers.choice(below)])
            steps.append(DecayStep(next_mode.parent, tuple(next_mode.daughters)))
        experiment = numbers.choice(list(_EXPERIMENTS))
        found.append((_phrase(steps, experiment, numbers), experiment, steps))
    return found


def _usable(mode: DecayMode, names: SpeciesNames) -> bool:
    species = [names.get(name) for name in (mode.parent, *mode.daughters)]
    if (
        None in species
        or mode.model in HADRONISATION
        or not mode.fraction
        or not 2 <= len(mode.daughters) <= 4
    ):
        return False
    listed = particle_table().numbers
    own = [each for each in species if each is not None]
    if any(each.is_parton or each.number not in listed or each.name not in known_species() for each in own):
        return False
    broken = violations(mode.model, own[0], own[1:], lambda each: names.get(names.antiparticle(each)) or each)
    return not [each for each in broken if each.code.startswith("E")]


def _phrase(steps: list[DecayStep], experiment: str, numbers: random.Random) -> str:
    style = numbers.choice(["arrow", "words", "chinese", "latex", "bracket"])
    place = _EXPERIMENTS[experiment]
    if style == "latex":
        return (
            ", ".join(
                f"${_latex(step.parent)} \\to {' '.join(map(_latex, step.daughters))}$" for step in steps
            )
            + f" at {place}"
        )
    if style == "chinese":
        chain = "，".join(f"{step.parent} 衰变到 {' '.join(step.daughters)}" for step in steps)
        return f"在{place}上模拟 {chain}"
    if style == "words":
        chain = ", ".join(
            f"{step.parent} decays to {', '.join(step.daughters[:-1])} and {step.daughters[-1]}"
            for step in steps
        )
        return f"please simulate 10k events at {place} where {chain}"
    if style == "bracket" and len(steps) == 2:
        inner = f"{steps[1].parent} (-> {' '.join(steps[1].daughters)})"
        daughters = [inner if name == steps[1].parent else name for name in steps[0].daughters]
        return f"{steps[0].parent} -> {' '.join(daughters)} for {place}"
    return ", ".join(map(str, steps)) + f" in {place}"


def _latex(name: str) -> str:
    """A name of EvtGen in LaTeX; names with accents of their own stay as they are."""
    match = re.fullmatch(r"(anti-)?([A-Za-z]+|J/psi)(_[a-z0-9S L]+?)?(\([^)]*\))?(\*)?([+-]*|0)", name)
    if not match:
        return name
    anti, base, sub, mass, star, charge = match.groups()
    greek = base in (
        "pi",
        "rho",
        "eta",
        "omega",
        "phi",
        "mu",
        "tau",
        "nu",
        "gamma",
        "chi",
        "psi",
        "Lambda",
        "Sigma",
        "Xi",
        "Omega",
        "Upsilon",
        "Delta",
    )
    letter = f"\\{base}" if greek else "J/\\psi" if base == "J/psi" else base
    own = f"\\bar{{{letter}}}" if anti else letter
    low = f"_{{{sub[1:]}}}" if sub and sub[1:] not in ("mu", "tau") else f"_\\{sub[1:]}" if sub else ""
    high = f"^{{{star or ''}{charge}}}" if star or charge else ""
    return f"{own}{low}{mass or ''}{high}"


# ---- marking -------------------------------------------------------------------------------------


def mark(sentence: str, experiment: str, steps: list[DecayStep]) -> tuple[str, str]:
    """'right', 'wrong' or 'refused', and why."""
    try:
        plan = read_plan(sentence)
        card = write_card(plan)
    except YukawaError as error:
        return ("refused" if steps else "right"), str(error)
    if not steps:
        return "wrong", f"written: {plan.steps[0]}"
    if [each for each in check(card.text, name="card.dec") if each.level == "error"]:
        return "wrong", "the card does not pass the check"
    if plan.experiment != experiment:
        return "wrong", f"read as for {plan.experiment}"
    missing = missing_steps(card.text, CardPlan(tuple(steps)))
    return ("wrong", f"lacks {missing[0]}") if missing else ("right", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=2026, help="of the sentences from the tables")
    parser.add_argument("--number", type=int, default=60, help="sentences from the tables")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    for name, rows in (
        ("written", written()),
        ("made", made(options.number, options.seed) if tables() else []),
    ):
        marks = [(row, *mark(*row)) for row in rows]
        counts = Counter(given for _, given, _ in marks)
        missed = [
            {"sentence": row[0], "mark": given, "why": why} for row, given, why in marks if given != "right"
        ]
        figures[name] = {"sentences": len(rows), **counts, "missed": missed}
    give(figures, options.json)


if __name__ == "__main__":
    main()
