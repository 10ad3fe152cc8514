"""Intervals and tests for measures of texts: bootstrap by cluster, paired differences, permutations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from statistics import NormalDist
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from yukawa.core.bootstrap import Array, Columns, every_flip, random_flips, resampled_counts
from yukawa.core.errors import InputError, nearest

Method = Literal["studentized", "bca", "percentile"]

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its confidence interval.

    Attributes:
        value: the figure of the sample itself.
        low: lower end of the interval; NaN where there is one cluster only.
        high: upper end.
        level: how often such an interval holds the true figure.
        method: of the interval.
        clusters: independent groups that were resampled.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    clusters: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Second minus first on the same clusters, with its interval and two tests of no difference.

    Attributes:
        value: figure of the second minus figure of the first.
        low: lower end of the interval.
        high: upper end.
        level: of the interval.
        method: of the interval.
        clusters: pairs that were resampled.
        p_bootstrap: two-sided, from the studentized paired bootstrap.
        p_permutation: two-sided, from exchanging the two systems within clusters.
        exact: whether every exchange was counted, not only random ones.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    clusters: int
    p_bootstrap: float
    p_permutation: float
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What a figure is made of: totals of tops and bottoms by cluster; the figure is their ratio.

    A mean over documents has the number of documents as bottoms; a corpus perplexity has losses as tops,
    tokens as bottoms, and is the exponential of the ratio.

    Attributes:
        clusters: names of the C clusters, sorted.
        tops: totals of the numerator, shape (C,).
        bottoms: totals of the denominator, shape (C,).
        exponential: whether the figure is exp(ratio).
    """

    clusters: tuple[str, ...]
    tops: Array
    bottoms: Array
    exponential: bool = False

    @classmethod
    def mean(cls, values: ArrayLike, clusters: Sequence[str] | None = None) -> Sample:
        """The mean of values; each is its own cluster if none are named.

        Raises:
            InputError: there are no values, one is not finite, or the clusters do not fit them.
        """
        return cls.ratio(values, np.ones(np.shape(values)), clusters)

    @classmethod
    def ratio(
        cls,
        tops: ArrayLike,
        bottoms: ArrayLike,
        clusters: Sequence[str] | None = None,
        *,
        exponential: bool = False,
    ) -> Sample:
        """Sum of tops over sum of bottoms, or its exponential.

        Raises:
            InputError: there are no values, one is not finite, lengths differ, or the bottoms sum to zero.
        """
        top, bottom = np.asarray(tops, np.float64), np.asarray(bottoms, np.float64)
        if top.ndim != 1 or top.shape != bottom.shape or not len(top):
            raise InputError(
                f"a measure needs one or more values in a row, not shapes {top.shape} and {bottom.shape}"
            )
        if not (np.isfinite(top).all() and np.isfinite(bottom).all()):
            raise InputError(
                "a measure holds values that are not finite", hint="look for NaN among the losses"
            )
        if not bottom.sum() > 0:
            raise InputError("a measure has nothing to be divided by: its denominators sum to zero")
        names = [f"{k:09d}" for k in range(len(top))] if clusters is None else list(clusters)
        if len(names) != len(top):
            raise InputError(f"{len(top)} values came with {len(names)} clusters")
        labels, where = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
        sums = [_summed(column, where, len(labels)) for column in (top, bottom)]
        return cls(tuple(labels.tolist()), sums[0], sums[1], exponential)

    @property
    def value(self) -> float:
        """The figure."""
        return float(_figure(self.tops.sum(), self.bottoms.sum(), self.exponential))


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Several systems on the same clusters.

    Attributes:
        estimates: each system's figure.
        differences: of each pair (first, second), in the order of the systems.
        resampled: figures of every resample (rows), one column a system; for plots.
    """

    estimates: dict[str, Estimate]
    differences: dict[tuple[str, str], Difference]
    resampled: Array


def estimate(
    sample: Sample,
    *,
    level: float = LEVEL,
    method: Method = "studentized",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """The figure of one sample with its interval; see `compare`."""
    return compare({"": sample}, level=level, method=method, resamples=resamples, seed=seed).estimates[""]


def difference(
    first: Sample,
    second: Sample,
    *,
    level: float = LEVEL,
    method: Method = "studentized",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Second minus first, paired by cluster; see `compare`."""
    both = {"first": first, "second": second}
    found = compare(both, level=level, method=method, resamples=resamples, seed=seed)
    return found.differences["first", "second"]


