from __future__ import annotations

import pytest
import yaml

from yukawa.core.config import RECIPES
from yukawa.core.errors import InputError
from yukawa.training.recipe import load_recipe, parse_recipe

LEAST = {
    "model": {"base": "some/folder"},
    "data": {"path": "rows.jsonl"},
    "training": {"steps": 3},
}
SHIPPED = sorted((RECIPES / "text").glob("*.yaml"))


@pytest.fixture
def least(tmp_path):
    path = tmp_path / "least.yaml"
    path.write_text(yaml.safe_dump(LEAST))
    return path


def test_a_recipe_written_out_is_itself(least):
    recipe = load_recipe(least, ["training.betas=[0.9, 0.95]", "adapter.rank=16"])
    assert parse_recipe(yaml.safe_load(yaml.safe_dump(recipe.plain()))) == recipe
    assert recipe.training.betas == (0.9, 0.95)
    assert recipe.adapter.rank == 16


def test_changes_win_over_the_file_and_the_file_over_its_base(tmp_path, least):
    child = tmp_path / "child.yaml"
    child.write_text("base: least.yaml\ntraining: {steps: 5, batch: 2}\n")
    recipe = load_recipe(child, ["training.batch=4", "lora.targets=qkv"])
    assert (recipe.training.steps, recipe.training.batch, recipe.adapter.targets) == (5, 4, "qkv")
    assert recipe.model.base == "some/folder"


def test_the_weights_type_follows_what_is_trained(least):
    assert load_recipe(least).dtype == "bf16"
    assert load_recipe(least, ["adapter.kind=full"]).dtype == "fp32"
    assert load_recipe(least, ["adapter.kind=full", "model.dtype=bf16"]).dtype == "bf16"


def test_a_mixture_takes_its_place(least):
    recipe = load_recipe(least, ["data.path=abstracts/{mixture}", "mixture=s3"])
    assert recipe.place(recipe.data.path) == "abstracts/s3"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "training.lerning_rate=1",
            "unknown key training.lerning_rate (did you mean training.learning_rate?)",
        ),
        ("adaptr.rank=1", "unknown key adaptr (did you mean adapter?)"),
        ("lora.target=qkv", "did you mean adapter.targets?"),
        ("training.epochs=2", "give either epochs or steps"),
        ("training.kind=rlhf", "'pretrain', 'sft' or 'preference'"),
        ("training.batch=0", "greater than or equal to 1"),
        ("training.batch=many", "training.batch = 'many'"),
        ("training.learning_rate=.nan", "training.learning_rate"),
        ("training.final_learning_rate=1", "final_learning_rate is above learning_rate"),
        ("training.warmup=1.5", "a whole number of steps, or a share"),
        ("training.offload=true", "offload needs distributed"),
        ("data.kind=conversation", "training.kind=pretrain needs rows of the kind document"),
        ("mixture=s3", "data.path has no {mixture}"),
        ("data.path=x/{mixture}", "no mixture is given (type: mixture=s3)"),
        ("training.steps", "write it like"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(least, change, said):
    with pytest.raises(InputError) as caught:
        load_recipe(least, [change])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_asked_for(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("model: {base: x}\ntraining: {steps: 1}\n")
    with pytest.raises(InputError, match=r"data is missing"):
        load_recipe(path)


@pytest.mark.parametrize("path", [p for p in SHIPPED if "sweep" not in p.name], ids=lambda p: p.stem)
def test_the_shipped_recipes_are_right(path):
    recipe = load_recipe(path, ["mixture=s1"] if "feyntune" in path.name else ())
    assert parse_recipe(recipe.plain()) == recipe
