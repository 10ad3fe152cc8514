"""A model judge measured by people: its confusion with them, rates that its verdicts cannot bias, and how many are needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from yukawa.core.bootstrap import FEWEST
from yukawa.core.errors import InputError
from yukawa.core.statistics import LEVEL, Estimate, check_options, wilson_estimate

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A judge beside people on the same units.

    Attributes:
        classes: the K verdicts.
        counts: what people said (rows) and the judge said (columns), shape (K, K).
        given_judge: probability of what people say (rows) given what the judge says (columns), from a flat Dirichlet prior.
        accuracy: share of units on which the judge says what people say.
        ceiling: the share on which two people say the same; None where no unit has two.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    given_judge: Array
    accuracy: Estimate
    ceiling: Estimate | None


def calibrate(
    people: Sequence[str],
    judge: Sequence[str],
    second_person: Sequence[str | None] | None = None,
    *,
    level: float = LEVEL,
) -> Calibration:
    """How often a judge says what people say, beside how often two people say the same.

    Args:
        people: verdicts of people, one a unit.
        judge: the judge's verdicts on the same units.
        second_person: those of another person, where there are any.
        level: of the intervals, which are Wilson's.

    Raises:
        InputError: there are no units, or lengths differ.
    """
    if not people or len(people) != len(judge):
        raise InputError(f"{len(people)} verdicts of people came with {len(judge)} of the judge")
    classes = tuple(sorted({*people, *judge}))
    place = {name: k for k, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, ([place[said] for said in people], [place[said] for said in judge]), 1)
    weighted = counts + 1.0
    both = [
        (a, b) for a, b in zip(people, second_person or [None] * len(people), strict=True) if b is not None
    ]
    return Calibration(
        classes, counts, weighted / weighted.sum(axis=0),
        wilson_estimate(int(np.trace(counts)), len(people), level),
        wilson_estimate(sum(a == b for a, b in both), len(both), level) if both else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Corrected(Estimate):
    """A mean over all units from a judge of all and people of some.

    Attributes:
        people_alone: the mean that people alone give, with its interval.
        judge_alone: what the judge alone would have claimed.
        weight: how far the judge is trusted, between 0 and 1: lambda.
    """

    people_alone: Estimate = field(default_factory=lambda: Estimate(math.nan))
    judge_alone: float = math.nan
    weight: float = math.nan


def prediction_powered(
    people: ArrayLike,
    judge_there: ArrayLike,
    judge_elsewhere: ArrayLike,
    clusters_there: Sequence[str] | None = None,
    clusters_elsewhere: Sequence[str] | None = None,
    *,
    level: float = LEVEL,
) -> Corrected:
    """The mean of people's scores over all units, of which they judged a random part and a judge all.

    With weight l it is l mean(judge elsewhere) + mean(people - l judge there): the judge reduces the spread, and cannot
    shift the mean. The weight is the one of smallest variance, cov / ((1 + n/N) var), within 0 and 1, so that a useless
    judge costs nothing (PPI++: Angelopoulos, Duchi and Zrnic, arXiv:2311.01453). Variances are by cluster, and intervals
    by Student's t of the clusters that people judged, minus 1.

    Args:
        people: scores of n units, such as 1 for a win, 0.5 for a tie and 0 for a loss.
        judge_there: the judge's scores of these units.
        judge_elsewhere: the judge's scores of N other units.
        clusters_there: questions of the n units; None takes each as its own.
        clusters_elsewhere: questions of the N units.
        level: of the interval.

    Raises:
        InputError: lengths differ, a score is not finite, or people judged fewer than four clusters.
    """
    check_options(level)
    y, f = _by_cluster(people, clusters_there), _by_cluster(judge_there, clusters_there)
    g = _by_cluster(judge_elsewhere, clusters_elsewhere)
    n, others = len(y), len(g)
    if len(f) != n or n < FEWEST:
        raise InputError(
            f"people judged {n} questions and the judge {len(f)} of them", hint=f"judge {FEWEST} or more"
        )
    spread, shared = float(np.var(f, ddof=1)) if others else 0.0, float(np.cov(y, f)[0, 1])
    weight = min(max(shared / ((1 + n / others) * spread), 0.0), 1.0) if spread > 0 else 0.0
    value = (weight * float(g.mean()) if others else 0.0) + float((y - weight * f).mean())
    variance = float(np.var(y - weight * f, ddof=1)) / n
    if others > 1:
        variance += weight**2 * float(np.var(g, ddof=1)) / others
    reach = float(stats.t.ppf((1 + level) / 2, n - 1))
    error, alone = math.sqrt(variance), float(np.std(y, ddof=1)) / math.sqrt(n)
    mean = float(y.mean())
    return Corrected(
        value, value - reach * error, value + reach * error, error, level, "prediction-powered", n,
        Estimate(mean, mean - reach * alone, mean + reach * alone, alone, level, "t", n),
        float(g.mean()) if others else math.nan, weight,
    )  # fmt: skip


def _by_cluster(values: ArrayLike, clusters: Sequence[str] | None) -> Array:
    """Scores of clusters: the mean over all is their mean, also where clusters differ in size."""
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise InputError("scores must be finite numbers in a row")
    if clusters is None:
        return found
    if len(clusters) != len(found):
        raise InputError(f"{len(found)} scores came with {len(clusters)} questions")
    names, where = np.unique(np.array(clusters, dtype=str), return_inverse=True)
    return np.bincount(where, found, len(names)) * len(names) / len(found)


# ---- how many are needed -----------------------------------------------------------------------------


def planned_questions(
    share: float,
    ties: float = 0.0,
    *,
    power: float = 0.8,
    level: float = LEVEL,
    verdicts: int = 1,
    correlation: float = 0.5,
) -> int:
    """Questions to be judged so that two models are found different, two-sided, with this probability.

    A verdict is 1, 0 or -1 with mean m = (1 - ties) (2 share - 1) and variance 1 - ties - m^2; several verdicts on one
    question hang together by `correlation` (Kish's design effect).

    Args:
        share: of the verdicts that are not ties, those for the better model.
        ties: share of ties.
        power: probability of finding the difference.
        level: 1 minus the probability of a false alarm.
        verdicts: on each question.
        correlation: of the verdicts on one question.

    Raises:
        InputError: the models are equal, or a number is out of range.
    """
    check_options(level)
    if not (
        0.5 < share <= 1
        and 0 <= ties < 1
        and level / 2 < power < 1
        and verdicts >= 1
        and 0 <= correlation <= 1
    ):
        raise InputError(
            "an effect is a share of decided verdicts above 0.5 and up to 1, with ties from 0 to below 1 and a power below 1",
            hint="write --effect 0.6 --ties 0.2 --power 0.8",
        )
    reach = NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)
    mean = (1 - ties) * (2 * share - 1)
    variance = (1 - ties - mean**2) * (1 + (verdicts - 1) * correlation) / verdicts
    return max(math.ceil(reach**2 * variance / mean**2), 2)
