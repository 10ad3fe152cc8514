"""Metrics of a jet tagger, each with its statistical uncertainty.

Uncertainties hold the number of jets of each true class fixed, as a simulation does: a row of the confusion
matrix is then one multinomial draw, and rows are independent. `Estimate.error` is the standard deviation that
follows; `low` and `high` bound the 68.27 % interval of Wilson (J. Am. Stat. Assoc. 22 (1927) 209) with the number
of jets that a binomial of the same variance would need, so that they stay in [0, 1] and keep a width at 0 and 1.
Two jets of one event are not independent; the errors of `jackknife_errors` allow for that.

Weighted jets count with their weights; the variance of a share is then that of a ratio of sums of weights, sum of
w^2 (x - mean)^2 over (sum of w)^2, and the number of jets in an interval is the effective one, (sum of w)^2 over sum of w^2.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.statistics import ONE_SIGMA, Estimate, chi_square_p, mcnemar_p, wilson
from yukawa.jets.table import Array, conjugate, flavours

# A row of a matrix that was printed with three digits may miss 1 by this much.
_ROUNDING = 0.02
# Below this many jets a cell's chi-square is not chi-square distributed.
_FEW = 10


NOTHING = Estimate(math.nan, level=ONE_SIGMA, method="wilson")  # of no jets


@dataclass(frozen=True)
class Confusion:
    """The row-normalised confusion matrix of C classes (M11 for the jet-origin classes).

    Attributes:
        matrix: (C, C); share of the jets of a true class (row) that is assigned a class (column); NaN rows have no jets.
        jets: (C,); number of jets of each true class, or the sum of their weights.
        squares: (C, C); sum of the squared weights in each cell; None where all weights are 1.

    Raises:
        InputError: shapes disagree, a number is negative, or a row does not sum to 1.
    """

    matrix: Array
    jets: Array
    classes: tuple[str, ...]
    squares: Array | None = None

    def __post_init__(self) -> None:
        size = len(self.classes)
        if self.matrix.shape != (size, size) or self.jets.shape != (size,):
            raise InputError(
                f"a confusion matrix of {size} classes has {size} x {size} entries and {size} numbers of jets; "
                f"got {self.matrix.shape} and {self.jets.shape}"
            )
        rows = self.matrix[self.jets > 0]
        if np.any(self.jets < 0) or not np.all(rows >= 0):
            raise InputError("a confusion matrix and its numbers of jets must not be negative or NaN")
        if np.any(np.abs(rows.sum(axis=1) - 1) > _ROUNDING):
            raise InputError(
                "each row of a confusion matrix must sum to 1", hint="divide each row by its sum"
            )

    @classmethod
    def from_counts(cls, counts_CC: Array, classes: Sequence[str], squares_CC: Array | None = None) -> Self:
        """Make the matrix from the jets in each cell, shape (classes, classes); rows are the truth.

        Args:
            counts_CC: numbers of jets or sums of weights.
            classes: their names.
            squares_CC: sums of squared weights; None where `counts_CC` are numbers of jets.
        """
        counts_CC = np.asarray(counts_CC, np.float64)
        jets_C = counts_CC.sum(axis=-1)
        return cls(_rate(counts_CC, jets_C[:, None]), jets_C, tuple(classes), squares_CC)

    @classmethod
    def from_predictions(
        cls, labels_B: Array, predicted_B: Array, classes: Sequence[str], weights_B: Array | None = None
    ) -> Self:
        """Make the matrix from the true and the predicted class index of each jet, shapes (jets,); -1 is omitted."""
        cells = count_cells(labels_B, predicted_B, len(classes), weights_B=weights_B)[0]
        squares = None
        if weights_B is not None:
            squares = count_cells(labels_B, predicted_B, len(classes), weights_B=weights_B**2)[0]
        return cls.from_counts(cells, classes, squares)

    @cached_property
    def effective(self) -> Array:
        """The effective number of jets of each true class, shape (classes,): (sum of w)^2 over sum of w^2."""
        return (
            self.jets
            if self.squares is None
            else np.nan_to_num(_rate(self.jets**2, self.squares.sum(axis=1)))
        )

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        """The lower and upper ends of the 68.27 % interval of every entry, each of shape (classes, classes)."""
        return wilson(self.matrix, self.effective[:, None], ONE_SIGMA)

    @cached_property
    def figures(self) -> dict[str, Estimate]:
        """Accuracy, mean diagonal, the efficiency of each flavour and its charge flip rate, by name.

        The names are `accuracy`, `mean_diagonal`, `efficiency_b`, …, `flip_b`, …. The efficiency of a flavour is
        half the sum of its 2x2 block, that of a class without antiparticle its diagonal entry; the charge flip
        rate is the off-diagonal part of the block over the block (arXiv:2310.03440).
        """
        values = matrix_figures(self.matrix, self.jets, self.classes)
        slopes = _slopes(self)
        return {name: self._estimate(float(value), *slopes[name]) for name, value in values.items()}

    def _estimate(self, value: float, slope_CC: Array, involved: float) -> Estimate:
        """The value whose derivative by the matrix is `slope_CC`, of `involved` jets."""
        used = np.any(slope_CC != 0, axis=1)
        p, g, jets = self.matrix[used], slope_CC[used], self.jets[used]
        away = g - np.sum(g * p, axis=1, keepdims=True)
        squares = p * jets[:, None] if self.squares is None else self.squares[used]
        return proportion(value, float(np.sum(_rate(np.sum(away**2 * squares, axis=1), jets**2))), involved)


def count_cells(
    labels_B: Array,
    predicted_B: Array,
    classes: int,
    group_B: Array | None = None,
    groups: int = 1,
    weights_B: Array | None = None,
) -> Array:
    """Jets, or their weights, by group, true class and predicted class: shape (groups, classes, classes).

    Args:
        labels_B: true class indices; -1 is none of the classes and is not counted.
        group_B: the group of each jet, 0 … groups - 1; all are of one group where this is None.

    Raises:
        InputError: lengths disagree or an index names no class.
    """
    if labels_B.shape != predicted_B.shape or labels_B.ndim != 1:
        raise InputError(
            f"there are {labels_B.shape} labels and {predicted_B.shape} predictions; one of each per jet is expected"
        )
    known = labels_B >= 0
    labels, predicted = labels_B[known].astype(np.int64), predicted_B[known].astype(np.int64)
    for what, index in (("label", labels), ("prediction", predicted)):
        wrong = (index < 0) | (index >= classes)
        if wrong.any():
            raise InputError(
                f"the {what} {index[wrong][0]} is outside the {classes} classes (0 … {classes - 1})"
            )
    group = np.zeros(len(labels), np.int64) if group_B is None else group_B[known]
    cell = (group * classes + labels) * classes + predicted
    weights = None if weights_B is None else weights_B[known]
    return np.bincount(cell, weights, minlength=groups * classes**2).reshape(groups, classes, classes)


def tags(classes: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """What is tagged when charge does not count: flavours (quark and antiquark together) and other classes.

    Each name is given with the positions of its classes; order is that of `classes`.
    """
    pairs = dict(flavours(classes))
    anti = set(pairs.values())
    return {
        name: (position, list(classes).index(pairs[name])) if name in pairs else (position,)
        for position, name in enumerate(classes)
        if name not in anti
    }


def matrix_figures(matrix_XCC: Array, jets_XC: Array, classes: Sequence[str]) -> dict[str, Array]:
    """The values of `Confusion.figures` for any number of matrices at once, each of shape (X,)."""
    diagonal_XC = np.diagonal(matrix_XCC, axis1=-2, axis2=-1)
    right_X = np.where(jets_XC > 0, diagonal_XC * jets_XC, 0).sum(-1)
    found = {"accuracy": _rate(right_X, jets_XC.sum(-1)), "mean_diagonal": diagonal_XC.mean(-1)}
    flips = {}
    for name, members in tags(classes).items():
        block_XMM = matrix_XCC[..., members, :][..., members]
        total_X = block_XMM.sum((-2, -1))
        found[f"efficiency_{name}"] = total_X / len(members)
        if len(members) == 2:
            flips[f"flip_{name}"] = _rate(block_XMM[..., 0, 1] + block_XMM[..., 1, 0], total_X)
    return found | flips


def _slopes(confusion: Confusion) -> dict[str, tuple[Array, float]]:
    """Of each metric: its derivative by every entry of the matrix, and how many jets it is a share of."""
    matrix, jets, size = confusion.matrix, confusion.effective, len(confusion.classes)
    found = {
        "accuracy": (np.diag(_rate(confusion.jets, confusion.jets.sum())), float(jets.sum())),
        "mean_diagonal": (np.eye(size) / size, float(jets.sum())),
    }
    for name, members in tags(confusion.classes).items():
        block = np.ix_(members, members)
        slope = np.zeros((size, size))
        slope[block] = 1 / len(members)
        found[f"efficiency_{name}"] = (slope, float(jets[list(members)].sum()))
        if len(members) == 2:
            cells, off = matrix[block], np.array([[0, 1], [1, 0]])
            slope = np.zeros((size, size))
            slope[block] = _rate(off * cells.sum() - (off * cells).sum(), cells.sum() ** 2)
            found[f"flip_{name}"] = (slope, float((cells * jets[list(members), None]).sum()))
    return found


def proportion(value: float, variance: float, jets: float) -> Estimate:
    """An estimate in [0, 1] of known variance; `jets` gives the width of the interval at 0 and 1."""
    if not math.isfinite(value):
        return NOTHING
    error, inside = math.sqrt(variance), value * (1 - value)
    effective = inside / variance if variance > 0 and inside > 0 else jets
    low, high = map(float, wilson(value, effective, ONE_SIGMA))
    if inside <= 0 < variance:  # something varies beside the jets that were counted
        low, high = min(low, max(0.0, value - error)), max(high, min(1.0, value + error))
    return Estimate(value, low, high, error, ONE_SIGMA, "wilson")


def _rate(part: Array, whole: Array | float) -> Array:
    """`part / whole`, NaN where `whole` is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(whole) == 0, np.nan, part / whole)


