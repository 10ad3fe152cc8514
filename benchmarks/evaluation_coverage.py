"""How often the intervals of evaluation hold the truth, and how often their tests find what is not there.

Type `python benchmarks/evaluation_coverage.py` (some five minutes). Each row draws `--draws` samples of a distribution
whose figure is known and counts the 95 % intervals that are given, and of these the ones that hold it; the last rows
draw `--nulls` pairs that do not differ and count p-values below 0.05. The error is that of the count. See README.md.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from yukawa.core.crossed import crossed_mean
from yukawa.core.statistics import SHARE, Difference, Estimate, Sample, compare

BATCH = 50  # draws that share their resamples, which is quicker and changes no share
SIZES = (2, 3, 4, 5, 6, 8, 10, 20, 50)
FROM_ZERO = (0.0, math.inf)
SPREAD = 0.5  # of log-perplexities of abstracts, as large as measured ones
Drawn = tuple[Sample, float]
Generator = np.random.Generator


def normal(rng: Generator, size: int) -> Drawn:
    return Sample.mean(rng.normal(2, 1, size)), 2.0


def lognormal(rng: Generator, size: int) -> Drawn:
    """Perplexities of documents."""
    return Sample.mean(rng.lognormal(2, SPREAD, size), within=FROM_ZERO), math.exp(2 + SPREAD**2 / 2)


def heavy(rng: Generator, size: int) -> Drawn:
    return Sample.mean(rng.lognormal(0, 1, size), within=FROM_ZERO), math.exp(0.5)


def corpus(rng: Generator, size: int) -> Drawn:
    """A corpus perplexity, whose documents' lengths and losses hang together."""
    tokens = rng.lognormal(5, 0.5, size)
    rates = 2.5 - 0.2 * (np.log(tokens) - 5) + rng.normal(0, 0.3, size)
    # E[tokens x rate] / E[tokens]: lengths weighted by themselves shift the mean of their logarithm by 0.25.
    sample = Sample.ratio(tokens * rates, tokens, exponential=True, within=(1, math.inf))
    return sample, math.exp(2.5 - 0.2 * 0.25)


def clustered(rng: Generator, size: int) -> Drawn:
    """One to seven values a paper, three quarters of their variance shared."""
    sizes = rng.integers(1, 8, size)
    values = np.repeat(rng.normal(2, math.sqrt(0.75), size), sizes) + rng.normal(0, 0.5, sizes.sum())
    return Sample.mean(values, np.repeat(np.arange(size), sizes).astype(str).tolist()), 2.0


def extremes(rng: Generator, size: int) -> Drawn:
    return Sample.mean(rng.beta(0.5, 0.5, size), within=SHARE), 0.5


def cosines(rng: Generator, size: int) -> Drawn:
    """SemScores."""
    return Sample.mean(2 * rng.beta(8, 2, size) - 1, within=(-1, 1)), 0.6


def share(rng: Generator, size: int) -> Drawn:
    return Sample.mean((rng.random(size) < 0.2).astype(float), within=SHARE), 0.2


def rare(rng: Generator, size: int) -> Drawn:
    return Sample.mean((rng.random(size) < 0.02).astype(float), within=SHARE), 0.02


def tied(rng: Generator, size: int) -> Drawn:
    """Shares of different n-grams, which are 1 for most texts."""
    return Sample.mean(np.where(rng.random(size) < 0.9, 1, rng.random(size)), within=SHARE), 0.95


def clustered_share(rng: Generator, size: int) -> Drawn:
    sizes = rng.integers(1, 8, size)
    chances = np.repeat(rng.beta(1, 4, size), sizes)
    names = np.repeat(np.arange(size), sizes).astype(str).tolist()
    return Sample.mean((rng.random(sizes.sum()) < chances).astype(float), names, within=SHARE), 0.2


DISTRIBUTIONS: dict[str, Callable[[Generator, int], Drawn]] = {
    "normal": normal, "lognormal 0.5 (perplexities)": lognormal, "lognormal 1 (heavy)": heavy,
    "exp of ratio (corpus perplexity)": corpus, "clustered by paper": clustered,
    "Beta(0.5, 0.5)": extremes, "cosines (SemScore)": cosines,
    "share 0.2": share, "share 0.02": rare, "nine of ten tied": tied, "share 0.2, clustered": clustered_share,
}  # fmt: skip


