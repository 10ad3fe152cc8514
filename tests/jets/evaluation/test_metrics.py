"""Matrix figures: the published ones, exact propagation, coverage, pairs of jets, charge symmetry."""

from __future__ import annotations

import json
import math
import os
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from yukawa.core.errors import InputError
from yukawa.jets.evaluation import metrics
from yukawa.jets.evaluation.metrics import Confusion
from yukawa.jets.evaluation.results import published_taggers
from yukawa.jets.table import JET_ORIGIN

DATA = Path(os.environ.get("YUKAWA_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
ANCHORS = DATA / "joi" / "m11_anchors.json"
needs_anchors = pytest.mark.skipif(
    not ANCHORS.exists(), reason="the published matrices are not here (YUKAWA_TEST_DATA)"
)

# The key of each published matrix begins so.
ANCHOR_OF = {
    "ParticleNet, CEPC full simulation": "PRL_ParticleNet_fullsim",
    "ParticleNet, CEPC fast simulation": "ParticleNet (",
    "ParT, CEPC fast simulation": "ParT (",
}

CLASSES = ("b", "bbar", "c", "cbar", "g")
TRUE = np.array([
    [0.70, 0.15, 0.08, 0.05, 0.02],
    [0.15, 0.70, 0.05, 0.08, 0.02],
    [0.10, 0.05, 0.60, 0.05, 0.20],
    [0.05, 0.10, 0.05, 0.60, 0.20],
    [0.06, 0.06, 0.14, 0.14, 0.60],
])  # fmt: skip


def draw(random: np.random.Generator, jets: int) -> np.ndarray:
    return np.stack([random.multinomial(jets, row) for row in TRUE])


def confusion(matrix: np.ndarray, jets: float, classes: tuple[str, ...]) -> Confusion:
    """A printed matrix, with so many jets behind each row."""
    return Confusion(np.asarray(matrix, float), np.full(len(classes), float(jets)), tuple(classes))


def expand(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions, one a jet, with these counts."""
    labels, predicted = np.nonzero(counts)
    times = counts[labels, predicted]
    return np.repeat(labels, times), np.repeat(predicted, times)


@needs_anchors
@pytest.mark.parametrize("name", ANCHOR_OF)
def test_published_figures_are_those_of_the_published_matrices(name: str) -> None:
    anchors = json.loads(ANCHORS.read_text())
    matrix = next(value for key, value in anchors.items() if key.startswith(ANCHOR_OF[name]))
    figures = confusion(np.array(matrix), 10_000, anchors["order"]).figures
    published = published_taggers()[name].figures
    assert len(published) == 12
    for key, value in published.items():
        assert figures[key].value == pytest.approx(value, abs=0.0005 + 1e-9)


def test_figures_of_a_small_matrix_by_hand() -> None:
    counts = np.array([[6, 2, 2], [1, 3, 1], [0, 5, 15]])
    figures = Confusion.from_counts(counts, ("b", "bbar", "g")).figures
    assert list(figures) == ["accuracy", "mean_diagonal", "efficiency_b", "efficiency_g", "flip_b"]
    assert figures["accuracy"].value == pytest.approx(24 / 35)
    assert figures["mean_diagonal"].value == pytest.approx((0.6 + 0.6 + 0.75) / 3)
    assert figures["efficiency_b"].value == pytest.approx((0.6 + 0.2 + 0.2 + 0.6) / 2)
    assert figures["flip_b"].value == pytest.approx(0.4 / 1.6)
    assert figures["efficiency_g"].error == pytest.approx(math.sqrt(0.75 * 0.25 / 20))


def test_the_sign_of_a_charge_does_not_change_an_efficiency_and_turns_a_flip() -> None:
    counts = draw(np.random.default_rng(0), 500)
    before = Confusion.from_counts(counts, CLASSES).figures
    turned = counts.copy()
    turned[:, [0, 1]] = counts[:, [1, 0]]
    after = Confusion.from_counts(turned, CLASSES).figures
    assert astuple(after["efficiency_b"]) == pytest.approx(astuple(before["efficiency_b"]))
    assert after["flip_b"].value == pytest.approx(1 - before["flip_b"].value)
    assert after["flip_b"].error == pytest.approx(before["flip_b"].error)


@given(st.permutations(range(5)))
def test_the_order_of_the_classes_does_not_matter(order: list[int]) -> None:
    counts = draw(np.random.default_rng(1), 300)
    names = tuple(CLASSES[k] for k in order)
    turned = Confusion.from_counts(counts[np.ix_(order, order)], names).figures
    for name, estimate in Confusion.from_counts(counts, CLASSES).figures.items():
        if name in turned:  # a flavour keeps its quark's name wherever it is
            assert astuple(turned[name]) == pytest.approx(astuple(estimate))
    assert {"efficiency_b", "flip_c"} <= set(turned)


def test_slopes_are_the_derivatives_of_the_values() -> None:
    """The error formulas rest on hand-written derivatives: hold them against differences."""
    confusion = Confusion.from_counts(draw(np.random.default_rng(2), 400), CLASSES)
    slopes, step = metrics._slopes(confusion), 1e-6
    for i, j in np.ndindex(5, 5):
        moved = np.repeat(confusion.matrix[None], 2, axis=0)
        moved[0, i, j] -= step
        moved[1, i, j] += step
        values = metrics.matrix_figures(moved, np.repeat(confusion.jets[None], 2, axis=0), CLASSES)
        for name, (low, high) in values.items():
            assert slopes[name][0][i, j] == pytest.approx((high - low) / (2 * step), abs=1e-7), name


def test_errors_are_the_spread_of_repeated_experiments() -> None:
    random = np.random.default_rng(3)
    counts = np.stack([draw(random, 200) for _ in range(4000)])
    spread = metrics.matrix_figures(counts / 200, counts.sum(-1), CLASSES)
    expected = confusion(TRUE, 200, CLASSES).figures
    for name, values in spread.items():
        assert expected[name].error == pytest.approx(values.std(), rel=0.05), name


def test_intervals_cover_the_truth_in_two_thirds_of_experiments() -> None:
    random = np.random.default_rng(4)
    truth = {name: e.value for name, e in confusion(TRUE, 1, CLASSES).figures.items()}
    covered = dict.fromkeys(truth, 0)
    for _ in range(600):
        for name, e in Confusion.from_counts(draw(random, 150), CLASSES).figures.items():
            covered[name] += e.low <= truth[name] <= e.high
    for name, times in covered.items():
        assert 0.62 < times / 600 < 0.745, name


def test_entries_have_wilson_intervals() -> None:
    counts = np.array([[10, 0], [3, 7]])
    low, high = Confusion.from_counts(counts, ("top", "QCD")).bounds
    for cell in np.ndindex(2, 2):
        expected = stats.binomtest(int(counts[cell]), 10).proportion_ci(
            math.erf(1 / math.sqrt(2)), method="wilson"
        )
        assert (low[cell], high[cell]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_an_error_never_vanishes_with_the_interval() -> None:
    perfect = Confusion.from_counts(np.diag([20, 20, 20]), ("b", "bbar", "g")).figures
    assert perfect["accuracy"].value == 1.0
    assert perfect["accuracy"].low < 0.99
    assert perfect["accuracy"].high == 1.0
    assert (perfect["flip_b"].low, perfect["flip_b"].high > 0.01) == (0.0, True)


def test_a_class_without_jets_has_no_figure() -> None:
    figures = Confusion.from_predictions(
        np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0]), ("b", "bbar", "g")
    ).figures
    assert figures["accuracy"].value == 0.5
    assert figures["efficiency_b"].value == 1.0
    assert math.isnan(figures["efficiency_g"].value)
    assert math.isnan(figures["mean_diagonal"].error)


def test_jets_of_no_class_are_left_out() -> None:
    confusion = Confusion.from_predictions(np.array([-1, 0, 1]), np.array([1, 0, 1]), ("QCD", "top"))
    assert confusion.jets.tolist() == [1, 1]
    assert confusion.figures["accuracy"].value == 1.0


def test_jackknife_agrees_with_the_formula_for_independent_jets() -> None:
    labels, predicted = expand(draw(np.random.default_rng(5), 2000))
    order = np.random.default_rng(6).permutation(len(labels))
    labels, predicted = labels[order], predicted[order]
    formula = Confusion.from_predictions(labels, predicted, CLASSES).figures
    jackknife = metrics.jackknife_errors(labels, predicted, np.arange(len(labels)), CLASSES)
    for name, error in jackknife.items():
        assert error == pytest.approx(formula[name].error, rel=0.12), name


def test_jackknife_sees_jets_that_repeat_each_other() -> None:
    labels, predicted = expand(draw(np.random.default_rng(7), 1000))
    order = np.random.default_rng(8).permutation(len(labels))
    labels, predicted = np.repeat(labels[order], 2), np.repeat(predicted[order], 2)
    alone = metrics.jackknife_errors(labels, predicted, np.arange(len(labels)), CLASSES, groups=10**6)
    paired = metrics.jackknife_errors(labels, predicted, np.arange(len(labels)) // 2, CLASSES, groups=10**6)
    for name in ("accuracy", "efficiency_b", "flip_c"):
        assert paired[name] == pytest.approx(math.sqrt(2) * alone[name], rel=1e-2)


def test_a_tagger_does_not_differ_from_itself() -> None:
    labels, predicted = expand(draw(np.random.default_rng(9), 50))
    assert set(metrics.paired_differences(labels, predicted, predicted, CLASSES).values()) == {(0.0, 0.0)}
    assert metrics.mcnemar(labels, predicted, predicted).p_value == 1.0


def test_paired_errors_are_smaller_than_those_of_separate_samples_and_right() -> None:
    """Two taggers agree but for one jet in ten: the error of their difference is that of those jets."""
    random, differences, errors = np.random.default_rng(10), [], []
    labels = np.repeat(np.arange(5), 200)
    for _ in range(150):
        first = np.array([random.choice(5, p=row) for row in TRUE]).repeat(200)
        first = np.where(random.random(1000) < 0.7, labels, first)
        second = np.where(random.random(1000) < 0.1, labels, first)
        difference, error = metrics.paired_differences(labels, first, second, CLASSES)["accuracy"]
        differences.append(difference)
        errors.append(error)
    share = np.array([metrics.Confusion.from_predictions(labels, first, CLASSES).figures["accuracy"].error])
    assert np.mean(errors) < share[0]
    expected = np.sqrt(np.array(differences) / 1000)  # each jet gained is one Poisson-like step
    assert np.mean(errors) == pytest.approx(expected.mean(), rel=0.05)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (3, 9), (40, 41), (480, 530), (5000, 5300)])
def test_mcnemar_agrees_with_the_binomial_test(only_first: int, only_second: int) -> None:
    labels = np.zeros(only_first + only_second + 10, int)
    first, second = np.zeros_like(labels), np.zeros_like(labels)
    second[:only_first] = 1
    first[only_first : only_first + only_second] = 1
    found = metrics.mcnemar(labels, first, second)
    total = only_first + only_second
    expected = stats.binomtest(only_first, total).pvalue if total else 1.0
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.p_value == pytest.approx(expected)


def test_a_symmetric_tagger_gives_uniform_p_values() -> None:
    random = np.random.default_rng(11)
    p_values = [metrics.charge_symmetry(draw(random, 400), CLASSES).p_value for _ in range(600)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_an_asymmetric_tagger_is_found() -> None:
    counts = draw(np.random.default_rng(12), 3000)
    counts[0, 0] -= 200
    counts[0, 4] += 200
    found = metrics.charge_symmetry(counts, CLASSES)
    assert found.p_value < 1e-6
    assert found.largest == ("b", "g")
    assert found.pull > 5
    assert found.dof == 4 + 4 + 2


def test_conjugating_all_classes_leaves_the_symmetry_test() -> None:
    counts = draw(np.random.default_rng(13), 300)
    swap = [1, 0, 3, 2, 4]
    assert metrics.charge_symmetry(counts[np.ix_(swap, swap)], CLASSES).chi2 == pytest.approx(
        metrics.charge_symmetry(counts, CLASSES).chi2
    )


def test_an_empty_matrix_is_symmetric() -> None:
    found = metrics.charge_symmetry(np.zeros((5, 5), int), CLASSES)
    assert (found.chi2, found.dof, found.p_value) == (0.0, 0, 1.0)


@given(arrays(np.int64, (5, 5), elements=st.integers(0, 40)))
def test_any_counts_give_figures_within_bounds_or_none(counts: np.ndarray) -> None:
    for estimate in Confusion.from_counts(counts, CLASSES).figures.values():
        if math.isnan(estimate.value):
            assert all(map(math.isnan, (estimate.error, estimate.low, estimate.high)))
        else:
            assert -1e-12 <= estimate.low <= estimate.value + 1e-9
            assert estimate.value - 1e-9 <= estimate.high <= 1 + 1e-12
            assert estimate.error >= 0


def test_tags_join_quark_and_antiquark() -> None:
    assert list(metrics.tags(JET_ORIGIN)) == ["b", "c", "s", "u", "d", "g"]
    assert metrics.tags(("dbar", "QCD", "d")) == {"QCD": (1,), "d": (2, 0)}


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="the label 3 is outside the 2 classes"):
        Confusion.from_predictions(np.array([0, 3]), np.array([0, 1]), ("QCD", "top"))
    with pytest.raises(InputError, match="the prediction -1 is outside"):
        Confusion.from_predictions(np.array([0, 1]), np.array([0, -1]), ("QCD", "top"))
    with pytest.raises(InputError, match=r"\(3,\) labels and \(2,\) predictions"):
        Confusion.from_predictions(np.zeros(3, int), np.zeros(2, int), ("QCD", "top"))
    with pytest.raises(InputError, match="must sum to 1"):
        confusion(np.array([[5, 3], [0, 1]]), 10, ("QCD", "top"))
    with pytest.raises(InputError, match="2 x 2 entries"):
        confusion(np.eye(3), 10, ("QCD", "top"))
    with pytest.raises(InputError, match="negative or NaN"):
        confusion(np.array([[math.nan, 1], [0, 1]]), 10, ("QCD", "top"))
    with pytest.raises(InputError, match="is the antiparticle of another"):
        metrics.charge_symmetry(np.eye(2), ("QCD", "top"))
    with pytest.raises(InputError, match="event numbers"):
        metrics.jackknife_errors(np.zeros(3, int), np.zeros(3, int), np.zeros(2, int), ("QCD", "top"))


def test_a_weighted_matrix_equals_scikit_learns_and_one_of_repeated_jets() -> None:
    random = np.random.default_rng(4)
    labels, predicted = expand(draw(random, 60))
    weights = random.integers(1, 5, len(labels)).astype(float)
    found = Confusion.from_predictions(labels, predicted, CLASSES, weights)
    times = weights.astype(int)
    copies = Confusion.from_predictions(np.repeat(labels, times), np.repeat(predicted, times), CLASSES)
    np.testing.assert_allclose(found.matrix, copies.matrix)
    assert (found.effective < copies.jets).all()
    for name, value in copies.figures.items():
        assert found.figures[name].value == pytest.approx(value.value)
        assert found.figures[name].error > value.error
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    theirs = sklearn.confusion_matrix(labels, predicted, sample_weight=weights, normalize="true")
    np.testing.assert_allclose(found.matrix, theirs)
    accuracy = sklearn.accuracy_score(labels, predicted, sample_weight=weights)
    assert found.figures["accuracy"].value == pytest.approx(accuracy)


def test_errors_of_weighted_figures_are_their_spread() -> None:
    random, found = np.random.default_rng(6), []
    for _ in range(300):
        labels, predicted = expand(draw(random, 150))
        found.append(
            Confusion.from_predictions(
                labels, predicted, CLASSES, random.exponential(size=len(labels))
            ).figures
        )
    for name in ("mean_diagonal", "efficiency_b", "flip_c"):
        spread = np.std([one[name].value for one in found])
        assert np.mean([one[name].error for one in found]) == pytest.approx(spread, rel=0.15)