# ---- two jets of one event, and two taggers of the same jets


def jackknife_errors(
    labels_B: Array,
    predicted_B: Array,
    events_B: Array,
    classes: Sequence[str],
    groups: int = 1000,
    weights_B: Array | None = None,
) -> dict[str, float]:
    """Standard errors of `Confusion.figures` that allow for correlations between jets of one event.

    Events are dealt to `groups` groups in turn, and each group is omitted once (delete-a-group jackknife).

    Args:
        labels_B: true class indices; -1 is none of the classes.
        events_B: the number of each jet's event.
        classes: names of the classes.
        groups: how many; with G groups an error is itself known to 1/sqrt(2 G).
        weights_B: of the jets; None where all are 1.

    Raises:
        InputError: lengths disagree or an index names no class.
    """
    omitted = _leave_out(labels_B, predicted_B, events_B, classes, groups, weights_B)
    return {name: _jackknife(values_G) for name, values_G in omitted.items()}


class PairedDifference(NamedTuple):
    """Second tagger minus first, on the same jets, and its standard error."""

    difference: float
    error: float


def paired_differences(
    labels_B: Array,
    first_B: Array,
    second_B: Array,
    classes: Sequence[str],
    events_B: Array | None = None,
    groups: int = 1000,
    weights_B: Array | None = None,
) -> dict[str, PairedDifference]:
    """The difference of each metric between two taggers, and its error.

    The errors come from the procedure of `jackknife_errors` applied to the difference, so that fluctuations that the
    two taggers share cancel. Without `events_B` each jet counts as its own event.

    Raises:
        InputError: lengths disagree or an index names no class.
    """
    events_B = np.arange(len(labels_B)) if events_B is None else events_B
    first, second = (
        Confusion.from_predictions(labels_B, guess, classes, weights_B) for guess in (first_B, second_B)
    )
    without_first, without_second = (
        _leave_out(labels_B, guess, events_B, classes, groups, weights_B) for guess in (first_B, second_B)
    )
    return {
        name: PairedDifference(
            second.figures[name].value - first.figures[name].value,
            _jackknife(without_second[name] - without_first[name]),
        )
        for name in first.figures
    }


