"""How far judges agree: Krippendorff's alpha, Gwet's AC1, and what each judge's level adds to a score."""

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from yukawa.core.bootstrap import FEWEST, TOO_FEW, resampled_counts
from yukawa.core.errors import InputError, check_name
from yukawa.core.statistics import LEVEL, Estimate, check_options

Array = NDArray[np.float64]
Scale = Literal["nominal", "ordinal", "interval"]
SCALES: tuple[Scale, ...] = ("nominal", "ordinal", "interval")
_FEWEST = 2  # judges of a unit


class Agreement(NamedTuple):
    """Agreement of judges on the same units.

    Attributes:
        alpha: Krippendorff's alpha; 1 is perfect, 0 is chance.
        ac1: Gwet's AC1, which does not collapse where one class is much more frequent than the others.
        raw: share of pairs of judges of one unit who say the same.
        units: those that two or more judges judged.
        values: judgements of these units.
    """

    alpha: Estimate
    ac1: Estimate
    raw: Estimate
    units: int
    values: int


def agreement(
    units: Sequence[Hashable],
    judges: Sequence[Hashable],
    values: ArrayLike,
    scale: Scale = "nominal",
    *,
    level: float = LEVEL,
    resamples: int = 1_000,
    seed: int = 0,
) -> Agreement:
    """Agreement of N judgements, with percentile intervals from resampled units.

    Alpha is that of Krippendorff (Content Analysis, 2004, chapter 11): 1 minus observed over expected disagreement, of
    classes (nominal), ranks (ordinal) or numbers (interval); AC1 that of Gwet (Br. J. Math. Stat. Psychol. 61 (2008) 29)
    with any number of judges a unit. A unit that one judge alone has judged says nothing and is not used.

    Args:
        units: what was judged, of each judgement.
        judges: who judged.
        values: classes or numbers; classes are ordered by their values.
        scale: of the values.
        level: of the intervals.
        resamples: number of resamples.
        seed: of the random numbers.

    Raises:
        InputError: the scale is unknown, lengths differ, a judge judged a unit twice, or no unit was judged by two.
    """
    check_name("scale", scale, SCALES)
    check_options(level, resamples=resamples)
    counts, classes = _counted(units, judges, values)
    weights = np.ones((1, len(counts)))
    found = _measures(weights, counts, classes, scale)[:, 0]
    drawn = np.concatenate(
        [
            _measures(block, counts, classes, scale)
            for block in resampled_counts(len(counts), resamples, seed)
        ],
        axis=1,
    )
    alpha, ac1, raw = (
        _estimate(float(value), row[np.isfinite(row)], level, len(counts))
        for value, row in zip(found, drawn, strict=True)
    )
    return Agreement(alpha, ac1, raw, len(counts), int(counts.sum()))


def _estimate(value: float, drawn: Array, level: float, units: int) -> Estimate:
    """With a percentile interval, of the resamples in which there is a value; of few units there is none."""
    if units < FEWEST or not (np.isfinite(value) and len(drawn)):
        return Estimate(value, level=level, method=TOO_FEW if units < FEWEST else "", clusters=units)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), float(drawn.std()), level, "percentile", units)


def _counted(units: Sequence[Hashable], judges: Sequence[Hashable], values: ArrayLike) -> tuple[Array, Array]:
    """How many judges gave each class to each unit, shape (U, K), and the classes as numbers, shape (K,)."""
    found = np.asarray(values, dtype=np.float64)
    if not len(found) == len(units) == len(judges):
        raise InputError(f"{len(found)} values came with {len(units)} units and {len(judges)} judges")
    if len(set(zip(units, judges, strict=True))) < len(found):
        raise InputError("a judge has judged a unit twice", hint="keep the last judgement of each judge")
    classes, column = np.unique(found, return_inverse=True)
    names = {unit: k for k, unit in enumerate(dict.fromkeys(units))}
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (np.array([names[unit] for unit in units]), column.ravel()), 1)
    counts = counts[counts.sum(axis=1) >= _FEWEST]
    if not len(counts):
        raise InputError(
            "no unit was judged by two judges: agreement is not defined",
            hint="give a part of the questions to two judges",
        )
    return counts, classes


def _measures(weights: Array, counts: Array, classes: Array, scale: Scale) -> Array:
    """Alpha, AC1 and the share of equal pairs of weighted units, shape (3, R)."""
    size = counts.sum(axis=1)
    # Pairs of values within each unit, each unit with the weight of its values (Krippendorff's coincidences).
    within = (counts[:, :, None] * counts[:, None, :] - np.eye(counts.shape[1]) * counts[:, None, :]) / (
        size - 1
    )[:, None, None]
    coincidences = np.einsum("ru,ukl->rkl", weights, within)
    totals = coincidences.sum(axis=2)
    number = totals.sum(axis=1)
    distance = _distances(totals, classes, scale)
    expected = np.einsum("rk,rl,rkl->r", totals, totals, distance) / np.maximum(number - 1, 1)
    observed = np.einsum("rkl,rkl->r", coincidences, distance)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = 1 - observed / expected  # NaN where all say one thing
        equal = ((counts * (counts - 1)).sum(axis=1) / (size * (size - 1))) @ weights.T / weights.sum(axis=1)
        share = (weights @ (counts / size[:, None])) / weights.sum(axis=1)[:, None]
        chance = (share * (1 - share)).sum(axis=1) / max(counts.shape[1] - 1, 1)
        ac1 = (equal - chance) / (1 - chance)
    return np.stack([alpha, ac1, equal])


def _distances(totals: Array, classes: Array, scale: Scale) -> Array:
    """Squared distances of classes, shape (R, K, K); those of ranks depend on how frequent the classes are."""
    if scale == "ordinal":
        middle = np.cumsum(totals, axis=1) - totals / 2
        return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)
    one = (classes[:, None] - classes[None, :]) ** 2 if scale == "interval" else 1 - np.eye(len(classes))
    return np.broadcast_to(one, (len(totals), len(classes), len(classes)))
