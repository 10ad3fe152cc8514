from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.runs.recipe import RunSettings
from yukawa.runs.schedule import FLAT, LAST, TrainingPlan, factor, steps_of_training, warmup_steps

SCHEDULES = ("flat-then-decay", "cosine", "linear", "constant")


def settings(**values):
    return RunSettings(steps=1, **values)


def rate(schedule, steps):
    return factor(settings(schedule=schedule), steps)


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 0.9),
    schedule=st.sampled_from(SCHEDULES),
    last=st.floats(0, 1e-3),
)
def test_it_rises_then_falls_between_its_bounds(steps, warmup, schedule, last):
    chosen = settings(learning_rate=1e-3, final_learning_rate=last, warmup=warmup, schedule=schedule)
    at, rise = factor(chosen, steps), warmup_steps(chosen, steps)
    values = [at(step) for step in range(steps + 1)]
    assert all(0 <= value <= 1 for value in values)
    assert values[:rise] == sorted(values[:rise])
    assert values[rise:] == sorted(values[rise:], reverse=True)
    if rise < steps:
        assert values[rise] == 1
        end = {"constant": 1, "flat-then-decay": LAST}.get(schedule, last / 1e-3)
        assert values[-1] == pytest.approx(end, abs=1e-12)


def test_the_middle_of_a_fall_is_the_mean():
    for schedule in ("cosine", "linear"):
        chosen = settings(learning_rate=3e-4, final_learning_rate=3e-6, warmup=0.1, schedule=schedule)
        assert factor(chosen, 100)(55) == pytest.approx((1 + 0.01) / 2)


def test_warm_up_is_a_share_or_a_number_of_steps():
    assert warmup_steps(settings(warmup=0.1), 95) == 10
    assert warmup_steps(settings(warmup=5.0), 95) == 5
    assert warmup_steps(settings(warmup=0.0), 95) == 0


def test_the_length_is_given_in_steps_or_in_epochs():
    assert steps_of_training(RunSettings(steps=7), 10) == 7
    assert steps_of_training(RunSettings(epochs=3), 10) == 30


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_a_rate_begins_whole_never_rises_and_stays_positive_while_training(schedule, steps):
    at = rate(schedule, steps)
    values = [at(step) for step in range(steps)]
    assert values[0] == 1
    assert all(after <= before for before, after in pairwise(values))
    assert all(value > 0 for value in values)


@pytest.mark.parametrize("epochs", [10, 30, 50])
def test_flat_then_decay_meets_the_published_staircase_at_the_end_of_each_epoch(epochs):
    # weaver-core's flat+decay: from the epoch E - 0.3 E on, every epoch multiplies the rate.
    falling = int(0.3 * epochs)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    milestones = list(range(epochs - falling, epochs))
    published = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma=LAST ** (1 / falling))
    at = rate("flat-then-decay", epochs * 100)
    for epoch in range(epochs):
        assert at((epoch + 1) * 100) == pytest.approx(published.get_last_lr()[0], rel=1e-6)
        optimiser.step()
        published.step()


def test_flat_then_decay_is_flat_then_falls_to_one_percent():
    at = rate("flat-then-decay", 1000)
    assert at(int(1000 * FLAT)) == 1
    assert at(int(1000 * FLAT) + 1) < 1
    assert at(1000) == pytest.approx(0.01)
    assert at(2000) == pytest.approx(0.01)


def test_cosine_is_half_way_in_the_middle_and_constant_stays():
    assert rate("cosine", 100)(50) == pytest.approx(0.5)
    assert rate("cosine", 100)(100) == pytest.approx(0)
    assert rate("constant", 100)(99) == 1


def test_a_plan_follows_the_settings():
    plan = TrainingPlan.of(RunSettings(epochs=3), 6, "jets")
    assert (plan.steps, plan.epoch, plan.evaluate, plan.checkpoint) == (18, 6, 6, 6)
    plan = TrainingPlan.of(RunSettings(steps=4, checkpoint_every=2), 6, "jets")
    assert (plan.steps, plan.evaluate, plan.checkpoint) == (4, 4, 2)
    assert TrainingPlan.of(RunSettings(steps=4), 6, "tokens", validated=False).evaluate is None