def _leave_out(
    labels_B: Array,
    predicted_B: Array,
    events_B: Array,
    classes: Sequence[str],
    groups: int,
    weights_B: Array | None,
) -> dict[str, Array]:
    """The metrics without each group of events in turn, each of shape (G,)."""
    if events_B.shape != labels_B.shape:
        raise InputError(f"there are {events_B.shape} event numbers for {labels_B.shape} jets")
    events, event_B = np.unique(events_B, return_inverse=True)
    groups = max(1, min(groups, len(events)))
    counts_GCC = count_cells(labels_B, predicted_B, len(classes), event_B % groups, groups, weights_B)
    all_CC = counts_GCC.sum(axis=0)
    rest_GCC = all_CC - counts_GCC
    # The shares of the classes stay those of all jets: omitting some must not change the quantity.
    jets_GC = np.broadcast_to(all_CC.sum(axis=-1), rest_GCC.shape[:-1])
    return matrix_figures(_rate(rest_GCC, rest_GCC.sum(axis=-1, keepdims=True)), jets_GC, classes)


def _jackknife(values_G: Array) -> float:
    """The standard error from the values with each of G groups omitted."""
    groups = len(values_G)
    if groups < 2:
        return math.nan
    return math.sqrt((groups - 1) / groups * float(np.sum((values_G - values_G.mean()) ** 2)))


