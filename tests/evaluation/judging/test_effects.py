"""Effects within blocks: laws, and intervals that hold for other questions and other judges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from yukawa.evaluation.judging.effects import effects_within


def table(rng, questions=15, judges=5, models=3, taste=0.0):
    """Scores of equal models by judges with a level and a taste of their own; names of models, questions and judges."""
    question, judge, model = np.indices((questions, judges, models)).reshape(3, -1)
    levels, tastes = rng.normal(0, 1, judges), rng.normal(0, taste, (judges, models))
    scores = (
        levels[judge]
        + tastes[judge, model]
        + rng.normal(0, 1, questions)[question]
        + rng.normal(0, 0.5, len(model))
    )
    return scores, *(part.astype(str).tolist() for part in (model, question, judge))


def test_of_a_complete_table_effects_are_differences_of_means():
    scores, models, questions, judges = table(np.random.default_rng(0))
    found = effects_within(scores, models, questions, judges, crossed=True)
    means = scores.reshape(-1, 3).mean(axis=0)
    assert found.effects == pytest.approx(means - means.mean())
    assert found.names == ["0", "1", "2"]


def test_what_is_added_to_a_block_changes_nothing():
    scores, models, questions, judges = table(np.random.default_rng(1))
    added = np.array([(3 * int(q) + 5 * int(j)) % 7 for q, j in zip(questions, judges, strict=True)])
    weights = np.array([1.0, -1.0, 0.0])
    one, two = (
        effects_within(s, models, questions, judges, crossed=True).estimate(weights, 0.95)
        for s in (scores, scores + added)
    )
    assert (one[0].value, one[0].error, one[1]) == pytest.approx((two[0].value, two[0].error, two[1]))


def test_intervals_hold_for_other_judges_only_where_judges_are_left_out_too():
    rng, held = np.random.default_rng(2), {True: 0, False: 0}
    for _ in range(80):
        data = table(rng, taste=0.6)
        for crossed in held:
            one, _ = effects_within(*data, crossed=crossed).estimate(np.array([1.0, -1.0, 0.0]), 0.95)
            held[crossed] += one.low <= 0 <= one.high
    assert held[True] >= 80 * 0.95 - 3 * math.sqrt(80 * 0.95 * 0.05)
    assert held[False] < 60  # the tastes of these judges are taken for a difference of the models


def test_things_that_no_block_connects_have_no_effects():
    assert effects_within(np.ones(4), list("abcd"), list("qqrr"), list("xxxx"), crossed=False) is None
    assert effects_within(np.ones(3), list("aaa"), list("qrs"), list("xxx"), crossed=False) is None
