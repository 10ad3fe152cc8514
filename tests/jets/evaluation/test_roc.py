"""ROC, AUC and rejection: scikit-learn as second implementation, exact symmetries, coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from yukawa.core.errors import InputError
from yukawa.jets.evaluation.roc import auc, auc_difference, auc_pairs, roc, score_against, working_point

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=40).map(lambda xs: np.array(xs) / 5)


@given(scores, scores)
def test_auc_with_ties_is_that_of_scikit_learn(signal: np.ndarray, background: np.ndarray) -> None:
    truth = np.repeat([1, 0], [len(signal), len(background)])
    expected = roc_auc_score(truth, np.concatenate([signal, background]))
    assert auc(signal, background).value == pytest.approx(expected, abs=1e-12)


@given(scores, scores)
def test_auc_is_the_area_under_the_curve(signal: np.ndarray, background: np.ndarray) -> None:
    curve = roc(signal, background)
    area = np.trapezoid(curve.signal_efficiency, curve.background_efficiency)
    assert auc(signal, background).value == pytest.approx(area, abs=1e-12)


@given(scores, scores)
def test_exchanging_signal_and_background_mirrors_the_auc(signal: np.ndarray, background: np.ndarray) -> None:
    there, back = auc(signal, background), auc(-background, -signal)
    assert there.value == pytest.approx(back.value, abs=1e-12)
    assert there.error == pytest.approx(back.error, abs=1e-12, nan_ok=True)
    assert auc(background, signal).value == pytest.approx(1 - there.value, abs=1e-12)


@given(scores, scores)
def test_the_curve_is_that_of_scikit_learn(signal: np.ndarray, background: np.ndarray) -> None:
    truth = np.repeat([1, 0], [len(signal), len(background)])
    false, true, thresholds = roc_curve(truth, np.concatenate([signal, background]), drop_intermediate=False)
    curve = roc(signal, background)
    np.testing.assert_allclose(curve.signal_efficiency, true)
    np.testing.assert_allclose(curve.background_efficiency, false)
    np.testing.assert_array_equal(curve.thresholds, thresholds)


def test_a_monotone_change_of_scores_changes_nothing() -> None:
    random = np.random.default_rng(0)
    signal, background = random.normal(1, 1, 300), random.normal(0, 1, 400)
    assert auc(np.exp(signal), np.exp(background)) == auc(signal, background)
    assert working_point(roc(np.exp(signal), np.exp(background)), 0.5) == working_point(
        roc(signal, background), 0.5
    )


def test_delong_by_its_definition() -> None:
    """The variance from the table of all pairs, as DeLong's paper writes it."""
    random = np.random.default_rng(1)
    signal, background = random.integers(0, 9, 30), random.integers(0, 7, 50)
    table = (signal[:, None] > background) + 0.5 * (signal[:, None] == background)
    variance = table.mean(1).var(ddof=1) / 30 + table.mean(0).var(ddof=1) / 50
    found = auc(signal, background)
    assert found.value == pytest.approx(table.mean())
    assert found.error == pytest.approx(math.sqrt(variance))


def test_auc_intervals_cover_the_truth_in_two_thirds_of_experiments() -> None:
    random = np.random.default_rng(2)
    truth = 0.5 * (1 + math.erf(1.2 / 2))  # two unit Gaussians 1.2 apart
    found = [auc(random.normal(1.2, 1, 80), random.normal(0, 1, 120)) for _ in range(800)]
    assert 0.62 < np.mean([e.low <= truth <= e.high for e in found]) < 0.74
    assert np.mean([e.error for e in found]) == pytest.approx(np.std([e.value for e in found]), rel=0.08)


@pytest.mark.parametrize("apart", [0.3, 2.0])
def test_rejection_intervals_cover_the_truth_in_two_thirds_of_experiments(apart: float) -> None:
    """Close distributions: the threshold's own error matters as much as the background's."""
    random = np.random.default_rng(3)
    passing = 0.5 * math.erfc(apart / math.sqrt(2))  # above the signal's median
    covered, values = 0, []
    for _ in range(800):
        point = working_point(roc(random.normal(apart, 1, 400), random.normal(0, 1, 400)), 0.5)
        covered += point.rejection.low <= 1 / passing <= point.rejection.high
        values.append((point.background_efficiency.value, point.background_efficiency.error))
    assert 0.62 < covered / 800 < 0.745
    spread, error = np.std([v for v, _ in values]), np.mean([e for _, e in values])
    assert error == pytest.approx(spread, rel=0.1)


def test_paired_auc_errors_are_the_spread_of_the_difference() -> None:
    random, differences, errors = np.random.default_rng(4), [], []
    for _ in range(500):
        signal, background = random.normal(1, 1, 100), random.normal(0, 1, 100)
        noisy = (signal + random.normal(0, 0.5, 100), background + random.normal(0, 0.5, 100))
        difference, error = auc_difference((signal, background), noisy)
        differences.append(difference)
        errors.append(error)
    assert np.mean(differences) < 0
    assert np.mean(errors) == pytest.approx(np.std(differences), rel=0.1)


def test_the_mean_over_pairs_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(5)
    labels = random.integers(0, 4, 300)
    probabilities = random.dirichlet(np.ones(4), 300) + 0.5 * np.eye(4)[labels]
    probabilities /= probabilities.sum(1, keepdims=True)
    found = auc_pairs(probabilities, labels)
    assert found.value == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovo"), abs=1e-12)


