"""Values of data that two kinds of groups cross, such as items and the raters who judge each of them."""

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

JACKKNIFE, TWO_WAY = "jackknife", "jackknife, two-way"


def jackknife(
    value: float, left_out: Sequence[Array], *, level: float = LEVEL, within: Range = ANY
) -> Difference:
    """A value with an interval for other groups than those of the data; p is of a value of zero.

    Of G groups the variance is (G - 1)/G times the sum of the squares by which leaving out each of them moves the value
    (Efron and Stein, Ann. Stat. 9 (1981) 586). Where two kinds of groups cross, it is that of items, plus that of raters, minus
    that of the cells, which both contain (Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29 (2011) 238), and never taken
    as less than the larger of the first two. Student's t has the degrees of freedom of the fewer groups, which is careful.

    Args:
        value: of all data.
        left_out: the value without each group, shape (groups,): of one kind alone; or of items, of raters, and of their cells.
        level: of the interval.
        within: the least and the greatest value; the interval stays there.

    Raises:
        MissingPackage: SciPy is not installed.
    """
    check_options(level)
    parts = [(len(found) - 1) / len(found) * float(((found - value) ** 2).sum()) for found in left_out]
    fewest = min(len(found) for found in left_out[:2])
    variance = parts[0] if len(parts) == 1 else max(parts[0] + parts[1] - parts[2], parts[0], parts[1])
    few = fewest < FEWEST or math.isnan(variance)
    none = TOO_FEW if few else TOO_EQUAL if variance <= 1e-14 * value**2 else ""
    if none:
        return Difference(value, method=none, clusters=fewest, level=level)
    student, error = require("scipy.stats", "statistical tests").t(fewest - 1), math.sqrt(variance)
    half = float(student.ppf((1 + level) / 2)) * error
    p = 2 * float(student.sf(abs(value) / error))
    method = JACKKNIFE if len(parts) == 1 else TWO_WAY
    return Difference(
        value, max(value - half, within[0]), min(value + half, within[1]), error, level, method, fewest, p
    )


def crossed_mean(
    values: ArrayLike,
    items: Sequence[str],
    raters: Sequence[str],
    *,
    level: float = LEVEL,
    within: Range = ANY,
) -> Difference:
    """The mean of N scores of items by raters, with an interval for other items and other raters; see `jackknife`.

    Scores of one item hang together, and so do those of one rater. Give the paired differences of two systems to compare
    them. Not every rater needs to have judged every item.

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
    cells = [f"{item}\x1f{rater}" for item, rater in zip(items, raters, strict=True)]
    left_out = [_means_without(scores, names) for names in (items, raters, cells)]
    return jackknife(float(scores.mean()), left_out, level=level, within=within)


def _means_without(scores: Array, names: Sequence[str]) -> Array:
    """The mean without each group, shape (groups,); NaN of the only one."""
    _, where = np.unique(np.array(list(names), dtype=object).astype(str), return_inverse=True)
    with np.errstate(invalid="ignore"):
        found: Array = (scores.sum() - np.bincount(where, scores)) / (len(scores) - np.bincount(where))
    return found
