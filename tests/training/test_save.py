from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from yukawa.core.errors import StoreError
from yukawa.training.prepare import prepare
from yukawa.training.save import save_result
from yukawa.training.train import train


def saver(save_model):
    accelerator = SimpleNamespace(wait_for_everyone=lambda: None)
    return SimpleNamespace(
        args=SimpleNamespace(should_save=True), accelerator=accelerator, save_model=save_model
    )


def test_model_and_tokenizer_load_from_the_folder(recipe, tiny, tmp_path):
    prepared = prepare(recipe("sft", data={"template": "vicuna"}, length=256), tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    save_result(saver(model.save_pretrained), prepared, tmp_path / "model")
    assert (
        AutoModelForCausalLM.from_pretrained(tmp_path / "model").config.vocab_size == model.config.vocab_size
    )
    assert "USER: " in AutoTokenizer.from_pretrained(tmp_path / "model").chat_template


def test_an_adapter_names_its_base(recipe, tiny, tmp_path):
    folder = train(recipe(steps=1), tmp_path / "run").folder
    config = json.loads((folder / "model" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny)


def test_a_full_disk_leaves_what_was_there(recipe, tmp_path):
    prepared = prepare(recipe(), tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("kept")

    def full(folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"the disk is full.*--resume"):
        save_result(saver(full), prepared, tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["old"]
    assert not list(tmp_path.glob(".model*"))
