from __future__ import annotations

import json
import shutil

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from yukawa.core.errors import InputError, NotFound, StoreError
from yukawa.training.merged_model import merge
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import train
from yukawa.training.tiny_model import make_llama

IDS = torch.arange(3, 60)[None]


@pytest.fixture(scope="module")
def runs():
    """Finished runs by adapter, made when first asked for."""
    return {}


@pytest.fixture
def run_of(recipe, runs, tmp_path_factory):
    def make(kind):
        if kind not in runs:
            chosen = recipe("sft", adapter={"kind": kind}, steps=4, learning_rate=2e-2, length=96)
            runs[kind] = train(chosen, tmp_path_factory.mktemp("runs") / kind).folder
        return runs[kind]

    return make


@pytest.mark.parametrize("kind", ["lora", "qlora"])
def test_merged_equals_base_with_adapter_to_1e_4(run_of, tiny, tmp_path, kind):
    run = run_of(kind)
    merged = merge(run, tmp_path / "merged", "fp32")
    assert (merged.folder, merged.dtype) == (tmp_path / "merged", "fp32")
    base = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, run / "model").eval()
    whole = AutoModelForCausalLM.from_pretrained(merged.folder).eval()
    plain = AutoModelForCausalLM.from_pretrained(tiny).eval()
    with torch.no_grad():
        one, two, three = (model(input_ids=IDS).logits for model in (adapted, whole, plain))
    assert (one - two).abs().max() < 1e-4
    assert (one - three).abs().max() > 1e-2


def test_bf16_is_fp32_rounded_once(run_of, tmp_path):
    exact, rounded = (
        load_file(merge(run_of("lora"), tmp_path / name, dtype).folder / "model.safetensors")
        for name, dtype in (("fp32", "fp32"), ("bf16", None))
    )
    assert all(torch.equal(exact[name].bfloat16(), value) for name, value in rounded.items())


def test_the_folder_is_complete(run_of, tmp_path):
    folder = merge(run_of("lora"), tmp_path / "merged").folder
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "learning-curves.png"} <= names
    assert "{% generation %}" in AutoTokenizer.from_pretrained(folder).chat_template
    assert "Yukawa" in (folder / "README.md").read_text()
    assert json.loads((folder / "config.json").read_text())["use_cache"] is True
    with pytest.raises(InputError, match="holds files already"):
        merge(run_of("lora"), folder)


def test_another_base_is_refused(run_of, tiny, tmp_path):
    run = shutil.copytree(run_of("lora"), tmp_path / "run")
    other = make_llama(tmp_path / "other", ["other text"], vocabulary=300, hidden_size=16)
    recipe = (run / "recipe.yaml").read_text().replace(str(tiny), str(other))
    (run / "recipe.yaml").write_text(recipe)
    with pytest.raises(InputError, match="does not belong to the base"):
        merge(run)


@pytest.mark.parametrize("targets", ["all", "qkv"])
def test_an_adapter_of_another_base_is_refused(run_of, recipe, tmp_path, targets):
    run = shutil.copytree(run_of("lora"), tmp_path / "run")
    sizes = {"hidden_size": 16} if targets == "all" else {"num_hidden_layers": 3, "hidden_size": 32,
             "intermediate_size": 64}  # fmt: skip
    other = make_llama(tmp_path / "other", ["other text"], vocabulary=300, **sizes)
    values = recipe(adapter={"targets": targets}, steps=1).plain()
    values["model"]["base"] = str(other)
    foreign = train(TextRecipe.parse(values), tmp_path / "foreign").folder
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        shutil.copy2(foreign / "model" / name, run / "model" / name)
    with pytest.raises(InputError, match="belongs to another base"):
        merge(run)
    assert not (run / "merged").exists()


def test_a_base_that_no_converter_takes_is_told(recipe, tiny, tmp_path):
    base = shutil.copytree(tiny, tmp_path / "base")
    config = json.loads((base / "tokenizer.json").read_text())
    config["added_tokens"].append(config["added_tokens"][0] | {"id": 9000, "content": "<extra>"})
    (base / "tokenizer.json").write_text(json.dumps(config))
    values = recipe(steps=1).plain()
    values["model"]["base"] = str(base)
    merged = merge(train(TextRecipe.parse(values), tmp_path / "run").folder)
    (problem,) = merged.problems
    assert "the tokenizer has ids up to" in problem


def test_what_cannot_be_merged_is_said(recipe, run_of, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"unknown type 'fp8' .*allowed: bf16, fp32"):
        merge(run_of("lora"), dtype="fp8")
    with pytest.raises(NotFound):
        merge(tmp_path / "none")
    full = train(recipe(adapter={"kind": "full"}, steps=1), tmp_path / "full").folder
    with pytest.raises(InputError, match=r"there is nothing to merge .the model is .*full/model"):
        merge(full)
    shutil.rmtree(full / "model")
    with pytest.raises(InputError, match=r"there is nothing to merge .finish it with --resume"):
        merge(full)
    unfinished = shutil.copytree(run_of("lora"), tmp_path / "unfinished")
    shutil.rmtree(unfinished / "model")
    with pytest.raises(InputError, match=r"is not finished.*--resume"):
        merge(unfinished)


def test_a_full_disk_leaves_nothing(run_of, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(StoreError, match="the disk is full"):
        merge(run_of("lora"), tmp_path / "merged")
    assert list(tmp_path.glob("*merged*")) + list(tmp_path.glob(".*")) == []
