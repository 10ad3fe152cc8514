from __future__ import annotations

import pytest
import yaml

from yukawa.core.errors import InputError
from yukawa.core.yaml_files import RECIPES
from yukawa.runs.distributed import Machine
from yukawa.training.recipe import TextRecipe

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
    recipe = TextRecipe.load(least, ["training.betas=[0.9, 0.95]", "adapter.rank=16"])
    assert TextRecipe.parse(yaml.safe_load(yaml.safe_dump(recipe.plain()))) == recipe
    assert recipe.training.betas == (0.9, 0.95)
    assert recipe.adapter.rank == 16


def test_changes_win_over_the_file_and_the_file_over_its_base(tmp_path, least):
    child = tmp_path / "child.yaml"
    child.write_text("base: least.yaml\ntraining: {steps: 5, batch: 2}\n")
    recipe = TextRecipe.load(child, ["training.batch=4", "lora.targets=qkv"])
    assert (recipe.training.steps, recipe.training.batch, recipe.adapter.targets) == (5, 4, "qkv")
    assert recipe.model.base == "some/folder"


def test_the_weights_type_follows_what_is_trained(least):
    assert TextRecipe.load(least).dtype == "bf16"
    assert TextRecipe.load(least, ["adapter.kind=full"]).dtype == "fp32"
    assert TextRecipe.load(least, ["adapter.kind=full", "model.dtype=bf16"]).dtype == "bf16"


def test_auto_is_the_best_16_bits_of_the_machine(least, monkeypatch):
    recipe = TextRecipe.load(least, ["training.precision=auto", "adapter.kind=qlora"])
    assert (recipe.with_precision(bf16=True).training.precision, recipe.with_precision(bf16=True).dtype) == (
        "bf16",
        "bf16",
    )
    older = recipe.with_precision(bf16=False)
    assert (older.training.precision, older.dtype) == ("fp16", "fp16")
    assert TextRecipe.load(least).with_precision(bf16=False).training.precision == "bf16"
    assert Machine().bf16
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: including_emulation)
    assert not Machine(gpu=True).bf16


def test_a_mixture_takes_its_place(least):
    recipe = TextRecipe.load(least, ["data.path=abstracts/{mixture}", "mixture=s3"])
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
        ("training.kind=rlhf", "'pretrain', 'sft', 'preference' or 'grpo'"),
        ("training.batch=0", "greater than or equal to 1"),
        ("training.batch=many", "training.batch = 'many'"),
        ("training.learning_rate=.nan", "training.learning_rate"),
        ("training.final_learning_rate=1", "final_learning_rate is above learning_rate"),
        ("training.warmup=1.5", "a whole number of steps, or a share"),
        ("training.offload=true", "offload needs distributed"),
        ("training.patience=2", "type: training.best_by=loss"),
        ("data.system=Hello", "data.system belongs to conversations"),
        ("model.attention=fast", "'sdpa', 'flash', 'flex' or 'eager'"),
        ("data.kind=conversation", "training.kind=pretrain needs rows of the kind document"),
        ("mixture=s3", "data.path has no {mixture}"),
        ("data.path=x/{mixture}", "no mixture is given (type: mixture=s3)"),
        ("training.steps", "write it like"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(least, change, said):
    with pytest.raises(InputError) as caught:
        TextRecipe.load(least, [change])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_asked_for(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("model: {base: x}\ntraining: {steps: 1}\n")
    with pytest.raises(InputError, match=r"data is missing"):
        TextRecipe.load(path)


@pytest.mark.parametrize("path", [p for p in SHIPPED if "sweep" not in p.name], ids=lambda p: p.stem)
def test_the_shipped_recipes_are_right(path):
    recipe = TextRecipe.load(path, ["mixture=s1"] if "feyntune" in path.name else ())
    assert TextRecipe.parse(recipe.plain()) == recipe


def test_feyntune_has_twenty_variants():
    variants = TextRecipe.variants("feyntune-sweep")
    assert len({variant.name for variant in variants}) == 20
    assert (variants[0].name, variants[-1].name) == ("s1-qkv", "s10-all")
    for variant in variants:
        mixture, targets = variant.name.split("-")
        changes = [f"mixture={mixture}", f"lora.targets={targets}"]
        assert variant.recipe == TextRecipe.load("feyntune", changes)


def test_changes_hold_for_all_and_a_swept_key_can_be_fixed():
    changes = ["lora.targets=qkv", "training.seed=7"]
    variants = TextRecipe.variants("feyntune-sweep", changes)
    assert [variant.name for variant in variants] == [f"s{n}-qkv" for n in range(1, 11)]
    assert {variant.recipe.training.seed for variant in variants} == {7}


def test_a_single_recipe_is_one_variant_without_a_name():
    (variant,) = TextRecipe.variants("smoke", ["training.steps=2"])
    assert (variant.name, variant.recipe.training.steps) == ("", 2)


@pytest.mark.parametrize("over", ["[]", "{}", "{mixture: s1}", "{mixture: []}"])
def test_what_is_no_sweep_is_refused(tmp_path, over):
    path = tmp_path / "sweep.yaml"
    path.write_text(f"over: {over}\n")
    with pytest.raises(InputError, match="keys with lists of values"):
        TextRecipe.variants(path)
    with pytest.raises(InputError, match="is a sweep"):
        TextRecipe.load(path)