def crossed(raters: int | None) -> Callable[[Generator, int, bool], Difference]:
    """The mean of scores of items by raters, as many as items or a fixed number; its true value is 2, or 0 of differences."""

    def draw(rng: Generator, items: int, null: bool) -> Difference:
        many = raters or items
        effects = rng.normal(0, 1, (items, 1)) + rng.normal(0, 0.7, (1, many))
        scores = (effects + rng.normal(0 if null else 2, 1, (items, many))).ravel()
        return crossed_mean(
            scores,
            np.repeat(np.arange(items), many).astype(str).tolist(),
            np.tile(np.arange(many), items).astype(str).tolist(),
        )

    return draw


CROSSED = {"items x raters, as many": crossed(None), "items x 5 raters": crossed(5)}


def covered(name: str, size: int, given: argparse.Namespace) -> dict[str, Any]:
    """Of the intervals of one distribution: the share that is given, what share of these holds the truth, their width."""
    rng, truth = np.random.default_rng([1, size]), 2.0
    ends: list[Estimate] = []
    for batch in range(given.draws // BATCH):
        if name in CROSSED:
            ends += [CROSSED[name](rng, size, False) for _ in range(BATCH)]
            continue
        drawn = [DISTRIBUTIONS[name](rng, size) for _ in range(BATCH)]
        truth, within = drawn[0][1], drawn[0][0].within
        samples = {str(number): sample for number, (sample, _) in enumerate(drawn)}
        found = compare(samples, pairs=[], resamples=given.resamples, seed=batch).estimates.values()
        if any(one.low < within[0] or one.high > within[1] for one in found):
            raise SystemExit(f"{name}: an interval leaves the range")
        ends += found
    widths = [one.high - one.low for one in ends if not math.isnan(one.low)]
    held, number = sum(one.low <= truth <= one.high for one in ends), len(widths)
    return {
        "distribution": name, "clusters": size, "given": number / len(ends),
        "held": held / number if number else None, "width": float(np.median(widths)) if number else None,
    }  # fmt: skip


def false_alarms(name: str, size: int, given: argparse.Namespace) -> dict[str, Any]:
    """Two systems that share half of what makes a document hard and do not differ: how often p < 0.05."""
    rng = np.random.default_rng([2, size])
    p_values: list[float] = []
    for batch in range(given.nulls // BATCH):
        if name in CROSSED:
            p_values += [CROSSED[name](rng, size, True).p_permutation for _ in range(BATCH)]
            continue
        samples = {}
        for number in range(BATCH):
            shared, one, two = (DISTRIBUTIONS[name](rng, size)[0] for _ in range(3))
            for letter, own in (("a", one), ("b", two)):
                samples[f"{letter}{number}"] = Sample(
                    shared.clusters,
                    (shared.numerators + own.numerators) / 2,
                    (shared.denominators + own.denominators) / 2,
                )
        pairs = [(f"a{number}", f"b{number}") for number in range(BATCH)]
        found = compare(samples, pairs=pairs, resamples=given.exchanges, seed=batch).differences.values()
        p_values += [one.p_permutation for one in found]
    return {"distribution": name, "clusters": size, "found": float(np.mean(np.array(p_values) < 0.05))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--nulls", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--exchanges", type=int, default=399)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    names = [*DISTRIBUTIONS, *CROSSED]
    coverage = [covered(name, size, given) for name in names for size in given.sizes]
    tested: dict[str, Sequence[int]] = {name: range(1, 21) for name in ("normal", "items x raters, as many")}
    tested |= dict.fromkeys(
        ("lognormal 0.5 (perplexities)", "share 0.2", "clustered by paper"), (1, 2, 3, 4, 6, 8, 12, 20)
    )
    alarms = [false_alarms(name, size, given) for name, sizes in tested.items() for size in sizes]
    if given.json:
        figures = {"coverage": coverage, "false_alarms": alarms, "draws": given.draws, "nulls": given.nulls}
        print(json.dumps(figures, indent=2))
        return
    for title, table in (("95 % intervals", coverage), ("p < 0.05 where nothing differs", alarms)):
        print(f"\n{title}\n\n| {' | '.join(table[0])} |\n|{' --- |' * len(table[0])}")
        for row in table:
            cells = (
                f"{v:.3f}" if isinstance(v, float) else "-" if v is None else str(v) for v in row.values()
            )
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
