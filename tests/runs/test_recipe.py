"""Reading, changing and comparing recipes; the kinds of training test their own."""

from __future__ import annotations

from typing import ClassVar

import pytest
import yaml

from yukawa.core.errors import InputError, NotFound
from yukawa.runs.recipe import RunSettings, TrainingRecipe
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
    with pytest.raises(NotFound, match=r"is not a run|does not exist"):
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
