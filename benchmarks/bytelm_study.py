"""What scaling studies say about the claims made for byte models: how much data they need, and what they reach.

Type `python benchmarks/bytelm_study.py STUDY [STUDY …] --out DIR`, each STUDY the folder of a `yukawa jets scaling`.
Their trainings are put into one table. It prints the mean diagonal of each model relative to the specialist's, at how
many times the specialist's jets a model reaches the specialist's figure (between two sizes a line in the logarithm of
the jets), and from how many jets on a charge flip differs from guessing. Errors are standard deviations over the ways
of drawing the seeds anew; of two models the same ones are drawn, since trainings of one seed have the same jets. DIR
gets the table and the S-curves.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.jets.evaluation.results import words
from yukawa.jets.scaling.study import draw
from yukawa.jets.table import JET_ORIGIN

FLAVOURS = ("b", "c", "s", "u", "d")
GAINS = ("mean_diagonal", "auc", "efficiency_b", "efficiency_c", "efficiency_s")
HEADINGS = {"epochs": "fixed epochs", "steps": "fixed steps"}
SIGNIFICANT = 3.0  # standard deviations


@dataclass(frozen=True)
class Curve:
    """A figure of one model against the number of training jets: jets (S,), values (S, seeds), seeds in order."""

    jets: np.ndarray
    values: np.ndarray

    def drawn(self) -> Iterator[np.ndarray]:
        """Means (S,) of every way of drawing as many seeds as there are, with replacement."""
        seeds = self.values.shape[1]
        for choice in itertools.product(range(seeds), repeat=seeds):
            yield self.values[:, choice].mean(axis=1)

    @property
    def mean(self) -> np.ndarray:
        """Over seeds (S,)."""
        means: np.ndarray = self.values.mean(axis=1)
        return means


def read(studies: Sequence[Path]) -> list[dict[str, Any]]:
    """The trainings of all studies, numbers as numbers, what is empty as None."""
    rows: list[dict[str, Any]] = []
    for study in studies:
        with (study / "table.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rows.append({
                    name: value if name in ("model", "mode") else float(value) if value else None
                    for name, value in row.items()
                })  # fmt: skip
    return rows


def curve(rows: Sequence[dict[str, Any]], model: str, mode: str, figure: str) -> Curve | None:
    """The sizes at which every seed of a model has the figure; None if there is none."""
    sizes: dict[float, list[float]] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        if (row["model"], row["mode"]) == (model, mode):
            sizes.setdefault(row["jets"], []).append(math.nan if row[figure] is None else row[figure])
    most = max((len(values) for values in sizes.values()), default=0)
    whole = {
        jets: values for jets, values in sizes.items() if len(values) == most and not np.isnan(values).any()
    }
    if not whole:
        return None
    jets = sorted(whole)
    return Curve(np.array(jets), np.array([whole[number] for number in jets]))


def needed(jets_S: np.ndarray, values_S: np.ndarray, level: float) -> float:
    """How many jets reach a level for good, by lines in their logarithm; infinite if none do, 0 if the fewest do."""
    # A tagger that gives every jet one class has that class's efficiency at 1: it has not reached it for good.
    lasting_S = np.minimum.accumulate(values_S[::-1])[::-1]
    if level <= lasting_S[0]:
        return 0.0
    if level > lasting_S[-1]:
        return math.inf
    return float(np.exp(np.interp(level, lasting_S, np.log(jets_S))))


def factors(own: Curve, peer: Curve, jets: float) -> tuple[float, float, float]:
    """How many times the jets a model needs to reach what its peer does with `jets`: middle, lowest and highest draw."""
    if jets not in peer.jets:
        return (math.nan,) * 3
    at = int(np.flatnonzero(peer.jets == jets)[0])
    whole = needed(own.jets, own.mean, peer.mean[at]) / jets
    both = zip(own.drawn(), peer.drawn(), strict=True)
    found = [needed(own.jets, mine, his[at]) / jets for mine, his in both]
    return whole, *np.quantile(found, (0.16, 0.84), method="nearest")


def ratio(own: Curve, peer: Curve, jets: float) -> tuple[float, float]:
    """The figure relative to the peer's at `jets`, and its standard deviation over draws of seeds."""
    if jets not in own.jets or jets not in peer.jets:
        return math.nan, math.nan
    mine, his = (int(np.flatnonzero(one.jets == jets)[0]) for one in (own, peer))
    drawn = [left[mine] / right[his] for left, right in zip(own.drawn(), peer.drawn(), strict=True)]
    return own.mean[mine] / peer.mean[his], float(np.std(drawn))


