"""How well a score ranks signal above background: ROC curve, AUC, and background rejection."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.statistics import Estimate
from yukawa.jets.evaluation.metrics import NOTHING, PairedDifference, proportion
from yukawa.jets.table import Array


@dataclass(frozen=True)
class Roc:
    """The ROC curve: what passes each threshold, from none to all; jets of one score pass together.

    Attributes:
        thresholds: infinity, then the different scores in descending order.
        signal_passed, background_passed: how many have at least that score, or the sum of their weights; both begin at 0.
        signal_jets, background_jets: effective numbers of jets, (sum of w)^2 over sum of w^2.
    """

    thresholds: Array
    signal_passed: Array
    background_passed: Array
    signal_jets: float
    background_jets: float

    @cached_property
    def signal_efficiency(self) -> Array:
        """The share of the signal that passes each threshold, shape (thresholds,)."""
        return self.signal_passed / self.signal_passed[-1]

    @cached_property
    def background_efficiency(self) -> Array:
        """The share of the background that passes each threshold, shape (thresholds,)."""
        return self.background_passed / self.background_passed[-1]

    def background_at(self, signal_efficiency: float) -> float:
        """The share of background that passes where this share of signal does.

        Jets of one score are split as a coin would, which is the straight line between their points.
        """
        signal = self.signal_passed
        wanted = min(max(signal_efficiency, 0.0), 1.0) * signal[-1]
        # The first threshold that lets enough signal pass; rounding of the product must not ask for one more jet.
        after = int(np.searchsorted(signal, wanted - 1e-9 * signal[-1]))
        if after == 0:
            return 0.0
        step = (wanted - signal[after - 1]) / (signal[after] - signal[after - 1])
        low, high = self.background_passed[after - 1], self.background_passed[after]
        return float((low + min(step, 1.0) * (high - low)) / self.background_passed[-1])


class WorkingPoint(NamedTuple):
    """The share of background that passes at a fixed signal efficiency, and its inverse, the rejection."""

    signal_efficiency: float
    background_efficiency: Estimate
    rejection: Estimate


def roc(
    signal_scores: Array,
    background_scores: Array,
    signal_weights: Array | None = None,
    background_weights: Array | None = None,
) -> Roc:
    """The ROC curve of scores, shapes (jets,), that are higher for signal; weights are 1 where they are None.

    Raises:
        InputError: there is no signal or no background, or a score is NaN.
    """
    signal, background = _checked(signal_scores, background_scores)
    scores = np.concatenate([signal, background])
    order = np.argsort(scores)[::-1]  # in whatever order within a tie: only its end is used
    ranked = scores[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    ours, theirs = _weights(signal_weights, signal), _weights(background_weights, background)
    weights, is_signal = np.concatenate([ours, theirs])[order], order < len(signal)
    signal_passed, background_passed = (
        np.concatenate([[0], np.cumsum(np.where(side, weights, 0))[ends]]) for side in (is_signal, ~is_signal)
    )
    return Roc(
        np.concatenate([[math.inf], ranked[ends]]), signal_passed, background_passed,
        effective_jets(ours), effective_jets(theirs),
    )  # fmt: skip


def effective_jets(weights: Array) -> float:
    """(sum of w)^2 over sum of w^2: how many jets of weight 1 have the same relative error; 0 of no jets."""
    squares = float(np.sum(np.square(weights, dtype=np.float64)))
    return float(np.sum(weights, dtype=np.float64)) ** 2 / squares if squares else 0.0


def working_point(curve: Roc, signal_efficiency: float) -> WorkingPoint:
    """The background efficiency and rejection at `signal_efficiency` (more than 0, at most 1).

    The variance is that of the background jets that pass, and that of the threshold, which the finite signal
    sample determines: background efficiency moves by the curve's slope times the error of the signal efficiency.
    Where no background passes, the rejection is infinite with a finite lower end of its interval.

    Raises:
        InputError: the efficiency is out of range.
    """
    if not 0 < signal_efficiency <= 1:
        raise InputError(f"a signal efficiency of {signal_efficiency} is outside 0 … 1 (0 excluded)")
    share = curve.background_at(signal_efficiency)
    jets = curve.background_jets
    threshold_uncertainty = math.sqrt(signal_efficiency * (1 - signal_efficiency) / curve.signal_jets)
    ends = (signal_efficiency + threshold_uncertainty, signal_efficiency - threshold_uncertainty)
    moved = curve.background_at(ends[0]) - curve.background_at(ends[1])
    passing = proportion(share, share * (1 - share) / jets + moved**2 / 4, jets)
    inverse = replace(
        passing,
        value=1 / share if share else math.inf,
        error=passing.error / share**2 if share else math.inf,
        low=1 / passing.high,
        high=1 / passing.low if passing.low > 0 else math.inf,
    )
    return WorkingPoint(signal_efficiency, passing, inverse)


def auc(
    signal_scores: Array,
    background_scores: Array,
    signal_weights: Array | None = None,
    background_weights: Array | None = None,
) -> Estimate:
    """The area under the ROC curve, ties counting one half (Mann-Whitney), with DeLong's variance.

    Scores have the shapes (jets,), and so have weights, which are 1 where they are None. See DeLong, DeLong,
    Clarke-Pearson, Biometrics 44 (1988) 837.

    Raises:
        InputError: there is no signal or no background, or a score is NaN.
    """
    above_S, below_B = placements(signal_scores, background_scores, signal_weights, background_weights)
    ours, theirs = _weights(signal_weights, above_S), _weights(background_weights, below_B)
    return proportion(
        float(np.average(above_S, weights=ours)),
        _variance_of_mean(above_S, ours) + _variance_of_mean(below_B, theirs),
        min(effective_jets(ours), effective_jets(theirs)),
    )


def auc_difference(
    first: tuple[Array, Array],
    second: tuple[Array, Array],
    signal_weights: Array | None = None,
    background_weights: Array | None = None,
) -> PairedDifference:
    """The difference of AUC, second tagger minus first, on the same jets, and its error (DeLong).

    Args:
        first: scores of the signal jets and of the background jets by the first tagger.
        second: those of the same jets, in the same order, by the second.
        signal_weights: of the signal jets; 1 where None.
        background_weights: of the background jets.

    Raises:
        InputError: the jets are not as many for both, or as in `auc`.
    """
    if any(len(one) != len(other) for one, other in zip(first, second, strict=True)):
        raise InputError("two taggers can only be compared on the same jets; their numbers of jets differ")
    one, two = (placements(*sides, signal_weights, background_weights) for sides in (first, second))
    above_S, below_B = (theirs - ours for ours, theirs in zip(one, two, strict=True))
    ours, theirs = _weights(signal_weights, above_S), _weights(background_weights, below_B)
    variance = _variance_of_mean(above_S, ours) + _variance_of_mean(below_B, theirs)
    return PairedDifference(float(np.average(above_S, weights=ours)), math.sqrt(variance))


def auc_pairs(probabilities_BC: Array, labels_B: Array, weights_B: Array | None = None) -> Estimate:
    """The mean AUC over all ordered pairs of classes, one against one, with the score of the first of the pair.

    Probabilities have the shape (jets, classes), labels and weights (jets,); weights are 1 where they are None.

    This is the AUC that is quoted for JetClass (arXiv:2202.03772). A jet is in many pairs; its variance is that of the
    sum of its placements, and the numbers of jets of each class are fixed. NaN where a class has no jets.

    Raises:
        InputError: a probability is NaN.
    """
    size = probabilities_BC.shape[1]
    of_class = [labels_B == k for k in range(size)]
    if size < 2 or not all(jets.any() for jets in of_class):
        return NOTHING
    if np.isnan(probabilities_BC).any():
        raise InputError(
            f"{int(np.isnan(probabilities_BC).any(axis=1).sum())} jets have NaN as a probability"
        )
    weights = _weights(weights_B, labels_B)
    pulls_B, total = np.zeros(len(labels_B)), 0.0
    for first in range(size):
        # Once for all pairs: what is picked from it stays sorted.
        order = np.argsort(probabilities_BC[:, first])
        where = [order[jets[order]] for jets in of_class]
        scores = [probabilities_BC[jets, first] for jets in where]
        of_weight = [weights[jets] for jets in where]
        for second in (k for k in range(size) if k != first):
            above = _sorted_share_below(scores[second], scores[first], of_weight[second])
            pulls_B[where[first]] += above
            pulls_B[where[second]] += 1 - _sorted_share_below(scores[first], scores[second], of_weight[first])
            total += float(np.average(above, weights=of_weight[first]))
    pairs = size * (size - 1)
    variance = sum(_variance_of_mean(pulls_B[jets] / pairs, weights[jets]) for jets in of_class)
    return proportion(total / pairs, variance, effective_jets(weights))


def placements(
    signal_scores: Array,
    background_scores: Array,
    signal_weights: Array | None = None,
    background_weights: Array | None = None,
) -> tuple[Array, Array]:
    """The share of background below each signal jet, and of signal above each background jet, shapes (jets,).

    Equal scores count one half, and jets with their weights. The mean of either is the AUC.

    Raises:
        InputError: there is no signal or no background, or a score is NaN.
    """
    signal, background = _checked(signal_scores, background_scores)
    ours, theirs = _weights(signal_weights, signal), _weights(background_weights, background)
    return _share_below(background, signal, theirs), 1 - _share_below(signal, background, ours)


def score_against(
    probabilities_BC: Array, classes: Sequence[str], signal: Sequence[str], background: Sequence[str]
) -> Array:
    """The score for signal against background classes: p_s / (p_s + p_b), shape (B,); 1/2 where both are 0.

    p_s and p_b are the sums over the classes of each side; `signal=["Tbqq"], background=["QCD"]` is the usual
    top score.

    Raises:
        InputError: a class is unknown or on both sides.
    """
    names = list(classes)
    unknown = [name for name in (*signal, *background) if name not in names]
    if unknown or set(signal) & set(background) or not signal or not background:
        what = (
            f"the class {unknown[0]!r} is unknown"
            if unknown
            else "signal and background must be different classes"
        )
        raise InputError(f"{what}; the classes are: {', '.join(names)}")
    ours, theirs = (
        probabilities_BC[:, [names.index(name) for name in side]].astype(np.float64).sum(axis=1)
        for side in (signal, background)
    )
    both = ours + theirs
    return np.divide(ours, both, out=np.full(len(both), 0.5), where=both != 0)


def _checked(signal_scores: Array, background_scores: Array) -> tuple[Array, Array]:
    """Both as float64, neither empty, no NaN."""
    sides = []
    for what, scores in (("signal", signal_scores), ("background", background_scores)):
        array = np.asarray(scores, np.float64)
        if len(array) == 0:
            raise InputError(f"there are no {what} jets: signal and background are both needed")
        if np.isnan(array).any():
            raise InputError(f"{int(np.isnan(array).sum())} of {len(array)} {what} jets have the score NaN")
        sides.append(array)
    return sides[0], sides[1]


def _weights(given: Array | None, like: Array) -> Array:
    """Weights as float64; 1 for each of `like` where none are given."""
    return np.ones(len(like)) if given is None else np.asarray(given, np.float64)


def _share_below(others: Array, scores: Array, weights: Array) -> Array:
    """Of each score: the share of `others`, which have `weights`, below it; those equal to it count one half."""
    order = np.argsort(scores)  # searching in order is several times faster than at random
    rank = np.argsort(others)
    below = np.empty(len(scores))
    below[order] = _sorted_share_below(others[rank], scores[order], weights[rank])
    return below


def _sorted_share_below(others: Array, scores: Array, weights: Array) -> Array:
    """The same for rising `others` and rising `scores`."""
    passed = np.concatenate([[0.0], np.cumsum(weights)])
    below = passed[np.searchsorted(others, scores, "left")] + passed[np.searchsorted(others, scores, "right")]
    return below / (2 * passed[-1])


def _variance_of_mean(values: Array, weights: Array) -> float:
    """The variance of the weighted mean of independent values; NaN for fewer than two."""
    jets = effective_jets(weights)
    if len(values) < 2 or jets <= 1:
        return math.nan
    away = values - np.average(values, weights=weights)
    return float(np.sum((weights * away) ** 2)) / float(weights.sum()) ** 2 * jets / (jets - 1)
