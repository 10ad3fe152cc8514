"""Reading, changing and comparing recipes; the kinds of training test their own."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, NotFound
from yukawa.runs.recipe import (
    FLAT,
    LAST,
    RunSettings,
    TrainingRecipe,
    factor,
    steps_of_training,
    warmup_steps,
)
from yukawa.runs.run import Run


class Small(TrainingRecipe):
    aliases: ClassVar[dict[str, str]] = {"t": "training"}

    name: str = "small"
    training: RunSettings


@pytest.fixture
def file(tmp_path):
    (tmp_path / "base.yaml").write_text("training: {steps: 5, batch: 2}\n")
    path = tmp_path / "small.yaml"
    path.write_text("base: base.yaml\ntraining: {batch: 3}\n")
    return path


def test_changes_win_over_the_file_and_the_file_over_its_base(file):
    recipe = Small.load(file, ["t.seed=7", "name=other"])
    assert (recipe.training.steps, recipe.training.batch, recipe.training.seed) == (5, 3, 7)
    assert recipe.name == "other"


def test_a_recipe_written_out_is_itself_and_is_found_in_its_run(file, tmp_path):
    recipe = Small.load(file)
    assert Small.parse(yaml.safe_load(yaml.safe_dump(recipe.plain()))) == recipe
    Run.create(tmp_path / "run", recipe.plain(), [])
    assert Small.of_run(tmp_path / "run") == recipe
    with pytest.raises(NotFound, match="holds no run"):
        Small.of_run(tmp_path)


def test_a_sweep_is_every_combination_and_the_first_key_varies_slowest(file):
    file.write_text(file.read_text() + "over: {name: [a, b], training.seed: [1, 2]}\n")
    variants = Small.variants(file, ["training.batch=4"])
    assert [one.name for one in variants] == ["a-1", "a-2", "b-1", "b-2"]
    assert [(one.recipe.name, one.recipe.training.seed) for one in variants][1:3] == [("a", 2), ("b", 1)]
    assert {one.recipe.training.batch for one in variants} == {4}
    assert [one.name for one in Small.variants(file, ["t.seed=9"])] == ["a-9", "b-9"]
    with pytest.raises(InputError, match="is a sweep"):
        Small.load(file)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("tensorboard", ["tensorboard"]),
        ("wandb, mlflow", ["wandb", "mlflow"]),
        ("none", []),
        (["trackio"], ["trackio"]),
    ],
)
def test_trackers_are_one_name_or_several(given, names):
    assert RunSettings(steps=1, report_to=given).report_to == names


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, r"give either epochs or steps \(type: training.epochs=N\)"),
        ({"steps": 1, "epochs": 1}, r"type: training.steps=null, or training.epochs=null"),
        ({"steps": 1, "final_learning_rate": 1.0}, "final_learning_rate is above learning_rate"),
        ({"steps": 1, "warmup": 1.5}, "warmup is a whole number of steps"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, said):
    with pytest.raises(InputError, match=said):
        Small.parse({"training": values})


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