def threshold(own: Curve) -> float:
    """The fewest jets from which on a charge flip stays below one half by `SIGNIFICANT` errors; infinite if never."""
    seeds = own.values.shape[1]
    # A spread of three seeds alone can be small by chance: that of all sizes keeps it from being smaller than usual.
    usual = float(np.sqrt(np.mean(own.values.var(axis=1, ddof=1)))) if seeds > 1 else math.nan
    spread_S = np.maximum(own.values.std(axis=1, ddof=1), usual) / math.sqrt(seeds)
    below_S = 0.5 - own.mean > SIGNIFICANT * spread_S
    lasting_S = np.logical_and.accumulate(below_S[::-1])[::-1]
    return float(own.jets[lasting_S][0]) if lasting_S.any() else math.inf


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", type=Path, nargs="+", metavar="STUDY")
    parser.add_argument("--peer", default="particle-transformer", help="the specialist")
    parser.add_argument("--out", type=Path, help="a folder for the table and the S-curves")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    rows = read(options.studies)
    found = [*relative(rows, options.peer), *thresholds(rows)]
    if options.out:
        write(rows, options.out)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def relative(rows: Sequence[dict[str, Any]], peer: str) -> Iterator[dict[str, Any]]:
    """Print and give the figures of each model beside the peer's."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    sizes = sorted({row["jets"] for row in rows})
    for mode, heading in HEADINGS.items():
        his = curve(rows, peer, mode, "mean_diagonal")
        if his is None:
            continue
        print(f"\nmean diagonal relative to {peer}, {heading}\n\n| model |", end="")
        print("".join(f" {jets:,.0f} |" for jets in sizes) + "\n| --- |" + " --- |" * len(sizes))
        for model in models:
            own = curve(rows, model, mode, "mean_diagonal")
            ratios = [ratio(own, his, jets) if own else (math.nan, math.nan) for jets in sizes]
            cells = ["–" if math.isnan(value) else f"{value:.2f} ± {error:.2f}" for value, error in ratios]
            print(f"| {model} | " + " | ".join(cells) + " |")
            yield {"mode": mode, "model": model, "relative": dict(zip(sizes, ratios, strict=True))}
        yield from multiples(rows, models, sizes, peer, mode)


def multiples(
    rows: Sequence[dict[str, Any]], models: Sequence[str], sizes: Sequence[float], peer: str, mode: str
) -> Iterator[dict[str, Any]]:
    """Print and give how many times the jets of the peer each model needs."""
    asked = [jets for jets in sizes if jets >= 1000]
    print(
        f"\ntimes the jets that reach what {peer} does, {HEADINGS[mode]}, with\n\n| model | figure |", end=""
    )
    print("".join(f" {jets:,.0f} |" for jets in asked) + "\n| --- | --- |" + " --- |" * len(asked))
    for model in models:
        for figure in GAINS:
            own, his = curve(rows, model, mode, figure), curve(rows, peer, mode, figure)
            if model == peer or own is None or his is None:
                continue
            found = [factors(own, his, jets) for jets in asked]
            limit = own.jets[-1]
            cells = [_range(*one, most=limit / jets) for one, jets in zip(found, asked, strict=True)]
            print(f"| {model} | {words(figure)} | " + " | ".join(cells) + " |")
            yield {
                "mode": mode,
                "model": model,
                "figure": figure,
                "times": dict(zip(asked, found, strict=True)),
            }


def _range(value: float, low: float, high: float, most: float) -> str:
    if math.isnan(value):
        return "–"
    shown = [
        f"> {most:.1f}" if math.isinf(one) else "< 0.1" if one < 0.1 else f"{one:.1f}"
        for one in (value, low, high)
    ]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def thresholds(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Print and return the number of jets from which charge flips are better than a guess."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    for mode, heading in HEADINGS.items():
        if not any(row["mode"] == mode for row in rows):
            continue
        print(
            f"\njets from which on the charge flip is below one half by {SIGNIFICANT:.0f} errors, {heading}\n"
        )
        print(
            "| model |" + "".join(f" {name} |" for name in FLAVOURS) + "\n| --- |" + " --- |" * len(FLAVOURS)
        )
        for model in models:
            curves = {name: curve(rows, model, mode, f"flip_{name}") for name in FLAVOURS}
            found = {name: threshold(one) if one else math.nan for name, one in curves.items()}
            cells = [
                "–" if math.isnan(n) else "never" if math.isinf(n) else f"{n:,.0f}" for n in found.values()
            ]
            print(f"| {model} | " + " | ".join(cells) + " |")
            yield {"mode": mode, "model": model, "threshold": found}


def write(rows: Sequence[dict[str, Any]], out: Path) -> None:
    """The table, and the S-curves."""
    draw(rows, JET_ORIGIN, out)
    with (out / "table.csv").open("w", encoding="utf-8", newline="") as file:
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({
                name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()
            })  # fmt: skip


if __name__ == "__main__":
    main()
