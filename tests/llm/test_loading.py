"""Models open from folders, adapters and objects; what does not belong together is refused in one line."""

import shutil
import sys

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from yukawa.core.errors import InputError, MissingPackage, ModelError
from yukawa.data import Document
from yukawa.llm.loading import open_language_model, saved_ends

DOCUMENTS = [
    Document(id=text[:1], text=text, source="test") for text in ("The W is heavy.", "Quarks are confined.")
]
IDS = torch.arange(40, 60)[None]


def logits(model):
    with torch.inference_mode():
        return model.model(IDS).logits


def test_the_ends_of_a_text_are_those_of_all_files(tmp_path):
    assert saved_ends(tmp_path) == set()
    (tmp_path / "config.json").write_text('{"eos_token_id": 3}')
    assert saved_ends(tmp_path) == {3}
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [1, 2]}')
    assert saved_ends(tmp_path) == {1, 2, 3}
    (tmp_path / "config.json").write_text('{"eos_token_id": null}')
    assert saved_ends(tmp_path) == {1, 2}


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
        with pytest.raises(ModelError, match="could not be downloaded from the Hugging Face Hub"):
            open_language_model("nobody/nothing")
        with pytest.raises(InputError, match="tokenizer"):
            open_language_model(torch.nn.Linear(1, 1))

    @pytest.mark.parametrize("device", ["gpu", "cuda:99"])
    def test_a_device_that_is_not_there(self, base_folder, device):
        with pytest.raises(InputError, match=f"the device '{device}' does not exist"):
            open_language_model(base_folder, device=device)

    def test_a_missing_package(self, base_folder, adapter_folder, monkeypatch):
        monkeypatch.setitem(sys.modules, "peft", None)
        with pytest.raises(MissingPackage, match=r"pip install '.*\[train\]'"):
            open_language_model(adapter_folder)


class TestFourBits:
    """NF4 on the processor, as QLoRA has it there."""

    @pytest.fixture(autouse=True)
    def _bitsandbytes(self):
        pytest.importorskip("bitsandbytes", reason="four bits need bitsandbytes")

    def test_it_is_the_model_that_was_trained(self, made, tmp_path):
        import bitsandbytes
        from peft import PeftModel

        from yukawa.evaluation.perplexity import document_losses
        from yukawa.training.prepare import load_base
        from yukawa.training.recipe import TextRecipe

        base = made.model(tmp_path / "base", hidden=96)  # no multiple of 64
        run = tmp_path / "run"
        recipe = TextRecipe.parse({
            "model": {"base": str(base)}, "data": {"path": "d"}, "adapter": {"kind": "qlora"},
            "training": {"steps": 1, "precision": "fp32"},
        })  # fmt: skip
        run.mkdir()
        (run / "recipe.yaml").write_text(yaml.safe_dump(recipe.plain()))
        made.adapter(base, run / "model")
        found = open_language_model(run, device="cpu")
        assert found.options["load_in_4bit"] is True
        bits = [module for module in found.model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
        assert len(bits) == 2 * 7
        assert {module.compute_dtype for module in bits} == {torch.float32}
        expected = PeftModel.from_pretrained(load_base(base, recipe, None, "cpu"), run / "model").train()
        ids = torch.arange(40, 90)[None]
        with torch.inference_mode():
            torch.testing.assert_close(found.model(ids).logits, expected(ids).logits, rtol=0, atol=0)
        whole = open_language_model(run, load_in_4bit=False, device="cpu")
        assert whole.options["load_in_4bit"] is False
        rows = [document_losses(model, DOCUMENTS) for model in (found, whole)]
        assert rows[0].losses != pytest.approx(rows[1].losses, rel=1e-6)
        assert rows[0].losses == pytest.approx(rows[1].losses, rel=0.1)

    def test_any_model_can_be_asked_for_in_four_bits(self, made, tmp_path):
        base = made.model(tmp_path / "base", hidden=64)
        found = open_language_model(base, load_in_4bit=True, device="cpu")
        assert found.options["load_in_4bit"] is True
        assert any(type(module).__name__ == "Linear4bit" for module in found.model.modules())
