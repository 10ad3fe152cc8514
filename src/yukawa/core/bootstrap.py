"""Bootstrap intervals and permutation tests of ratios by cluster, within the range of what is measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lazy_loader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
else:
    np = lazy_loader.load("numpy")

Pair = tuple[int, int]
Interval = tuple[float, float, str]  # its ends and its method; NaN and the reason where there is none

FEWEST = 4  # clusters that an interval or a test needs; benchmarks/evaluation_coverage.py shows why
STUDENTIZED, BOUNDED = "studentized", "bounded"
TOO_FEW, TOO_EQUAL = "too few for an interval", "too many equal values for an interval"
_ROUNDING = 1e-14  # share of a sum of squares below which a difference of such sums is none
_CELLS = 1 << 21  # resamples x clusters that are held at a time


def value_of(numerators: Any, denominators: Any, exponential: Any) -> Array:
    """Ratios, or their exponentials where `exponential` is true, elementwise; shapes are broadcast."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.divide(numerators, denominators)
        return np.where(exponential, np.exp(np.where(exponential, ratios, 0)), ratios)


def resampled_counts(size: int, resamples: int, seed: int) -> Iterator[Array]:
    """How often each cluster was drawn, in blocks of shape (some resamples, size)."""
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, size, size=(rows, size), dtype=np.int32).astype(np.int64)
        drawn += np.arange(rows)[:, None] * size
        yield np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float64)