class McNemar(NamedTuple):
    """McNemar's test of two taggers on the same jets: is one of them right more often?

    `only_first` and `only_second` count the jets on which that one alone is right; `p_value` is two-sided.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(labels_B: Array, first_B: Array, second_B: Array) -> McNemar:
    """Compare two models on the same jets by McNemar's exact test (Psychometrika 12 (1947) 153).

    All arrays have the shape (jets,): true classes and those predicted by either model. Jets labelled -1 are omitted;
    jets count as independent.
    """
    known = labels_B >= 0
    right_first, right_second = (first_B == labels_B)[known], (second_B == labels_B)[known]
    a = int(np.sum(right_first & ~right_second))
    b = int(np.sum(right_second & ~right_first))
    return McNemar(a, b, mcnemar_p(a, b))


# ---- particles and antiparticles


class Symmetry(NamedTuple):
    """Whether antiparticles are tagged as particles are: chi-square, degrees of freedom and p-value.

    `largest` names the cell with the largest difference in standard deviations, `pull`.
    """

    chi2: float
    dof: int
    p_value: float
    largest: tuple[str, str]
    pull: float


def charge_symmetry(counts_CC: Array, classes: Sequence[str]) -> Symmetry:
    """Test that the matrix (classes, classes) stays the same when every class is exchanged with its antiparticle.

    QCD and a detector that treats both charges alike leave no difference, so that a small p-value means a tagger
    (or simulation) that does not. Rows of a quark and its antiquark are compared by the chi-square test
    of homogeneity, columns with fewer than 10 jets pooled; within the row of a class that is its own antiparticle
    the two columns of each flavour are compared. Jets count as independent.

    Raises:
        InputError: no class has its antiparticle among the classes.
    """
    chi2, dof, largest, pull = 0.0, 0, ("", ""), 0.0
    for row, columns, ours, theirs, one_row in _conjugate_rows(counts_CC, classes):
        pulls = _pulls(ours, theirs, one_row)
        worst = int(np.argmax(np.abs(pulls)))
        if not largest[0] or abs(pulls[worst]) > abs(pull):
            largest, pull = (row, columns[worst]), float(pulls[worst])
        more, free = _pair_chi2(ours, theirs, one_row)
        chi2, dof = chi2 + more, dof + free
    return Symmetry(chi2, dof, chi_square_p(chi2, dof), largest, pull)


def _conjugate_rows(
    counts_CC: Array, classes: Sequence[str]
) -> Iterator[tuple[str, list[str], Array, Array, bool]]:
    """Row and columns by name, counts, the conjugate's counts, and whether both lie in one row."""
    names = list(classes)
    pairs = dict(flavours(names))
    if not pairs:
        raise InputError(f"none of the classes {', '.join(names)} is the antiparticle of another")
    swap = [names.index(conjugate(name)) if conjugate(name) in names else k for k, name in enumerate(names)]
    first = [names.index(name) for name in pairs]
    for row, name in enumerate(names):
        if name in pairs:
            yield name, names, counts_CC[row], counts_CC[swap[row]][swap], False
        elif name not in pairs.values():
            mirrored = counts_CC[row][swap]
            yield name, list(pairs), counts_CC[row][first], mirrored[first], True


def _pair_chi2(ours: Array, theirs: Array, one_row: bool) -> tuple[float, int]:
    """Chi-square and degrees of freedom of two lists of counts that should be alike."""
    both = ours + theirs
    few = both < _FEW
    if one_row:  # one multinomial: each pair of columns is a binomial of one half (Bowker)
        ours, theirs, both = ours[~few], theirs[~few], both[~few]
        return float(np.sum((ours - theirs) ** 2 / both)), len(both)
    table = np.stack([np.append(row[~few], row[few].sum()) for row in (ours, theirs)]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or np.any(table.sum(axis=1) == 0):
        return 0.0, 0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(np.sum((table - expected) ** 2 / expected)), table.shape[1] - 1


def _pulls(ours: Array, theirs: Array, one_row: bool) -> Array:
    """Differences in standard deviations; 0 where both are 0."""
    if one_row:
        return np.nan_to_num(_rate(ours - theirs, np.sqrt(ours + theirs)))
    n, m = ours.sum(), theirs.sum()
    pooled = _rate(ours + theirs, n + m)
    deviation = np.sqrt(pooled * (1 - pooled) * (_rate(np.ones(1), n) + _rate(np.ones(1), m)))
    return np.nan_to_num(_rate(_rate(ours, n) - _rate(theirs, m), deviation))
