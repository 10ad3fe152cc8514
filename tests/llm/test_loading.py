"""Models open from folders, adapters and objects; what does not belong together is refused in one line."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from yukawa.core.errors import InputError, MissingPackage, ModelError
from yukawa.llm.loading import open_language_model

IDS = torch.arange(40, 60)[None]


def logits(model):
    with torch.inference_mode():
        return model.model(IDS).logits


def test_folder_adapter_run_and_object_agree(base_folder, adapter_folder, tmp_path):
    base = open_language_model(base_folder, device="cpu")
    assert base.options == {
        "model": str(base_folder), "adapter": None, "load_in_4bit": False, "dtype": "float32", "device": "cpu",
    }  # fmt: skip
    assert (base.name, base.context, base.notes) == (base_folder.name, 192, ())
    assert not base.model.training
    given = open_language_model(
        AutoModelForCausalLM.from_pretrained(base_folder),
        tokenizer=AutoTokenizer.from_pretrained(base_folder),
        name="mine",
    )
    torch.testing.assert_close(logits(given), logits(base), rtol=0, atol=0)
    found = open_language_model(adapter_folder, device="cpu")
    asked = open_language_model(base_folder, adapter=adapter_folder, device="cpu")
    torch.testing.assert_close(logits(found), logits(asked), rtol=0, atol=0)
    assert not torch.allclose(logits(found), logits(base), atol=1e-2)
    shutil.copytree(adapter_folder, tmp_path / "run" / "model")
    run = open_language_model(tmp_path / "run", device="cpu")
    torch.testing.assert_close(logits(run), logits(found), rtol=0, atol=0)


def test_dtype(base_folder):
    assert open_language_model(base_folder, dtype="bfloat16").options["dtype"] == "bfloat16"
    with pytest.raises(InputError, match="did you mean 'bfloat16'"):
        open_language_model(base_folder, dtype="bfloat")


def test_a_moved_base_is_told(base_folder, adapter_folder, tmp_path):
    shutil.copytree(base_folder, tmp_path / "moved")
    found = open_language_model(tmp_path / "moved", adapter=adapter_folder)
    assert "was made on" in found.notes[0]


@pytest.mark.parametrize("difference", ["width", "modules", "layers"])
def test_an_adapter_of_another_base(made, base_folder, adapter_folder, tmp_path, difference):
    adapter = tmp_path / "adapter"
    shutil.copytree(adapter_folder, adapter)
    base = base_folder
    if difference == "width":
        base = made.model(tmp_path / "wide", hidden=64)
    elif difference == "modules":
        config = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["c_attn"]}))
    else:
        base = tmp_path / "shallow"
        shutil.copytree(base_folder, base)
        config = json.loads((base / "config.json").read_text())
        (base / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    with pytest.raises(InputError, match="belongs to another base"):
        open_language_model(base, adapter=adapter, device="cpu")


class TestBadInput:
    def test_what_is_not_there(self, tmp_path):
        with pytest.raises(InputError, match="there is no folder"):
            open_language_model(tmp_path / "absent")
        for path in ("runs/absent/model", "absent/"):
            with pytest.raises(InputError, match="there is no folder"):
                open_language_model(path)
        (tmp_path / "empty").mkdir()
        with pytest.raises(InputError, match=r"config\.json is missing"):
            open_language_model(tmp_path / "empty")
        with pytest.raises(ModelError, match="cannot be had from the hub"):
            open_language_model("nobody/nothing")
        with pytest.raises(InputError, match="tokenizer"):
            open_language_model(torch.nn.Linear(1, 1))

    def test_damaged(self, base_folder, adapter_folder, tmp_path):
        broken = tmp_path / "broken"
        shutil.copytree(base_folder, broken)
        (broken / "model.safetensors").write_bytes(b"no")
        with pytest.raises(ModelError, match="cannot be loaded"):
            open_language_model(broken)
        from safetensors.torch import load_file, save_file

        weights = load_file(base_folder / "model.safetensors")
        del weights["model.norm.weight"]
        save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match=r"lack 1 tensors, such as model\.norm\.weight"):
            open_language_model(broken)
        adapter = tmp_path / "adapter"
        shutil.copytree(adapter_folder, adapter)
        (adapter / "adapter_model.safetensors").unlink()
        with pytest.raises(InputError, match=r"no adapter_model\.safetensors"):
            open_language_model(base_folder, adapter=adapter)
        (adapter / "adapter_config.json").write_text("{}")
        with pytest.raises(InputError, match="which base it belongs to"):
            open_language_model(adapter)

    @pytest.mark.parametrize("device", ["gpu", "cuda:99"])
    def test_a_device_that_is_not_there(self, base_folder, device):
        with pytest.raises(InputError, match=f"the device '{device}' is not there"):
            open_language_model(base_folder, device=device)

    def test_a_missing_package(self, base_folder, adapter_folder, monkeypatch):
        monkeypatch.setitem(sys.modules, "peft", None)
        with pytest.raises(MissingPackage, match=r"pip install 'yukawa-hep\[train\]'"):
            open_language_model(adapter_folder)
