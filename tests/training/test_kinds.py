"""Every kind of training: saved, stopped and resumed to the same bits, reloaded the same, merged to the same logits."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from yukawa.training.export import gguf_problems, merge
from yukawa.training.prepare import load_base
from yukawa.training.text_task import TextTask, train

IDS = torch.arange(3, 60)[None]
KINDS = {
    "qlora": ("pretrain", {"kind": "qlora", "targets": "all"}),
    "lora-qkv": ("sft", {"kind": "lora", "targets": "qkv"}),
    "lora-all": ("pretrain", {"kind": "lora", "targets": "all"}),
    "full": ("pretrain", {"kind": "full"}),
    "dpo": ("preference", {"kind": "lora", "targets": "all"}),
    "dpo-qlora": ("preference", {"kind": "qlora", "targets": "qkv"}),
}


@torch.no_grad()
def logits(model):
    return model.eval()(input_ids=IDS, use_cache=False).logits.float()


@pytest.fixture
def in_memory(monkeypatch):
    """Logits of trained models as they were before they were saved, by the name of the run."""
    seen, save = {}, TextTask.save

    def watched(task, trainer, folder):
        seen[folder.parent.name] = logits(trainer.model)
        save(task, trainer, folder)

    monkeypatch.setattr(TextTask, "save", watched)
    return seen


def stop_after_two(done, total, figures):
    if done == 1:  # noted after this step, acted on after the next
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow_but("qlora")
@pytest.mark.parametrize("name", KINDS)
def test_saved_resumed_reloaded_merged(recipe, rows, tiny, tmp_path, in_memory, name):
    kind, adapter = KINDS[name]
    chosen = recipe(
        kind, adapter=adapter, data={"validation": str(rows[kind])}, dtype="fp32", steps=4, evaluate_every=2,
        learning_rate=2e-2, length=96,
    )  # fmt: skip
    whole = train(chosen, tmp_path / "whole").folder
    assert train(chosen, tmp_path / "broken", progress=stop_after_two).steps == 2
    broken = train(chosen, tmp_path / "broken", resume=True).folder

    saved = "model.safetensors" if adapter["kind"] == "full" else "adapter_model.safetensors"
    one, two = (load_file(folder / "model" / saved) for folder in (whole, broken))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)

    # Reloaded: what was in memory when it was saved, to the last bit.
    base = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    untrained = logits(base)
    if adapter["kind"] == "full":
        again = AutoModelForCausalLM.from_pretrained(whole / "model")
        assert gguf_problems(whole / "model") == ()
    else:
        beside = load_base(tiny, chosen, None, "cpu")
        again = PeftModel.from_pretrained(beside, str(whole / "model"))
        if adapter["kind"] == "qlora":  # whose adapter is trained in bf16, and read as fp32
            for key, weight in again.named_parameters():
                weight.data = weight.data.bfloat16() if "lora_" in key else weight.data
    assert torch.equal(logits(again), in_memory["whole"])
    assert (in_memory["whole"] - untrained).abs().max() > 1e-3  # it has learned something
    if adapter["kind"] == "full":
        return

    # Merged: the whole base with the adapter beside it, and again after reloading.
    adapted = logits(PeftModel.from_pretrained(base, str(whole / "model")))
    merged = merge(whole, dtype="fp32")
    assert merged.problems == ()
    assert (logits(AutoModelForCausalLM.from_pretrained(merged.folder)) - adapted).abs().max() < 1e-4


def test_a_run_that_died_before_its_first_checkpoint_begins_anew(recipe, tmp_path):
    chosen = recipe(steps=3)

    def die(done, total, figures):
        raise MemoryError

    with pytest.raises(MemoryError):
        train(chosen, tmp_path / "run", progress=die)
    train(chosen, tmp_path / "run", resume=True)
    train(chosen, tmp_path / "whole")
    one, two = (load_file(tmp_path / name / "model/adapter_model.safetensors") for name in ("run", "whole"))
    assert all(torch.equal(one[key], two[key]) for key in one)
