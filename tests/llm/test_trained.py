"""What a run says of its training reaches the measurement: dtype, four bits, and the very tokens that were trained."""

from __future__ import annotations

import pytest
import yaml

from yukawa.evaluation.perplexity import begins_with_bos, encoded
from yukawa.llm.loading import open_language_model
from yukawa.llm.trained import Trained, find_trained


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
    assert find_trained(run) == Trained(run, *expected)


def test_places(tmp_path):
    run = run_in(tmp_path / "run", adapter={"kind": "lora"}, training=PRETRAIN)
    for inside in ("model", "checkpoints/checkpoint-30"):
        (run / inside).mkdir(parents=True)
        found = find_trained(run / inside)
        assert found is not None
        assert found.run.resolve() == run.resolve()
    (run / "merged").mkdir()
    for elsewhere in (run / "merged", tmp_path, "org/model", None):
        assert find_trained(elsewhere) is None
    assert find_trained(run_in(tmp_path / "jets", model={"architecture": "part"})) is None


def test_the_recipe_rules_are_those_of_training(tmp_path):
    """Two rooms that do not know each other read one recipe alike."""
    from yukawa.training.recipe import TextRecipe

    for kind in ("lora", "qlora", "full"):
        for dtype in (None, "bf16", "fp32"):
            recipe = TextRecipe.parse({
                "model": {"base": "b", "dtype": dtype}, "data": {"path": "d"}, "adapter": {"kind": kind},
                "training": {"steps": 1},
            })  # fmt: skip
            found = find_trained(run_in(tmp_path / f"{kind}-{dtype}", **recipe.plain()))
            words = {"float32": "fp32", "bfloat16": "bf16"}
            assert found.dtype is None if kind == "full" else words[found.dtype] == recipe.dtype
            assert words[found.precision] == recipe.training.precision


@pytest.mark.parametrize("adds_bos", [True, False])
def test_the_tokens_measured_are_the_tokens_trained(made, documents, tmp_path, adds_bos):
    from yukawa.training.tokenization import RowCounter, tokenise_documents

    model = open_language_model(made.model(tmp_path, adds_bos=True), device="cpu")
    if not adds_bos:
        model.tokenizer.backend_tokenizer.post_processor = None
        model.tokenizer._tokenizer.post_processor = None
    starts = begins_with_bos(model)
    assert starts is adds_bos
    trained = [row["input_ids"] for row in tokenise_documents(documents, model.tokenizer, 10_000, RowCounter())]
    measured, _ = encoded(model, [document.text for document in documents], bos=starts, eos=True)
    assert measured == trained


def test_a_run_decides_unless_told_otherwise(base_folder, adapter_folder, tmp_path):
    import shutil

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


class TestFourBits:
    """NF4 on the processor, as QLoRA has it there."""

    @pytest.fixture(autouse=True)
    def _bitsandbytes(self):
        pytest.importorskip("bitsandbytes", reason="four bits need bitsandbytes")

    def test_it_is_the_model_that_was_trained(self, made, tmp_path, documents):
        import bitsandbytes
        import torch
        from peft import PeftModel

        from yukawa.evaluation.perplexity import document_losses
        from yukawa.training.bases import load_model
        from yukawa.training.recipe import TextRecipe

        base = made.model(tmp_path / "base", hidden=96)  # no multiple of 64
        run = tmp_path / "run"
        recipe = TextRecipe.parse({
            "model": {"base": str(base)}, "data": {"path": "d"}, "adapter": {"kind": "qlora"},
            "training": {"steps": 1, "precision": "fp32"},
        })  # fmt: skip
        run_in(run, **recipe.plain())
        made.adapter(base, run / "model")
        found = open_language_model(run, device="cpu")
        assert found.options["load_in_4bit"] is True
        bits = [module for module in found.model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
        assert len(bits) == 2 * 7
        assert {module.compute_dtype for module in bits} == {torch.float32}
        expected = PeftModel.from_pretrained(load_model(base, recipe, "cpu"), run / "model").train()
        ids = torch.arange(40, 90)[None]
        with torch.inference_mode():
            torch.testing.assert_close(found.model(ids).logits, expected(ids).logits, rtol=0, atol=0)
        whole = open_language_model(run, load_in_4bit=False, device="cpu")
        assert whole.options["load_in_4bit"] is False
        rows = [document_losses(model, documents[:2]) for model in (found, whole)]
        assert rows[0].losses != pytest.approx(rows[1].losses, rel=1e-6)
        assert rows[0].losses == pytest.approx(rows[1].losses, rel=0.1)

    def test_any_model_can_be_asked_for_in_four_bits(self, made, tmp_path):
        base = made.model(tmp_path / "base", hidden=64)
        found = open_language_model(base, load_in_4bit=True, device="cpu")
        assert found.options["load_in_4bit"] is True
        assert any(type(module).__name__ == "Linear4bit" for module in found.model.modules())
