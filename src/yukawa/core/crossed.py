"""Means of scores that two kinds of groups cross, such as items and the raters who judge each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import lazy_loader

from yukawa.core.bootstrap import FEWEST, TOO_EQUAL, TOO_FEW
from yukawa.core.errors import InputError, require
from yukawa.core.statistics import ANY, LEVEL, Difference, Range, check_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
else:
    np = lazy_loader.load("numpy")

STUDENT = "Student's t, two-way clusters"


def crossed_mean(
    values: ArrayLike,
    items: Sequence[str],
    raters: Sequence[str],
    *,
    level: float = LEVEL,
    within: Range = ANY,
) -> Difference:
    """The mean of N scores of items by raters, with an interval for other items and other raters; p is of a mean of zero.

    Scores of one item hang together, and so do those of one rater. The variance of the mean is that between items, plus
    that between raters, minus that of the single scores, which both contain (Cameron, Gelbach and Miller, J. Bus. Econ.
    Stat. 29 (2011) 238); it is never taken as less than the larger of the first two. Student's t has the degrees of
    freedom of the fewer groups, which is careful. Give the paired differences of two systems to compare them. Not every
    rater needs to have judged every item.

    Args:
        values: scores, shape (N,).
        items: of each score, N names.
        raters: of each score, N names.
        level: of the interval.
        within: the least and the greatest score; the interval stays there.

    Raises:
        InputError: there are no scores, one is not finite, or names do not fit them.
        MissingPackage: SciPy is not installed.
    """
    check_options(level)
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1 or not len(scores) or not len(scores) == len(items) == len(raters):
        raise InputError(
            f"scores, items and raters must be as many: {scores.size}, {len(items)}, {len(raters)}"
        )
    if not np.isfinite(scores).all():
        raise InputError("a score is not finite", hint="remove its row, or write its number")
    mean = float(scores.mean())
    cells = [f"{item}\x1f{rater}" for item, rater in zip(items, raters, strict=True)]
    parts = [_between(scores - mean, names) for names in (items, raters, cells)]
    (of_items, many_items), (of_raters, many_raters), (of_cells, _) = parts
    fewest = min(many_items, many_raters)
    variance = max(of_items + of_raters - of_cells, of_items, of_raters)
    none = TOO_FEW if fewest < FEWEST else TOO_EQUAL if variance <= 1e-14 * float((scores**2).mean()) else ""
    if none:
        return Difference(mean, method=none, clusters=fewest, level=level)
    student, error = require("scipy.stats", "statistical tests").t(fewest - 1), math.sqrt(variance)
    half = float(student.ppf((1 + level) / 2)) * error
    p = 2 * float(student.sf(abs(mean) / error))
    low, high = max(mean - half, within[0]), min(mean + half, within[1])
    return Difference(mean, low, high, error, level, STUDENT, fewest, p)


def _between(residuals: Array, names: Sequence[str]) -> tuple[float, int]:
    """The variance of the mean from the totals of groups, and how many groups there are."""
    _, where = np.unique(np.array(list(names), dtype=object).astype(str), return_inverse=True)
    totals = np.bincount(where, residuals)
    groups = len(totals)
    return float((totals**2).sum()) / len(residuals) ** 2 * groups / max(groups - 1, 1), groups
