"""Estimates with intervals, paired differences, proportions and tests, for texts and jets alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import lazy_loader

from yukawa.core.bootstrap import Bootstrap, value_of
from yukawa.core.errors import InputError, require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
else:
    np = lazy_loader.load("numpy")

RESAMPLES = 10_000
LEVEL = 0.95
Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)
SHARE: Range = (0.0, 1.0)
ONE_SIGMA = math.erf(1 / math.sqrt(2))  # 68.27 %, the level of one standard deviation


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its confidence interval; NaN where the data do not determine one.

    Attributes:
        value: of the sample itself.
        low: lower end of the interval.
        high: upper end.
        error: standard error of the value.
        level: how often such an interval holds the true value.
        method: of the interval; where there is none, the reason.
        clusters: number of independent groups that were resampled; 0 where none were.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    error: float = math.nan
    level: float = LEVEL
    method: str = ""
    clusters: int = 0


@dataclass(frozen=True, slots=True)
class Difference(Estimate):
    """Second minus first on the same clusters, with its interval and a test of no difference.

    Attributes:
        p_permutation: two-sided, from exchanging the two systems within clusters; of means, the sign-flip test. Of a
            jackknife it is Student's.
        exact: whether every exchange was counted rather than random ones.
    """

    p_permutation: float = math.nan
    exact: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Totals of numerators and denominators by cluster; the value of the sample is their ratio.

    A mean over documents has the number of documents as denominators; a corpus perplexity has losses as numerators,
    tokens as denominators, and is the exponential of the ratio.

    Attributes:
        clusters: names of the C clusters, sorted.
        numerators: totals, shape (C,).
        denominators: totals, shape (C,).
        exponential: whether the value is exp(ratio).
        within: the least and the greatest value that the measure can have; its interval stays there.
    """

    clusters: tuple[str, ...]
    numerators: Array
    denominators: Array
    exponential: bool = False
    within: Range = ANY

    @classmethod
    def mean(cls, values: ArrayLike, clusters: Sequence[str] | None = None, *, within: Range = ANY) -> Sample:
        """The mean of values; each is its own cluster if none are named.

        Raises:
            InputError: as for `ratio`.
        """
        return cls.ratio(values, np.ones(np.shape(values)), clusters, within=within)

    @classmethod
    def ratio(
        cls,
        numerators: ArrayLike,
        denominators: ArrayLike,
        clusters: Sequence[str] | None = None,
        *,
        exponential: bool = False,
        within: Range = ANY,
    ) -> Sample:
        """Sum of numerators over sum of denominators, or its exponential.

        Raises:
            InputError: there are no values, one is not finite or out of range, lengths differ, or the denominators sum
                to zero.
        """
        n, d = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
        if n.ndim != 1 or n.shape != d.shape or not len(n):
            raise InputError(
                f"a measure needs one or more values in a row, not shapes {n.shape} and {d.shape}"
            )
        if not (np.isfinite(n).all() and np.isfinite(d).all()):
            raise InputError(
                "a measure holds values that are not finite", hint="look for NaN among the losses"
            )
        if not d.sum() > 0:
            raise InputError("a measure cannot be divided by zero: its denominators sum to zero")
        _check_range(value_of(n, d, exponential)[d > 0], within)
        names = [f"{k:09d}" for k in range(len(n))] if clusters is None else list(clusters)
        if len(names) != len(n):
            raise InputError(f"{len(n)} values came with {len(names)} clusters")
        labels, where = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
        n, d = (np.bincount(where, column, len(labels)).astype(np.float64) for column in (n, d))
        return cls(tuple(labels.tolist()), n, d, exponential, within)

    @property
    def value(self) -> float:
        """The ratio of the totals, or its exponential."""
        return float(value_of(self.numerators.sum(), self.denominators.sum(), self.exponential))


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Several systems on the same clusters.

    Attributes:
        estimates: each system's value.
        differences: of each pair (first, second), in the order of the systems.
        resampled: values of every resample (rows), one column a system; for plots.
    """

    estimates: dict[str, Estimate]
    differences: dict[tuple[str, str], Difference]
    resampled: Array


class IntervalOptions(TypedDict, total=False):
    """How an interval is made; see `compare`."""

    level: float
    resamples: int
    seed: int


def estimate(sample: Sample, **options: Unpack[IntervalOptions]) -> Estimate:
    """The value of one sample with its interval; see `compare`."""
    return compare({"": sample}, **options).estimates[""]


def difference(first: Sample, second: Sample, **options: Unpack[IntervalOptions]) -> Difference:
    """Second minus first, paired by cluster; see `compare`."""
    return compare({"first": first, "second": second}, **options).differences["first", "second"]


def compare(
    samples: Mapping[str, Sample],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> Comparison:
    """Values of several systems and their paired differences, from one set of resampled clusters.

    Intervals are of bootstrap-t (Efron and Tibshirani 1993, chapter 12), which keeps its level best on few or skewed
    clusters, cut to the range of the measure. Where a measure has two bounds and many of its values are equal, such as
    a share, the interval lies between quantiles of the mean of randomly weighted clusters and one more that has the
    least, or the greatest value (Learned-Miller and Thomas, arXiv:1905.06208): of shares it is Clopper and Pearson's,
    and where all values are equal it still has a width. Of fewer than four clusters there is neither interval nor test;
    where most values of a measure without two bounds are equal there is no interval.

    Standard errors are of the ratio linearised by cluster. The interval of an exponential is made on the
    logarithm, that of a difference on the values.

    Args:
        samples: by the system's name; all on the same clusters.
        level: of the intervals.
        resamples: number of bootstrap resamples, and of random exchanges in the permutation test.
        seed: the same seed gives the same resamples, whatever the systems.
        pairs: whose differences are wanted; None takes all pairs.

    Raises:
        InputError: the clusters differ, or an option is out of range.
    """
    check_options(level, resamples)
    names = list(samples)
    wanted = list(combinations(names, 2)) if pairs is None else list(pairs)
    places = [(names.index(a), names.index(b)) for a, b in wanted]
    arrays = _stacked(list(samples.values()))
    size, bootstrap = len(arrays[0]), Bootstrap(*arrays, places, resamples, seed)
    estimates, differences = {}, {}
    for s, name in enumerate(names):
        low, high, method = bootstrap.interval(s, level)
        estimates[name] = Estimate(samples[name].value, low, high, bootstrap.error(s), level, method, size)
    p_values, exact = bootstrap.exchange_p_values()
    for (first, second), (a, b), p in zip(wanted, places, p_values, strict=True):
        low, high, method = bootstrap.difference_interval(a, b, level)
        differences[first, second] = Difference(
            samples[second].value - samples[first].value, low, high, bootstrap.difference_error(a, b), level, method,
            size, p, exact,
        )  # fmt: skip
    return Comparison(estimates, differences, bootstrap.resampled.values)


def _stacked(samples: Sequence[Sample]) -> tuple[Array, Array, NDArray[np.bool_], Array]:
    """Numerators and denominators, shape (C, S), which of the S systems are exponentials, and their ranges (S, 2)."""
    if not samples or any(sample.clusters != samples[0].clusters for sample in samples):
        raise InputError(
            "systems can only be compared on the same documents", hint="evaluate each on the same test set"
        )
    return (
        np.stack([sample.numerators for sample in samples], axis=1),
        np.stack([sample.denominators for sample in samples], axis=1),
        np.array([sample.exponential for sample in samples]),
        np.array([sample.within for sample in samples], np.float64),
    )


def _check_range(values: Array, within: Range) -> None:
    """Refuse values out of their range; rounding of a millionth is none."""
    least, greatest = within
    slack = 1e-6 * max(abs(value) for value in within if math.isfinite(value)) if within != ANY else 0
    out = values[(values < least - slack) | (values > greatest + slack)]
    if len(out):
        raise InputError(f"a measure between {least:g} and {greatest:g} holds the value {out[0]:g}")


def check_options(level: float, resamples: int = RESAMPLES) -> None:
    """Refuse options of an interval that are out of range.

    Raises:
        InputError: says which.
    """
    if not 0 < level < 1:
        raise InputError(f"the level of an interval must be between 0 and 1, not {level}", hint="write 0.95")
    if resamples < 1:
        raise InputError(f"an interval needs at least one resample, not {resamples}", hint=f"use {RESAMPLES}")


def wilson(share: ArrayLike, trials: ArrayLike, level: float = LEVEL) -> tuple[Array, Array]:
    """The ends of Wilson's score interval of shares of trials (J. Am. Stat. Assoc. 22 (1927) 209); shapes are broadcast.

    The number of trials need not be whole: an effective one serves as well. NaN where there are none.

    Raises:
        InputError: the level is out of range.
    """
    check_options(level)
    p, n = np.broadcast_arrays(np.asarray(share, np.float64), np.asarray(trials, np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(n > 0, NormalDist().inv_cdf((1 + level) / 2) ** 2 / n, np.nan)
    middle = (p + weight / 2) / (1 + weight)
    half = np.sqrt(np.maximum(p * (1 - p), 0) * weight + weight**2 / 4) / (1 + weight)
    # Exact at the ends, where the formula would leave rounding.
    return np.where(p == 0, p, middle - half), np.where(p == 1, p, middle + half)


def wilson_estimate(successes: int, trials: int, level: float = LEVEL) -> Estimate:
    """The share of successes with Wilson's interval.

    Raises:
        InputError: there are no trials, or successes do not lie between 0 and trials.
    """
    _check_counts(successes, trials)
    share = successes / trials
    low, high = wilson(share, trials, level)
    return Estimate(share, float(low), float(high), math.sqrt(share * (1 - share) / trials), level, "wilson")


def clopper_pearson(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a share (Biometrika 26 (1934) 404): never below its level, hence rather wide.

    Raises:
        InputError: there are no trials, or successes do not lie between 0 and trials.
        MissingPackage: SciPy is not installed.
    """
    check_options(level)
    _check_counts(successes, trials)
    interval = _scipy().binomtest(successes, trials).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def binomial_test(successes: int, trials: int, share: float = 0.5) -> float:
    """Two-sided exact p-value of a share: the probability of all outcomes that are not likelier than the observed one.

    Raises:
        InputError: there are no trials, successes do not lie between 0 and trials, or the share not within 0 and 1.
        MissingPackage: SciPy is not installed.
    """
    _check_counts(successes, trials)
    if not 0 <= share <= 1:
        raise InputError(f"a share must be between 0 and 1, not {share}")
    return float(_scipy().binomtest(successes, trials, share).pvalue)


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Two-sided p-value of McNemar's test (Psychometrika 12 (1947) 153): is one of two systems right more often?

    Args:
        only_first: cases in which the first system alone is right.
        only_second: cases in which the second alone is right.

    Raises:
        MissingPackage: SciPy is not installed.
    """
    trials = only_first + only_second
    return binomial_test(only_first, trials) if trials else 1.0


def chi_square_p(chi2: float, degrees: int) -> float:
    """Probability of a larger chi-square; 1 where there are no degrees of freedom.

    Raises:
        MissingPackage: SciPy is not installed.
    """
    return float(_scipy().chi2.sf(chi2, degrees)) if degrees > 0 else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, each test's own order kept (Scand. J. Stat. 6 (1979) 65).

    NaN stands where nothing was tested.

    Raises:
        InputError: one is not within 0 and 1.
    """
    found = np.asarray(p_values, np.float64)
    if not ((found >= 0) & (found <= 1) | np.isnan(found)).all():
        raise InputError("p-values must be between 0 and 1")
    order = np.argsort(found, kind="stable")[: np.count_nonzero(~np.isnan(found))]
    steps = np.maximum.accumulate(found[order] * np.arange(len(order), 0, -1))
    corrected = np.full_like(found, math.nan)
    corrected[order] = np.minimum(steps, 1)
    return [float(value) for value in corrected]


def _check_counts(successes: int, trials: int) -> None:
    if trials < 1 or not 0 <= successes <= trials:
        raise InputError(
            f"successes must lie between 0 and trials, and trials be at least 1; got {successes} of {trials}"
        )


def _scipy() -> Any:
    return require("scipy.stats", "statistical tests")
