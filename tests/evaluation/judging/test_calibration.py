"""A judge beside people: confusion, prediction-powered means by simulation, and the planned number of questions."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.calibration import calibrate, planned_questions, prediction_powered


def simulated(rng, sensitivity, specificity, n=100, others=2000, true=0.55):
    """Scores of people on n units, and of the judge on these and on others."""
    right = rng.random(n + others) < true
    said = np.where(right, rng.random(n + others) < sensitivity, rng.random(n + others) > specificity)
    return right[:n].astype(float), said[:n].astype(float), said[n:].astype(float)


@pytest.mark.parametrize(("sensitivity", "specificity", "narrow"), [(0.9, 0.8, 0.8), (0.6, 0.5, 1.02)])
def test_a_judge_cannot_mislead_and_costs_nothing(sensitivity, specificity, narrow):
    rng = np.random.default_rng(2)
    held, widths, alone = 0, 0.0, 0.0
    for _ in range(400):
        found = prediction_powered(*simulated(rng, sensitivity, specificity))
        held += found.low <= 0.55 <= found.high
        widths += found.high - found.low
        alone += found.people_alone.high - found.people_alone.low
    assert 0.915 < held / 400 < 0.985
    assert widths / alone < narrow


def test_a_perfect_judge_gives_the_mean_of_all():
    rng = np.random.default_rng(3)
    truth = rng.random(5000)
    found = prediction_powered(truth[:200], truth[:200], truth[200:])
    assert found.weight == pytest.approx(1, abs=0.05)
    assert found.value == pytest.approx(truth.mean(), abs=0.002)
    assert found.error < found.people_alone.error / 3


def test_a_judge_that_says_one_thing_has_no_weight():
    found = prediction_powered([0, 1, 1, 0, 1], [1] * 5, [1] * 50)
    assert found.weight == 0
    assert found.value == found.people_alone.value
    assert found.error == pytest.approx(found.people_alone.error)


def test_copies_of_a_verdict_on_one_question_count_once():
    people, judge, others = simulated(np.random.default_rng(4), 0.9, 0.8)
    names, rest = [str(k) for k in range(100)], [str(k) for k in range(2000)]
    once = prediction_powered(people, judge, others, names, rest)
    thrice = prediction_powered(*(np.tile(part, 3) for part in (people, judge, others)), names * 3, rest * 3)
    assert thrice.value == pytest.approx(once.value)
    assert thrice.error == pytest.approx(once.error)


def test_confusion_and_ceiling_by_hand():
    people, judge = ["win", "win", "tie", "fail"], ["win", "tie", "tie", "fail"]
    found = calibrate(people, judge, ["win", None, "tie", "win"])
    assert found.classes == ("fail", "tie", "win")
    assert found.counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert found.accuracy.value == 0.75
    assert found.ceiling is not None
    assert found.ceiling.value == pytest.approx(2 / 3)
    assert found.given_judge.sum(axis=0) == pytest.approx(1)


def test_the_planned_number_finds_the_effect():
    """60 % of decided verdicts with 20 % ties need some 240 questions; with so many, 80 % of studies find it."""
    n = planned_questions(0.6, 0.2)
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(500):
        leads = rng.choice([1, 0, -1], n, p=[0.48, 0.2, 0.32])
        found += abs(leads.mean()) > 1.96 * leads.std() / np.sqrt(n)
    assert 0.74 < found / 500 < 0.86
    assert planned_questions(0.6, 0.2, verdicts=3) < n < planned_questions(0.55, 0.2)
    assert planned_questions(0.6, 0.2, verdicts=3, correlation=1) == n


@pytest.mark.parametrize("share", [0.5, 0.4, 1.2, float("nan")])
def test_no_effect_needs_no_plan(share):
    with pytest.raises(InputError, match=r"above 0\.5"):
        planned_questions(share)


def test_bad_scores_are_refused():
    with pytest.raises(InputError, match="people judged 3 questions"):
        prediction_powered([1, 0, 1], [1, 0, 1], [1])
    with pytest.raises(InputError, match="finite"):
        prediction_powered([1, np.nan, 0], [1, 0, 0], [1])
    with pytest.raises(InputError, match="verdicts of people"):
        calibrate([], [])
