"""Davidson's model: known limits, exact derivatives, resamples, and intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.davidson import Comparisons, Davidson, pair_shares

TRUE = np.array([0.5, 0.0, -0.5])


def drawn(seed=0, questions=80, position=0.4, ties=0.0, slope=0.0, strengths=TRUE):
    rng = np.random.default_rng(seed)
    models = len(strengths)
    question = np.repeat(np.arange(questions), 3)
    first = rng.integers(0, models, len(question))
    second = (first + rng.integers(1, models, len(question))) % models
    longer = rng.normal(0, 1, len(question))
    d = strengths[first] - strengths[second] + position + slope * longer
    win, tie, _ = pair_shares(d, ties)
    dice = rng.random(len(question))
    outcome = np.where(dice < win, 1, np.where(dice < win + tie, 0, -1))
    names = tuple("abcdefgh"[:models])
    more = (("length",), longer[:, None]) if slope else ((), np.zeros((len(question), 0)))
    judge = np.zeros(len(question), np.int64)
    return Comparisons(names, ("judge",), more[0], first, second, outcome, question, judge, more[1])


def test_it_is_the_maximum_that_another_optimiser_finds():
    data = drawn(slope=0.6)
    model = Davidson(data)
    design = data.design()

    def loss(effects):
        win, tie, second = pair_shares(design @ effects[:-1], effects[-1])
        chosen = np.where(data.outcome > 0, win, np.where(data.outcome == 0, tie, second))
        return -np.log(chosen).sum() + effects[:3].sum() ** 2 / 2 + 1e-3 * (effects**2).sum() / 2

    other = optimize.minimize(loss, np.zeros(6), tol=1e-12)
    fit = model.fit()
    assert fit.effects == pytest.approx(other.x, abs=1e-4)
    assert fit.log_likelihood == pytest.approx(-other.fun)
    assert fit.effects[:3].sum() == pytest.approx(0, abs=1e-6)


def test_the_order_of_the_answers_does_not_matter_where_position_has_no_effect():
    """Showing every pair in both orders with the same winner leaves no position effect, and turning changes its sign."""
    data = drawn()
    swapped = Comparisons(
        data.models, data.judges, (), data.second, data.first, -data.outcome, data.cluster, data.judge, data.differences
    )  # fmt: skip
    one, two = Davidson(data).fit().effects, Davidson(swapped).fit().effects
    assert one[:3] == pytest.approx(two[:3], abs=1e-6)
    assert one[3] == pytest.approx(-two[3], abs=1e-6)


def test_without_ties_it_is_bradley_and_terry():
    data = drawn(ties=-50.0, position=0.0)
    model = Davidson(data)
    assert not model.has_ties
    a, b = model.fit().effects[:2]
    only = Comparisons(
        ("a", "b"), ("judge",), (), *(np.array(part) for part in ([0, 1] * 20, [1, 0] * 20, [1, -1, 1, -1, 1, -1, -1, 1] * 5)),
        np.arange(40), np.zeros(40, np.int64), np.zeros((40, 0)),
    )  # fmt: skip
    fit = Davidson(only).fit().effects
    assert a > b
    # Two models in a fair order: the share of wins is the logistic function of the difference.
    assert 1 / (1 + np.exp(-(fit[0] - fit[1]))) == pytest.approx(0.75, abs=0.01)


def test_a_resample_of_the_data_itself_is_the_data():
    model = Davidson(drawn(slope=0.6))
    fit = model.fit()
    ones = np.ones((2, 80))
    assert model.maxima(ones, fit.effects) == pytest.approx(np.tile(fit.effects, (2, 1)), abs=1e-6)
    slow = model.maxima(ones, information=fit.information)
    assert slow[0] == pytest.approx(fit.effects, abs=1e-3)


def test_the_bootstrap_spreads_as_the_covariance_says():
    model = Davidson(drawn(questions=300))
    fit = model.fit()
    spread = model.bootstrap(300, 1, fit).std(axis=0)
    assert spread == pytest.approx(np.sqrt(np.diag(fit.covariance)), rel=0.2)


def test_a_question_asked_ten_times_tells_no_more_than_once():
    """The error is by question: copies of a verdict do not reduce it."""
    data = drawn(questions=60)
    copied = Comparisons(
        data.models, data.judges, (), *(np.tile(part, 10) for part in (data.first, data.second, data.outcome, data.cluster, data.judge)),
        np.zeros((1800, 0)),
    )  # fmt: skip
    one, ten = (np.sqrt(np.diag(Davidson(part).fit().covariance)) for part in (data, copied))
    assert ten == pytest.approx(one, rel=0.05)


def test_intervals_hold_the_truth():
    """95 % of intervals of 60 draws: fewer than 88 % in 300 would be a chance of one in a million."""
    held = []
    for seed in range(60):
        fit = Davidson(drawn(seed, 30, slope=0.5)).fit()
        for weights, true in zip(np.eye(6), [*TRUE, 0.4, None, 0.0], strict=True):
            if true is not None:
                low, high, _ = fit.interval(weights, 0.95)
                held.append(low <= true <= high)
    assert 0.88 < np.mean(held) < 0.995


def test_what_separates_nothing_is_refused():
    data = drawn()
    even = Comparisons(
        data.models, data.judges, (), data.first, data.second, 0 * data.outcome, data.cluster, data.judge, data.differences
    )  # fmt: skip
    with pytest.raises(InputError, match="240 ties"):
        Davidson(even)


def test_shares_sum_to_one_also_far_away():
    for d, nu in ((0, 0), (600, 0), (-600, 1), (0, -np.inf), (1, 300)):
        assert sum(pair_shares(d, nu)) == pytest.approx(1)
