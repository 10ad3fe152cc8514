"""Bootstrap intervals and permutation tests of ratios by cluster, in blocks of resamples that fit memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import lazy_loader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
else:
    np = lazy_loader.load("numpy")

Method = Literal["studentized", "bca", "percentile"]
Pair = tuple[int, int]

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
        pairs: of systems whose difference is wanted.
        resamples: R.
        seed: the same seed draws the same clusters.
    """

    def __init__(
        self,
        numerators: Array,
        denominators: Array,
        exponential: NDArray[np.bool_],
        pairs: Sequence[Pair],
        resamples: int,
        seed: int,
    ) -> None:
        self._totals = n, d = numerators, denominators
        self.size, systems = n.shape
        self.exponential = exponential
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
        # Values without one cluster at a time, for the acceleration of BCa.
        self._jackknife = value_of(n.sum(0) - n, d.sum(0) - d, exponential)

    def _moments(self, sums: Array) -> _Moments:
        systems, pairs = len(self.exponential), len(self._first)
        ends = np.cumsum([systems, systems, pairs, pairs, pairs])
        n, d, nn, nd, dn, dd = np.split(sums[:, self._copies], ends, axis=1)
        a, b = self._first, self._second
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = n / d
            residuals = nn - ratios[:, b] * nd - ratios[:, a] * dn + ratios[:, a] * ratios[:, b] * dd
            covariances = residuals / (d[:, a] * d[:, b]) * (self.size / max(self.size - 1, 1))
        covariances[:, :systems] = np.maximum(covariances[:, :systems], 0)
        return _Moments(ratios, value_of(n, d, self.exponential), covariances)

    def error(self, s: int) -> float:
        """Standard error of the value of system s."""
        slope = float(self.sample.values[0, s]) if self.exponential[s] else 1.0
        return slope * math.sqrt(self.sample.covariances[0, s])

    def interval(self, s: int, level: float, method: Method) -> tuple[float, float]:
        """Ends of the interval of system s."""
        if self.size < 2:
            return math.nan, math.nan
        if method != "studentized":
            value, resampled = float(self.sample.values[0, s]), self.resampled.values[:, s]
            return _by_quantile(value, resampled, self._jackknife[:, s], level, method)
        # On the ratio itself, since the exponential keeps the order.
        ratio, error = float(self.sample.ratios[0, s]), math.sqrt(self.sample.covariances[0, s])
        resampled, errors = self.resampled.ratios[:, s], np.sqrt(self.resampled.covariances[:, s])
        ends = _studentized(ratio, error, resampled, errors, level)
        if not self.exponential[s]:
            return ends
        with np.errstate(over="ignore"):  # of few clusters the interval may have no upper end
            return float(np.exp(ends[0])), float(np.exp(ends[1]))

    def difference_interval(self, a: int, b: int, level: float, method: Method) -> tuple[float, float]:
        """Ends of the interval of system b minus system a."""
        if self.size < 2:
            return math.nan, math.nan
        value, error, resampled, errors = self._difference(a, b)
        if method == "studentized":
            return _studentized(value, error, resampled, errors, level)
        return _by_quantile(value, resampled, self._jackknife[:, b] - self._jackknife[:, a], level, method)

    def p_value(self, a: int, b: int) -> float:
        """How often a resample lies as many standard errors from the difference as the difference from zero."""
        value, error, resampled, errors = self._difference(a, b)
        if not error > 0:
            return 1.0 if value == 0 else math.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = np.abs((resampled - value) / errors)
        return float((np.count_nonzero(~(distances < abs(value) / error)) + 1) / (len(resampled) + 1))

    def difference_error(self, a: int, b: int) -> float:
        """Standard error of system b minus system a."""
        return self._difference(a, b)[1]

    def _difference(self, a: int, b: int) -> tuple[float, float, Array, Array]:
        """System b minus system a: value and standard error of the sample, then those of each resample."""
        found = []
        for moments in (self.sample, self.resampled):
            slopes = np.where(self.exponential, moments.values, 1.0)
            own = [slopes[:, s] ** 2 * moments.covariances[:, s] for s in (a, b)]
            shared = slopes[:, a] * slopes[:, b] * moments.covariances[:, self._place[a, b]]
            variance = own[0] + own[1] - 2 * shared
            # What remains where equal terms cancel is rounding, not spread.
            errors = np.sqrt(np.where(variance > 1e-14 * (own[0] + own[1]), variance, 0))
            found.append((moments.values[:, b] - moments.values[:, a], errors))
        (value, error), (resampled, resampled_errors) = found
        return float(value[0]), float(error[0]), resampled, resampled_errors

    def exchange_p_values(self) -> tuple[list[float], bool]:
        """Two-sided p-values of the pairs of systems, which change places within random clusters.

        Returns:
            The p-values, and whether they are exact: all exchanges are counted where there are at most R.
        """
        size, resamples, exponential = self.size, self._resamples, self.exponential
        exact = size < 60 and 2**size <= resamples
        if not self._pairs:
            return [], exact
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


def with_fallback(
    interval: Callable[[Method], tuple[float, float]], method: Method
) -> tuple[float, float, Method]:
    """Ends and method of an interval: BCa where too many resamples have no spread to be studentized by."""
    low, high = interval(method)
    if method == "studentized" and not (math.isfinite(low) and math.isfinite(high)):
        return *interval("bca"), "bca"
    return low, high, method


def _studentized(
    value: float, error: float, resampled: Array, errors: Array, level: float
) -> tuple[float, float]:
    if error == 0:
        return _degenerate(value, resampled)
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = (resampled - value) / errors
    distances = distances[~np.isnan(distances)]  # a resample of one cluster only has no spread: ±inf stays
    if not len(distances):
        return math.nan, math.nan
    low, high = np.quantile(distances, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return float(value - high * error), float(value - low * error)


def _by_quantile(
    value: float, resampled: Array, jackknife: Array, level: float, method: Method
) -> tuple[float, float]:
    ends = [(1 - level) / 2, (1 + level) / 2]
    if method == "bca":
        ends = _bca_levels(value, resampled, jackknife, ends)
    if not ends:
        return _degenerate(value, resampled)
    low, high = np.quantile(resampled, ends)
    return float(low), float(high)


def _bca_levels(value: float, resampled: Array, jackknife: Array, ends: list[float]) -> list[float]:
    """Quantiles corrected for the bias of resamples and for a spread that grows with the value; none may exist."""
    normal = NormalDist()
    below = (np.count_nonzero(resampled < value) + np.count_nonzero(resampled <= value)) / (
        2 * len(resampled)
    )
    deviations = jackknife.mean() - jackknife
    spread = float((deviations**2).sum())
    if not 0 < below < 1 or spread == 0:
        return []
    bias = normal.inv_cdf(below)
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5)
    steps = [bias + normal.inv_cdf(end) for end in ends]
    return [normal.cdf(bias + step / (1 - acceleration * step)) for step in steps]


def _degenerate(value: float, resampled: Array) -> tuple[float, float]:
    """The interval where nothing varies; NaN where something does."""
    return (value, value) if np.allclose(resampled, value, rtol=1e-12, atol=0) else (math.nan, math.nan)
