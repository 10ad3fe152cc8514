"""How often the intervals of evaluation hold the truth, and how often their tests find what is not there.

Type `python benchmarks/evaluation_coverage.py` (some minutes). Each row draws `--trials` samples of a distribution
whose figure is known and counts the 95 % intervals that hold it; the last rows draw pairs that do not differ and
count p-values below 0.05. The error is that of the count. See README.md.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from yukawa.core.bootstrap import Method
from yukawa.core.statistics import Sample, difference, estimate

METHODS: tuple[Method, ...] = ("studentized", "bca", "percentile")
Draw = Callable[[np.random.Generator, int], tuple[Sample, float]]
SPREAD = 0.5  # of log-perplexities of abstracts, as large as measured ones


def normal(rng: np.random.Generator, size: int) -> tuple[Sample, float]:
    return Sample.mean(rng.normal(2, 1, size)), 2.0


def lognormal(rng: np.random.Generator, size: int) -> tuple[Sample, float]:
    """Perplexities of documents."""
    return Sample.mean(rng.lognormal(2, SPREAD, size)), math.exp(2 + SPREAD**2 / 2)


def heavy(rng: np.random.Generator, size: int) -> tuple[Sample, float]:
    return Sample.mean(rng.lognormal(0, 1, size)), math.exp(0.5)


def share(rng: np.random.Generator, size: int) -> tuple[Sample, float]:
    return Sample.mean((rng.random(size) < 0.2).astype(float)), 0.2


def corpus(rng: np.random.Generator, size: int) -> tuple[Sample, float]:
    """A corpus perplexity, whose documents' lengths and losses hang together."""
    tokens = rng.lognormal(5, 0.5, size)
    rates = 2.5 - 0.2 * (np.log(tokens) - 5) + rng.normal(0, 0.3, size)
    # E[tokens x rate] / E[tokens]: lengths weighted by themselves shift the mean of their logarithm by 0.25.
    return Sample.ratio(tokens * rates, tokens, exponential=True), math.exp(2.5 - 0.2 * 0.25)


def clustered(rng: np.random.Generator, size: int) -> tuple[Sample, float]:
    """One to seven values a paper, three quarters of their variance shared."""
    sizes = rng.integers(1, 8, size)
    values = np.repeat(rng.normal(2, math.sqrt(0.75), size), sizes) + rng.normal(0, 0.5, sizes.sum())
    return Sample.mean(values, np.repeat(np.arange(size), sizes).astype(str).tolist()), 2.0


def clustered_ignored(rng: np.random.Generator, size: int) -> tuple[Sample, float]:
    """The same taken as independent, which is the common mistake."""
    sizes = rng.integers(1, 8, size)
    values = np.repeat(rng.normal(2, math.sqrt(0.75), size), sizes) + rng.normal(0, 0.5, sizes.sum())
    return Sample.mean(values), 2.0


DISTRIBUTIONS: dict[str, Draw] = {
    "normal": normal, "lognormal 0.5 (perplexities)": lognormal, "lognormal 1 (heavy)": heavy, "share 0.2": share,
    "exp of ratio (corpus perplexity)": corpus, "clustered by paper": clustered, "clustered, ignored": clustered_ignored,
}  # fmt: skip


def covered(draw: Draw, size: int, arguments: argparse.Namespace) -> dict[str, float]:
    rng = np.random.default_rng(1)
    held = dict.fromkeys(METHODS, 0)
    for trial in range(arguments.trials):
        sample, truth = draw(rng, size)
        for method in METHODS:
            found = estimate(sample, method=method, resamples=arguments.resamples, seed=trial)
            held[method] += found.low <= truth <= found.high
    return {method: count / arguments.trials for method, count in held.items()}


def false_alarms(draw: Draw, size: int, arguments: argparse.Namespace) -> dict[str, float]:
    """Two systems that share half of what makes a document hard and do not differ."""
    rng = np.random.default_rng(2)
    found = {"p_bootstrap": 0, "p_permutation": 0, "interval": 0}
    for trial in range(arguments.trials):
        shared, one, two = (draw(rng, size)[0] for _ in range(3))
        pair = [
            Sample(
                shared.clusters,
                (shared.numerators + own.numerators) / 2,
                (shared.denominators + own.denominators) / 2,
            )
            for own in (one, two)
        ]
        result = difference(*pair, resamples=arguments.resamples, seed=trial)
        found["p_bootstrap"] += result.p_bootstrap < 0.05
        found["p_permutation"] += result.p_permutation < 0.05
        found["interval"] += not result.low <= 0 <= result.high
    return {name: count / arguments.trials for name, count in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50, 200])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = [
        {"distribution": name, "clusters": size, **covered(draw, size, arguments)}
        for name, draw in DISTRIBUTIONS.items()
        for size in arguments.sizes
    ]
    alarms = [
        {"distribution": name, "clusters": size, **false_alarms(DISTRIBUTIONS[name], size, arguments)}
        for name in ("normal", "lognormal 0.5 (perplexities)", "clustered by paper")
        for size in arguments.sizes
    ]
    if arguments.json:
        print(json.dumps({"coverage": rows, "false_alarms": alarms, "trials": arguments.trials}, indent=2))
        return
    error = math.sqrt(0.95 * 0.05 / arguments.trials)
    for title, table in (("held by the 95 % interval", rows), ("p < 0.05 where nothing differs", alarms)):
        print(f"\n{title}, ± {error:.3f}\n\n| {' | '.join(table[0])} |\n|{' --- |' * len(table[0])}")
        for row in table:
            print(
                "| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()) + " |"
            )


if __name__ == "__main__":
    main()
