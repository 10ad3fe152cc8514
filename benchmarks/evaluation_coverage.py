"""How often the intervals of evaluation hold the truth, and how often their tests find what is not there.

Type `python benchmarks/evaluation_coverage.py` (some ten minutes). Each row draws `--draws` samples of a distribution
whose figure is known and counts the 95 % intervals that are given, and of these the ones that hold it; the last rows
draw `--nulls` pairs that do not differ and count p-values below 0.05. The error is that of the count. See README.md.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from yukawa.core.crossed import crossed_mean
from yukawa.core.statistics import SHARE, Estimate, Sample, difference, estimate

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


def by_paper(rng: Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One to seven values a paper, three quarters of their variance shared; and their papers."""
    sizes = rng.integers(1, 8, size)
    values = np.repeat(rng.normal(2, math.sqrt(0.75), size), sizes) + rng.normal(0, 0.5, sizes.sum())
    return values, np.repeat(np.arange(size), sizes).astype(str)


def clustered(rng: Generator, size: int) -> Drawn:
    return Sample.mean(*by_paper(rng, size)), 2.0


def clustered_ignored(rng: Generator, size: int) -> Drawn:
    """The same taken as independent, which is the common mistake."""
    return Sample.mean(by_paper(rng, size)[0]), 2.0


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
    names = np.repeat(np.arange(size), sizes).astype(str)
    return Sample.mean((rng.random(sizes.sum()) < chances).astype(float), names, within=SHARE), 0.2


DISTRIBUTIONS: dict[str, Callable[[Generator, int], Drawn]] = {
    "normal": normal, "lognormal 0.5 (perplexities)": lognormal, "lognormal 1 (heavy)": heavy,
    "exp of ratio (corpus perplexity)": corpus, "clustered by paper": clustered,
    "clustered, ignored": clustered_ignored, "Beta(0.5, 0.5)": extremes, "cosines (SemScore)": cosines,
    "share 0.2": share, "share 0.02": rare, "nine of ten tied": tied, "share 0.2, clustered": clustered_share,
}  # fmt: skip


def crossed(raters: int | None) -> Callable[[Generator, int, bool], Estimate]:
    """The mean of scores of items by raters, as many as items or a fixed number; its true value is 2, or 0 of differences."""

    def draw(rng: Generator, items: int, null: bool = False) -> Any:
        many = raters or items
        effects = rng.normal(0, 1, (items, 1)) + rng.normal(0, 0.7, (1, many))
        scores = (effects + rng.normal(0 if null else 2, 1, (items, many))).ravel()
        return crossed_mean(
            scores,
            np.repeat(np.arange(items), many).astype(str),
            np.tile(np.arange(many), items).astype(str),
        )

    return draw


CROSSED = {"items x raters, as many": crossed(None), "items x 5 raters": crossed(5)}


def covered(name: str, size: int, given: argparse.Namespace) -> dict[str, Any]:
    """Of the intervals of one distribution: the share that is given, what share of these holds the truth, their width."""
    rng, held, widths = np.random.default_rng([1, size]), 0, []
    for draw in range(given.draws):
        if name in CROSSED:
            found, truth = CROSSED[name](rng, size, False), 2.0
        else:
            sample, truth = DISTRIBUTIONS[name](rng, size)
            found = estimate(sample, resamples=given.resamples, seed=draw)
            if found.low < sample.within[0] or found.high > sample.within[1]:
                raise SystemExit(f"{name}: [{found.low}, {found.high}] leaves the range")
        if not math.isnan(found.low):
            widths.append(found.high - found.low)
            held += found.low <= truth <= found.high
    number = len(widths)
    return {
        "distribution": name, "clusters": size, "given": number / given.draws,
        "held": held / number if number else None, "width": float(np.median(widths)) if number else None,
    }  # fmt: skip


def false_alarms(name: str, size: int, given: argparse.Namespace) -> dict[str, Any]:
    """Two systems that share half of what makes a document hard and do not differ: how often p < 0.05."""
    rng, found = np.random.default_rng([2, size]), 0
    for draw in range(given.nulls):
        if name in CROSSED:
            found += CROSSED[name](rng, size, True).p_permutation < 0.05
            continue
        shared, one, two = (DISTRIBUTIONS[name](rng, size)[0] for _ in range(3))
        pair = [
            Sample(
                shared.clusters,
                (shared.numerators + own.numerators) / 2,
                (shared.denominators + own.denominators) / 2,
            )
            for own in (one, two)
        ]
        found += difference(*pair, resamples=given.exchanges, seed=draw).p_permutation < 0.05
    return {"distribution": name, "clusters": size, "found": found / given.nulls}


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
    tested = {name: range(1, 21) for name in ("normal", "items x raters, as many")}
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