def random_weights(size: int, resamples: int, seed: int) -> Iterator[Array]:
    """Random weights of the clusters and, in the last column, of one more; rows of shape (size + 1,), not normalised."""
    rng = np.random.default_rng([seed, 2])
    step = max(1, _CELLS // (size + 1))
    for start in range(0, resamples, step):
        yield rng.standard_exponential((min(step, resamples - start), size + 1))


def random_flips(size: int, resamples: int, seed: int) -> Iterator[Array]:
    """Random zeros and ones, in blocks of shape (some resamples, size)."""
    rng = np.random.default_rng([seed, 1])
    step = max(1, _CELLS // size)
    width = -(-size // 8)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        packed = np.frombuffer(rng.bytes(rows * width), np.uint8).reshape(rows, width)
        yield np.unpackbits(packed, axis=1, count=size).astype(np.float64)


def every_flip(size: int) -> Iterator[Array]:
    """Yield all rows of zeros and ones of this length, in one block of shape (2^size, size)."""
    numbers = np.arange(2**size, dtype=np.int64)
    yield ((numbers[:, None] >> np.arange(size)) & 1).astype(np.float64)


class Bootstrap:
    """Ratios of S systems on C clusters and the covariances of chosen pairs, resampled R times.

    The covariance of two ratios is that of their linearisations: with residuals e = n - r d of the clusters it is
    C / (C - 1) * sum(e_a e_b) / (sum(d_a) sum(d_b)). Written out, it needs only sums of products of n and d, which one
    matrix product gives for all resamples. A variance is the covariance of a system with itself.

    Args:
        numerators: n, shape (C, S).
        denominators: d, shape (C, S).
        exponential: (S,), whether the value of a system is the exponential of its ratio.
        ranges: (S, 2), the least and the greatest value that a cluster can have.
        pairs: of systems whose difference is wanted.
        resamples: R.
        seed: the same seed draws the same clusters.
    """

    def __init__(
        self,
        numerators: Array,
        denominators: Array,
        exponential: NDArray[np.bool_],
        ranges: Array,
        pairs: Sequence[Pair],
        resamples: int,
        seed: int,
    ) -> None:
        self._totals = n, d = numerators, denominators
        self.size, systems = n.shape
        self.exponential, self._ranges = exponential, ranges
        self._pairs, self._resamples, self._seed = pairs, resamples, seed
        every = [*((s, s) for s in range(systems)), *pairs]
        self._place = {pair: k for k, pair in enumerate(every)}
        self._first, self._second = np.array(every).T
        a, b = self._first, self._second
        products = [n[:, a] * n[:, b], n[:, a] * d[:, b], d[:, a] * n[:, b], d[:, a] * d[:, b]]
        self._columns, self._copies = _distinct(np.concatenate([n, d, *products], axis=1))
        blocks = resampled_counts(self.size, resamples, seed)
        self.sample = self._moments(np.ones((1, self.size)) @ self._columns)
        self.resampled = self._moments(np.concatenate([block @ self._columns for block in blocks]))
        self._of_clusters = value_of(n, d, exponential)
        self._weighted = self._with_ends() if np.isfinite(ranges).all(1).any() else np.empty((2, 0, systems))

    def _with_ends(self) -> Array:
        """Ratios of randomly weighted clusters and one more, which has the least or the greatest value: (2, R, S)."""
        n, d = self._totals
        sums = [block @ _with_last(n, d) for block in random_weights(self.size, self._resamples, self._seed)]
        numerators, denominators, more = np.split(np.concatenate(sums), 3, axis=1)
        ends = np.where(np.isfinite(self._ranges), self._ranges, np.nan).T[:, None]
        found: Array = (numerators + more * ends) / (denominators + more)
        return found

    def _moments(self, sums: Array) -> _Moments:
        systems, pairs = len(self.exponential), len(self._first)
        ends = np.cumsum([systems, systems, pairs, pairs, pairs])
        n, d, nn, nd, dn, dd = np.split(sums[:, self._copies], ends, axis=1)
        a, b = self._first, self._second
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = n / d
            residuals = nn - ratios[:, b] * nd - ratios[:, a] * dn + ratios[:, a] * ratios[:, b] * dd
            covariances = residuals / (d[:, a] * d[:, b]) * (self.size / max(self.size - 1, 1))
        # What remains where equal terms cancel is rounding, not spread.
        spread = residuals[:, :systems] > _ROUNDING * nn[:, :systems]
        covariances[:, :systems] = np.where(spread, covariances[:, :systems], 0)
        return _Moments(ratios, value_of(n, d, self.exponential), covariances)

    def error(self, s: int) -> float:
        """Standard error of the value of system s; NaN of a single cluster."""
        slope = float(self.sample.values[0, s]) if self.exponential[s] else 1.0
        return slope * math.sqrt(self.sample.covariances[0, s]) if self.size > 1 else math.nan

    def interval(self, s: int, level: float) -> Interval:
        """The interval of system s, within its range."""
        if self.size < FEWEST:
            return math.nan, math.nan, TOO_FEW
        if np.isfinite(self._ranges[s]).all() and _repeat(self._of_clusters[:, s]):
            return _between(self._weighted[0, :, s], self._weighted[1, :, s], level)
        # On the ratio itself, since the exponential keeps the order.
        ratio, error = float(self.sample.ratios[0, s]), math.sqrt(self.sample.covariances[0, s])
        resampled, errors = self.resampled.ratios[:, s], np.sqrt(self.resampled.covariances[:, s])
        low, high, method = _studentized(ratio, error, resampled, errors, level)
        if self.exponential[s]:
            with np.errstate(over="ignore"):
                low, high = float(np.exp(low)), float(np.exp(high))
            if math.isinf(high):  # of few clusters it may have no upper end
                return math.nan, math.nan, TOO_FEW
        return *_clipped(low, high, *self._ranges[s]), method

    def difference_interval(self, a: int, b: int, level: float) -> Interval:
        """The interval of system b minus system a, within the range of such differences."""
        if self.size < FEWEST:
            return math.nan, math.nan, TOO_FEW
        repeated = _repeat(self._of_clusters[:, b] - self._of_clusters[:, a])
        if np.isfinite(self._ranges[[a, b]]).all() and repeated:
            one, two = self._weighted[:, :, a], self._weighted[:, :, b]
            return _between(two[0] - one[1], two[1] - one[0], level)
        low, high, method = _studentized(*self._difference(a, b), level)
        (a_low, a_high), (b_low, b_high) = self._ranges[[a, b]]
        return *_clipped(low, high, b_low - a_high, b_high - a_low), method

    def difference_error(self, a: int, b: int) -> float:
        """Standard error of system b minus system a; NaN of a single cluster."""
        return self._difference(a, b)[1] if self.size > 1 else math.nan

    def _difference(self, a: int, b: int) -> tuple[float, float, Array, Array]:
        """System b minus system a: value and standard error of the sample, then those of each resample."""
        found = []
        for moments in (self.sample, self.resampled):
            slopes = np.where(self.exponential, moments.values, 1.0)
            own = [slopes[:, s] ** 2 * moments.covariances[:, s] for s in (a, b)]
            shared = slopes[:, a] * slopes[:, b] * moments.covariances[:, self._place[a, b]]
            variance = own[0] + own[1] - 2 * shared
            errors = np.sqrt(np.where(variance > _ROUNDING * (own[0] + own[1]), variance, 0))
            found.append((moments.values[:, b] - moments.values[:, a], errors))
        (value, error), (resampled, resampled_errors) = found
        return float(value[0]), float(error[0]), resampled, resampled_errors

    def exchange_p_values(self) -> tuple[list[float], bool]:
        """Two-sided p-values of the pairs of systems, which change places within random clusters.

        Returns:
            The p-values, NaN of too few clusters, and whether they are exact: all exchanges are counted where there are
            at most R.
        """
        size, resamples, exponential = self.size, self._resamples, self.exponential
        exact = size < 60 and 2**size <= resamples
        if not self._pairs or size < FEWEST:
            return [math.nan] * len(self._pairs), exact
        a, b = np.array(self._pairs).T
        n, d = (totals.sum(0) for totals in self._totals)
        values = value_of(n, d, exponential)
        # Sums that differ by rounding alone are equal.
        least = np.abs(values[b] - values[a]) - 1e-12 * np.maximum(np.abs(values[a]), np.abs(values[b]))
        shifts, copies = _distinct(np.concatenate([x[:, b] - x[:, a] for x in self._totals], axis=1))
        reached, counted = np.zeros(len(self._pairs), np.int64), 0
        for flips in every_flip(size) if exact else random_flips(size, resamples, self._seed):
            n_moved, d_moved = np.split((flips @ shifts)[:, copies], 2, axis=1)
            first = value_of(n[a] + n_moved, d[a] + d_moved, exponential[a])
            second = value_of(n[b] - n_moved, d[b] - d_moved, exponential[b])
            reached += np.count_nonzero(np.abs(second - first) >= least, axis=0)
            counted += len(flips)
        found = reached / counted if exact else (reached + 1) / (counted + 1)
        return [float(p) for p in found], exact


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Ratios and values, shape (R, S), and covariances of pairs of ratios, each system with itself first."""

    ratios: Array
    values: Array
    covariances: Array


def _distinct(columns: Array) -> tuple[Array, NDArray[np.int64]]:
    """The different columns, of which alone sums are needed, and where to find each of the old ones among them."""
    found, copies = np.unique(columns, axis=1, return_inverse=True)
    return np.ascontiguousarray(found), copies.ravel()


def _with_last(numerators: Array, denominators: Array) -> Array:
    """Columns whose weighted sums are numerators, denominators and the part of one more cluster of mean size."""
    size, systems = numerators.shape
    columns = np.zeros((size + 1, 3 * systems))
    columns[:size, : 2 * systems] = np.concatenate([numerators, denominators], axis=1)
    columns[size, 2 * systems :] = denominators.mean(0)
    return columns


def _repeat(values: Array) -> bool:
    """Whether more than a tenth of the values are another's over again."""
    return len(np.unique(np.round(values, 9))) < 0.9 * len(values)


def _studentized(value: float, error: float, resampled: Array, errors: Array, level: float) -> Interval:
    """The interval of bootstrap-t; none where too many resamples have no spread."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = (resampled - value) / errors
    # A resample of equal clusters has no spread: ±inf stays, NaN counts on both sides.
    tail = (1 - level) / 2
    low = np.quantile(np.where(np.isnan(distances), -np.inf, distances), tail, method="inverted_cdf")
    high = np.quantile(np.where(np.isnan(distances), np.inf, distances), 1 - tail, method="inverted_cdf")
    if not (error > 0 and np.isfinite([low, high]).all()):
        return math.nan, math.nan, TOO_EQUAL
    return float(value - high * error), float(value - low * error), STUDENTIZED


def _between(lower: Array, upper: Array, level: float) -> Interval:
    """The interval between the quantiles of the weighted ratios with a least and with a greatest value."""
    return (
        float(np.quantile(lower, (1 - level) / 2)), float(np.quantile(upper, (1 + level) / 2)), BOUNDED,
    )  # fmt: skip


def _clipped(low: float, high: float, least: float, greatest: float) -> tuple[float, float]:
    """The part of an interval in the range of its quantity."""
    return max(low, float(least)), min(high, float(greatest))