def test_the_error_of_the_mean_over_pairs_is_its_spread() -> None:
    random, found = np.random.default_rng(6), []
    labels = np.repeat(np.arange(3), 40)
    for _ in range(400):
        logits = random.normal(0, 1, (120, 3)) + 1.0 * np.eye(3)[labels]
        found.append(auc_pairs(np.exp(logits), labels))
    assert np.mean([e.error for e in found]) == pytest.approx(np.std([e.value for e in found]), rel=0.1)


def test_with_two_classes_the_mean_over_pairs_is_the_auc() -> None:
    random = np.random.default_rng(7)
    labels = np.repeat([0, 1], 50)
    p = random.random(100)
    pairs = auc_pairs(np.stack([p, 1 - p], axis=1), labels)
    assert pairs.value == pytest.approx(auc(p[:50], p[50:]).value)
    assert pairs.error == pytest.approx(auc(p[:50], p[50:]).error)


def test_rejection_by_hand() -> None:
    curve = roc(np.array([9, 8, 7, 6]), np.array([8.5, 5, 4, 3, 2]))
    point = working_point(curve, 0.5)
    assert point.background_efficiency.value == pytest.approx(0.2)
    assert point.rejection.value == pytest.approx(5)
    assert working_point(curve, 1.0).background_efficiency.value == pytest.approx(0.2)


def test_background_that_never_passes_is_rejected_infinitely_with_a_finite_bound() -> None:
    point = working_point(roc(np.arange(100.0) + 50, np.arange(49.0)), 0.3)
    assert point.background_efficiency.value == 0
    assert math.isinf(point.rejection.value)
    assert math.isinf(point.rejection.high)
    assert point.rejection.low == pytest.approx(50)  # Wilson's upper end for 0 of 49 is 1 / 50


@given(scores, scores, st.floats(0.01, 1))
def test_every_working_point_has_an_interval_around_it(
    signal: np.ndarray, background: np.ndarray, efficiency: float
) -> None:
    point = working_point(roc(signal, background), efficiency)
    for found in (point.background_efficiency, point.rejection):
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9
        assert found.error >= 0
    assert point.background_efficiency.high > 0


def test_background_just_beyond_the_threshold_widens_the_interval() -> None:
    """No background passes, but it would if the threshold, which few signal jets fix, were a bit lower."""
    point = working_point(roc(np.arange(20.0), np.linspace(5, 9, 10_000)), 0.5)
    assert point.background_efficiency.value == 0
    assert point.background_efficiency.high > 0.1


def test_a_constant_score_passes_background_as_signal() -> None:
    curve = roc(np.ones(7), np.ones(9))
    for efficiency in (0.1, 0.5, 1.0):
        assert curve.background_at(efficiency) == pytest.approx(efficiency)


def test_the_score_is_the_share_of_the_signal_classes() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0, 0, 1], [0.2, 0.2, 0.6]])
    classes = ("b", "bbar", "c")
    found = score_against(probabilities, classes, ["b", "bbar"], ["c"])
    np.testing.assert_allclose(found, [0.8, 0.0, 0.4])
    assert score_against(probabilities, classes, ["b"], ["bbar"])[1] == 0.5


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="no background jets"):
        auc(np.ones(3), np.ones(0))
    with pytest.raises(InputError, match="1 of 2 signal jets have the score NaN"):
        roc(np.array([math.nan, 1]), np.ones(2))
    with pytest.raises(InputError, match="outside 0 … 1"):
        working_point(roc(np.ones(2), np.ones(2)), 50)
    with pytest.raises(InputError, match="the class 'top' is unknown; the classes are: b, g"):
        score_against(np.ones((1, 2)), ("b", "g"), ["top"], ["g"])
    with pytest.raises(InputError, match="different classes"):
        score_against(np.ones((1, 2)), ("b", "g"), ["g"], ["g"])
    with pytest.raises(InputError, match="same jets"):
        auc_difference((np.ones(2), np.ones(2)), (np.ones(3), np.ones(2)))
    assert math.isnan(auc_pairs(np.ones((2, 2)), np.zeros(2, int)).value)


def weighted_sides(seed: int = 11) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    signal, background = random.normal(1, 1, 300).round(1), random.normal(0, 1, 400).round(1)
    return signal, background, random.exponential(size=300), random.exponential(size=400)


def test_weighted_figures_equal_scikit_learns() -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    signal, background, ours, theirs = weighted_sides()
    truth, weights = np.r_[np.ones(300), np.zeros(400)], np.r_[ours, theirs]
    scores = np.r_[signal, background]
    found = auc(signal, background, ours, theirs)
    assert found.value == pytest.approx(
        sklearn.roc_auc_score(truth, scores, sample_weight=weights), abs=1e-12
    )
    false, true, thresholds = sklearn.roc_curve(truth, scores, sample_weight=weights, drop_intermediate=False)
    curve = roc(signal, background, ours, theirs)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.signal_efficiency, true, atol=1e-12)
    np.testing.assert_allclose(curve.background_efficiency, false, atol=1e-12)


def test_weights_of_one_are_none() -> None:
    signal, background, _, _ = weighted_sides()
    ones = (np.ones(300), np.ones(400))
    assert auc(signal, background, *ones) == auc(signal, background)
    assert working_point(roc(signal, background, *ones), 0.6) == working_point(roc(signal, background), 0.6)


def test_the_error_of_a_weighted_auc_is_its_spread() -> None:
    found = []
    for seed in range(200):
        found.append(auc(*weighted_sides(seed)))
    assert np.mean([one.error for one in found]) == pytest.approx(
        np.std([one.value for one in found]), rel=0.15
    )
