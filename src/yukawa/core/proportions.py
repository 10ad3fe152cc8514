"""Shares with exact intervals, and p-values corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

from yukawa.core.bootstrap import Array
from yukawa.core.errors import InputError
from yukawa.core.statistics import LEVEL, check_options


def wilson(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a share (E. B. Wilson 1927): right on average over shares.

    Raises:
        InputError: there are no trials, or fewer than successes.
    """
    _check_counts(successes, trials, level)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, weight = successes / trials, z * z / trials
    centre = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    low = 0.0 if successes == 0 else (centre - half) / (1 + weight)
    high = 1.0 if successes == trials else (centre + half) / (1 + weight)
    return low, high


def clopper_pearson(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a share (Clopper and Pearson 1934): never below its level, so rather wide.

    Raises:
        InputError: there are no trials, or fewer than successes.
    """
    _check_counts(successes, trials, level)
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else _root(lambda p: 1 - _at_most(successes - 1, trials, p) - tail)
    high = 1.0 if successes == trials else _root(lambda p: tail - _at_most(successes, trials, p))
    return low, high


def binomial_test(successes: int, trials: int, share: float = 0.5) -> float:
    """Two-sided exact p-value of a share: all outcomes no likelier than the one that came.

    Raises:
        InputError: there are no trials, fewer than successes, or the share is not within 0 and 1.
    """
    _check_counts(successes, trials, 0.5)
    if not 0 <= share <= 1:
        raise InputError(f"a share lies within 0 and 1, not {share}")
    chances = _chances(trials, share)
    return min(1.0, float(chances[chances <= chances[successes] * (1 + 1e-7)].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, each test's own order kept (Holm 1979).

    Raises:
        InputError: one is not within 0 and 1.
    """
    found = np.asarray(p_values, np.float64)
    if not ((found >= 0) & (found <= 1)).all():
        raise InputError("p-values lie within 0 and 1")
    order = np.argsort(found, kind="stable")
    steps = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1))
    corrected = np.empty_like(found)
    corrected[order] = np.minimum(steps, 1)
    return [float(value) for value in corrected]


def _check_counts(successes: int, trials: int, level: float) -> None:
    check_options(level)
    if trials < 1 or not 0 <= successes <= trials:
        raise InputError(f"{successes} of {trials} is no share", hint="give successes of one or more trials")


def _chances(trials: int, share: float) -> Array:
    """Probability of each number of successes."""
    k = np.arange(trials + 1)
    if share in (0, 1):
        sure: Array = (k == trials * share).astype(np.float64)
        return sure
    logs = np.concatenate([[0.0], np.cumsum(np.log(k[1:]))])
    chances: Array = np.exp(logs[-1] - logs - logs[::-1] + k * math.log(share) + k[::-1] * math.log1p(-share))
    return chances


def _at_most(successes: int, trials: int, share: float) -> float:
    return float(_chances(trials, share)[: successes + 1].sum())


def _root(rising: Callable[[float], float]) -> float:
    """Where a function that rises from below zero within (0, 1) is zero."""
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
