from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.training.recipe import TrainingRecipe
from yukawa.training.schedule import factor, warmup_steps


def how(**values):
    return TrainingRecipe(steps=1, **values)


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 0.9),
    schedule=st.sampled_from(["cosine", "linear", "constant"]),
    last=st.floats(0, 1e-3),
)
def test_it_rises_then_falls_between_its_bounds(steps, warmup, schedule, last):
    recipe = how(learning_rate=1e-3, final_learning_rate=last, warmup=warmup, schedule=schedule)
    at, rise = factor(recipe, steps), warmup_steps(recipe, steps)
    values = [at(step) for step in range(steps + 1)]
    assert all(0 <= value <= 1 for value in values)
    assert values[:rise] == sorted(values[:rise])
    assert values[rise:] == sorted(values[rise:], reverse=True)
    if rise < steps:
        assert values[rise] == 1
        assert values[-1] == pytest.approx(1 if schedule == "constant" else last / 1e-3, abs=1e-12)


def test_the_middle_of_a_fall_is_the_mean():
    for schedule in ("cosine", "linear"):
        recipe = how(learning_rate=3e-4, final_learning_rate=3e-6, warmup=0.1, schedule=schedule)
        assert factor(recipe, 100)(55) == pytest.approx((1 + 0.01) / 2)


def test_warm_up_is_a_share_or_a_number_of_steps():
    assert warmup_steps(how(warmup=0.1), 95) == 10
    assert warmup_steps(how(warmup=5.0), 95) == 5
    assert warmup_steps(how(warmup=0.0), 95) == 0