def compare(
    samples: Mapping[str, Sample],
    *,
    level: float = LEVEL,
    method: Method = "studentized",
    resamples: int = RESAMPLES,
    seed: int = 0,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> Comparison:
    """Figures of several systems and their paired differences, from one set of resampled clusters.

    `studentized` (bootstrap-t; Efron and Tibshirani 1993, chapter 12) keeps its level best on few or skewed
    clusters, which is why it is the default; `bca` (chapter 14) and `percentile` are what is often quoted. Where
    most values are equal, so that resamples have no spread to be studentized by, BCa takes its place and is named.
    Standard errors are of the ratio linearised by cluster. The interval of an exponential is made on the
    logarithm, that of a difference on the figures.

    Args:
        samples: by the system's name; all on the same clusters.
        level: of the intervals.
        method: of the intervals.
        resamples: number of bootstrap resamples, and of random exchanges in the permutation test.
        seed: the same seed gives the same resamples, whatever the systems.
        pairs: which differences; all if left out.

    Raises:
        InputError: the clusters differ, or an option is out of range.
    """
    check_options(level, method, resamples)
    names = list(samples)
    rows = list(samples.values())
    if not rows or any(row.clusters != rows[0].clusters for row in rows):
        raise InputError(
            "systems are compared on the same documents", hint="evaluate each on the same test set"
        )
    wanted = list(combinations(names, 2)) if pairs is None else list(pairs)
    places = [(names.index(a), names.index(b)) for a, b in wanted]
    engine = _Engine(rows, places, resamples, seed)
    size = len(rows[0].clusters)
    estimates = {
        name: Estimate(rows[s].value, *_best(partial(engine.interval, s, level), level, method), size)
        for s, name in enumerate(names)
    }
    differences = {}
    chances, exact = _permutation_ps(rows, places, resamples, seed)
    for pair, (a, b), p in zip(wanted, places, chances, strict=True):
        ends = _best(partial(engine.difference_interval, a, b, level), level, method)
        differences[pair] = Difference(
            rows[b].value - rows[a].value, *ends, size, engine.p_value(a, b), p, exact
        )
    return Comparison(estimates, differences, engine.figures)


def _best(
    interval: Callable[[Method], tuple[float, float]], level: float, method: Method
) -> tuple[float, float, float, Method]:
    """Ends, level and method of an interval: BCa where many resamples have no spread to be studentized by."""
    low, high = interval(method)
    if method == "studentized" and not (math.isfinite(low) and math.isfinite(high)):
        method = "bca"
        low, high = interval(method)
    return low, high, level, method


def permutation_p(
    first: Sample, second: Sample, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, bool]:
    """Two-sided p-value of no difference: the systems change places within random clusters.

    For a mean this is the sign-flip test. Every exchange is counted where there are no more than `resamples`.

    Returns:
        The p-value, and whether it is exact.
    """
    values, exact = _permutation_ps([first, second], [(0, 1)], resamples, seed)
    return values[0], exact


def _permutation_ps(
    rows: Sequence[Sample], pairs: Sequence[tuple[int, int]], resamples: int, seed: int
) -> tuple[list[float], bool]:
    """`permutation_p` of each pair of systems, all from the same exchanges."""
    size = len(rows[0].clusters)
    exact = size < 60 and 2**size <= resamples
    if not pairs:
        return [], exact
    a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    tops, bottoms = (np.stack(some, axis=1) for some in ([r.tops for r in rows], [r.bottoms for r in rows]))
    values = np.array([row.value for row in rows])
    exponential = np.array([row.exponential for row in rows])
    observed = np.abs(values[b] - values[a])
    least = observed - 1e-12 * np.maximum(np.abs(values[a]), np.abs(values[b]))  # rounding is no difference
    shifts = Columns(np.concatenate([tops[:, b] - tops[:, a], bottoms[:, b] - bottoms[:, a]], axis=1))
    n, d = tops.sum(0), bottoms.sum(0)
    reached, counted = np.zeros(len(pairs), np.int64), 0
    for flips in every_flip(size) if exact else random_flips(size, resamples, seed):
        n_moved, d_moved = np.split(shifts.weighted(flips), 2, axis=1)
        first = _figure(n[a] + n_moved, d[a] + d_moved, exponential[a])
        second = _figure(n[b] - n_moved, d[b] - d_moved, exponential[b])
        reached += np.count_nonzero(np.abs(second - first) >= least, axis=0)
        counted += len(flips)
    found = reached / counted if exact else (reached + 1) / (counted + 1)
    return [float(p) for p in found], exact


class _Engine:
    """Everything the intervals need, from one pass over the resamples."""

    def __init__(
        self, rows: Sequence[Sample], pairs: Sequence[tuple[int, int]], resamples: int, seed: int
    ) -> None:
        self.size = len(rows[0].clusters)
        self.exponential = np.array([row.exponential for row in rows])
        self.tops = np.stack([row.tops for row in rows], axis=1)
        self.bottoms = np.stack([row.bottoms for row in rows], axis=1)
        self.pairs = {pair: k for k, pair in enumerate(pairs)}
        n, d = self.tops, self.bottoms
        a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        # First and second moments: what ratios, and standard errors of them and of their differences, are of.
        blocks = [n, d, n * n, n * d, d * d]
        blocks += [n[:, a] * n[:, b], d[:, a] * n[:, b], n[:, a] * d[:, b], d[:, a] * d[:, b]]
        columns = Columns(np.concatenate(blocks, axis=1))
        self.widths = np.cumsum([block.shape[1] for block in blocks])[:-1]
        drawn = np.concatenate([
            columns.weighted(counts) for counts in resampled_counts(self.size, resamples, seed)
        ])  # fmt: skip
        self.whole = self._moments(columns.weighted(np.ones((1, self.size))))
        self.drawn = self._moments(drawn)
        self.figures = self.drawn.figures
        # Leaving out one cluster at a time, for the acceleration of BCa.
        self.left_out = _figure(n.sum(0) - n, d.sum(0) - d, self.exponential)

    def interval(self, s: int, level: float, method: Method) -> tuple[float, float]:
        """Ends of the interval of one system."""
        if self.size < 2:
            return math.nan, math.nan
        if method == "studentized":  # on the ratio itself: the exponential keeps order
            theta, error = float(self.whole.ratios[0, s]), float(self.whole.errors[0, s])
            ends = _studentized(theta, error, self.drawn.ratios[:, s], self.drawn.errors[:, s], level)
            if not self.exponential[s]:
                return ends
            with np.errstate(over="ignore"):  # few clusters: the interval may have no upper end
                return float(np.exp(ends[0])), float(np.exp(ends[1]))
        figure = float(self.whole.figures[0, s])
        return _by_quantile(figure, self.figures[:, s], self.left_out[:, s], level, method)

    def difference_interval(self, a: int, b: int, level: float, method: Method) -> tuple[float, float]:
        """Ends of the interval of system b minus system a."""
        if self.size < 2:
            return math.nan, math.nan
        if method == "studentized":
            return _studentized(*self._difference(a, b), level)
        left_out = self.left_out[:, b] - self.left_out[:, a]
        theta, _, drawn, _ = self._difference(a, b)
        return _by_quantile(theta, drawn, left_out, level, method)

    def p_value(self, a: int, b: int) -> float:
        """How often a resample lies as many standard errors from the figure as the figure from zero."""
        theta, error, drawn, errors = self._difference(a, b)
        if not error > 0:
            return 1.0 if theta == 0 else math.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = np.abs((drawn - theta) / errors)
        return float((np.count_nonzero(~(distances < abs(theta) / error)) + 1) / (len(drawn) + 1))

    def _difference(self, a: int, b: int) -> tuple[float, float, Array, Array]:
        """Figure and standard error, of the sample and of each resample."""
        k = self.pairs[a, b]
        found = [m.figures[:, b] - m.figures[:, a] for m in (self.whole, self.drawn)]
        errors = [m.pair_errors(a, b, k) for m in (self.whole, self.drawn)]
        return float(found[0][0]), float(errors[0][0]), found[1], errors[1]

    def _moments(self, totals: Array) -> _Moments:
        n, d, nn, nd, dd, *crossed = np.split(totals, self.widths, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = n / d
            scale = self.size / max(self.size - 1, 1)
            spread = np.maximum(nn - 2 * ratios * nd + ratios**2 * dd, 0) * scale
            errors = np.sqrt(spread) / d
        figures = _figure(n, d, self.exponential)
        slopes = np.where(self.exponential, figures, 1.0)
        return _Moments(ratios, errors, figures, slopes, d, crossed, scale)


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Ratios, their standard errors and what differences need; a row a resample, a column a system."""

    ratios: Array
    errors: Array
    figures: Array
    slopes: Array
    bottoms: Array
    crossed: Sequence[Array]
    scale: float

    def pair_errors(self, a: int, b: int, k: int) -> Array:
        """Standard errors of the difference of systems a and b, the k-th pair."""
        nn, dn, nd, dd = (block[:, k] for block in self.crossed)
        p, q = self.ratios[:, a], self.ratios[:, b]
        with np.errstate(divide="ignore", invalid="ignore"):
            shared = (nn - p * dn - q * nd + p * q * dd) / (self.bottoms[:, a] * self.bottoms[:, b])
        own = (self.slopes * self.errors) ** 2
        cross = self.slopes[:, a] * self.slopes[:, b] * shared * self.scale
        variance = own[:, a] + own[:, b] - 2 * cross
        # What is left of equal terms that cancel is rounding, not spread.
        return np.sqrt(np.where(variance > 1e-14 * (own[:, a] + own[:, b]), variance, 0))


def _studentized(
    theta: float, error: float, drawn: Array, errors: Array, level: float
) -> tuple[float, float]:
    if error == 0:
        return _alone(theta, drawn)
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = (drawn - theta) / errors
    distances = distances[~np.isnan(distances)]  # a resample of one cluster only has no spread: ±inf stays
    if not len(distances):
        return math.nan, math.nan
    low, high = np.quantile(distances, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return float(theta - high * error), float(theta - low * error)


def _by_quantile(
    theta: float, drawn: Array, left_out: Array, level: float, method: Method
) -> tuple[float, float]:
    ends = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        ends = _bca_levels(theta, drawn, left_out, ends)
    if np.isnan(ends).any():
        return _alone(theta, drawn)
    low, high = np.quantile(drawn, ends)
    return float(low), float(high)


def _bca_levels(theta: float, drawn: Array, left_out: Array, ends: Array) -> Array:
    """Where to cut the resamples, corrected for their bias and for a spread that grows with the figure."""
    normal = NormalDist()
    share = (np.count_nonzero(drawn < theta) + np.count_nonzero(drawn <= theta)) / (2 * len(drawn))
    deviations = left_out.mean() - left_out
    spread = float((deviations**2).sum())
    if not 0 < share < 1 or spread == 0:
        return np.full(2, math.nan)
    bias = normal.inv_cdf(share)
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5)
    steps = [bias + normal.inv_cdf(float(end)) for end in ends]
    return np.array([normal.cdf(bias + step / (1 - acceleration * step)) for step in steps])


def _alone(theta: float, drawn: Array) -> tuple[float, float]:
    """The interval where nothing varies; none where that is not so."""
    return (theta, theta) if np.allclose(drawn, theta, rtol=1e-12, atol=0) else (math.nan, math.nan)


def _summed(values: Array, where: Any, size: int) -> Array:
    return np.bincount(where, weights=values, minlength=size).astype(np.float64)


def _figure(tops: Any, bottoms: Any, exponential: Any) -> Array:
    """Ratios, or where told their exponentials; elementwise."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.divide(tops, bottoms)
        return np.where(exponential, np.exp(np.where(exponential, ratios, 0)), ratios)


def check_options(level: float, method: str = "bca", resamples: int = RESAMPLES) -> None:
    """Refuse options of an interval that are out of range."""
    if not 0 < level < 1:
        raise InputError(f"the level of an interval lies between 0 and 1, not {level}", hint="write 0.95")
    if method not in get_args(Method):
        near = nearest(method, get_args(Method))
        raise InputError(
            f"{method!r} is no method for intervals; allowed are {', '.join(get_args(Method))}",
            hint=f"did you mean {near!r}?" if near else "",
        )
    if resamples < 1:
        raise InputError(f"{resamples} resamples give no interval", hint=f"use {RESAMPLES}")
