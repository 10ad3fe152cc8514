"""A model is found by folder, run, adapter or name; what its run says of the training is used when it is opened."""

from __future__ import annotations

import shutil

import huggingface_hub.constants
import pytest
import yaml

from yukawa.core.errors import InputError, ModelError
from yukawa.llm import folders
from yukawa.llm.folders import (
    TrainingOrigin,
    fetch_adapter,
    fetch_model,
    find_origin,
    find_places,
    local_model,
    model_files,
)
from yukawa.llm.loading import open_language_model


def test_the_first_line_of_an_error_is_short_and_never_empty():
    assert folders.first_line(ValueError("one\ntwo")) == "one"
    assert folders.first_line(ValueError(" \n one")) == "one"
    assert folders.first_line(ValueError("x" * 1000)) == "x" * 300
    assert folders.first_line(ValueError("  ")) == "ValueError"


def run_in(folder, **values):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
    return folder


PRETRAIN = {"kind": "pretrain", "precision": "bf16"}


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"adapter": {"kind": "qlora"}, "model": {"dtype": None}}, ("bfloat16", True, "bfloat16")),
        ({"adapter": {"kind": "lora"}, "model": {"dtype": "fp32"}}, ("float32", False, "bfloat16")),
        ({"adapter": {"kind": "full"}, "model": {"dtype": None}}, (None, False, "bfloat16")),
        (
            {"adapter": {"kind": "qlora"}, "training": {"kind": "sft", "precision": "fp32"}},
            ("bfloat16", True, "float32"),
        ),
    ],
)
def test_recipes(tmp_path, recipe, expected):
    run = run_in(tmp_path / "run", **{"training": PRETRAIN, **recipe})
    assert find_origin(run) == TrainingOrigin(run, *expected)


def test_places(tmp_path):
    run = run_in(tmp_path / "run", adapter={"kind": "lora"}, training=PRETRAIN)
    for inside in ("model", "checkpoints/checkpoint-30"):
        (run / inside).mkdir(parents=True)
        found = find_origin(run / inside)
        assert found is not None
        assert found.run.resolve() == run.resolve()
    (run / "merged").mkdir()
    for elsewhere in (run / "merged", tmp_path, "org/model", None):
        assert find_origin(elsewhere) is None
    assert find_origin(run_in(tmp_path / "jets", model={"architecture": "part"})) is None


def test_the_recipe_rules_are_those_of_training(tmp_path):
    """Two rooms that do not know each other read one recipe alike."""
    from yukawa.training.recipe import TextRecipe

    for kind in ("lora", "qlora", "full"):
        for dtype in (None, "bf16", "fp32"):
            recipe = TextRecipe.parse({
                "model": {"base": "b", "dtype": dtype}, "data": {"path": "d"}, "adapter": {"kind": kind},
                "training": {"steps": 1},
            })  # fmt: skip
            found = find_origin(run_in(tmp_path / f"{kind}-{dtype}", **recipe.plain()))
            words = {"float32": "fp32", "bfloat16": "bf16"}
            assert found.dtype is None if kind == "full" else words[found.dtype] == recipe.dtype
            assert words[found.precision] == recipe.training.precision


def test_a_run_decides_unless_told_otherwise(base_folder, adapter_folder, tmp_path):
    run = run_in(tmp_path / "run", adapter={"kind": "lora"}, training=PRETRAIN)
    shutil.copytree(adapter_folder, run / "model")
    for source, adapter in (
        (run, None),
        (run / "model", None),
        (base_folder, run),
        (base_folder, run / "model"),
    ):
        found = open_language_model(source, adapter=adapter, device="cpu")
        assert found.options["dtype"] == "bfloat16"
        assert found.options["adapter"] == str(run / "model")
    assert open_language_model(run, dtype="float32", device="cpu").options["dtype"] == "float32"
    assert open_language_model(base_folder, device="cpu").options["dtype"] == "float32"


def test_an_adapter_on_the_hub_has_an_organisation_and_one_in_a_folder_a_base(base_folder, tmp_path):
    folders.check_places(str(base_folder), "org/adapter")
    folders.check_places("gpt2")  # some models have none
    with pytest.raises(InputError, match="there is no folder adapter"):
        folders.check_places(str(base_folder), "adapter")
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="does not say which base"):
        folders.recorded_base(tmp_path)


@pytest.mark.parametrize("name", ["./none", "/no/where", "a/b/c", "runs/"])
def test_a_folder_that_does_not_exist(name):
    for find in (fetch_model, local_model, fetch_adapter):
        with pytest.raises(InputError, match=f"there is no folder {name}"):
            find(name)


def test_the_folder_of_a_run_means_its_model(base_folder, tmp_path):
    shutil.copytree(base_folder, tmp_path / "run" / "model")
    assert fetch_model(str(tmp_path / "run")) == tmp_path / "run" / "model"
    assert find_places(str(tmp_path / "run")) == (str(tmp_path / "run" / "model"), None)
    assert [path.name for path in model_files(base_folder)] == [
        path.name for path in model_files(tmp_path / "run" / "model")
    ]


def test_weights_are_only_needed_where_they_are_read(base_folder, tmp_path):
    folder = shutil.copytree(base_folder, tmp_path / "base")
    (folder / "model.safetensors").unlink()
    assert fetch_model(str(folder), weights=False) == folder
    with pytest.raises(InputError, match=r"does not hold a model: \*\.safetensors is missing"):
        fetch_model(str(folder))


def test_without_a_network_a_hub_name_gets_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for fetch in (fetch_model, fetch_adapter):
        with pytest.raises(ModelError, match="could not be downloaded from the Hugging Face Hub") as caught:
            fetch("meta-llama/Llama-3.1-8B")
        assert "\n" not in str(caught.value)
        assert "name a folder" in str(caught.value)


def test_the_first_line_of_an_error_is_short():
    assert folders.first_line(ValueError("x" * 999)) == "x" * 300
    assert folders.first_line(ValueError("\na\nb")) == "a"
    assert folders.first_line(KeyError()) == "KeyError"


def test_an_adapter_where_a_whole_model_is_needed_says_how_it_is_merged(adapter_folder):
    with pytest.raises(InputError, match=rf"holds an adapter.*made by: yukawa merge {adapter_folder}"):
        folders.local_model(str(adapter_folder))
