"""Byte models: what transformers and PEFT do with models works."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor
from transformers import (
    Trainer,
    TrainingArguments,
)

from yukawa.bytelm import patches
from yukawa.bytelm.modeling import (
    ByteLMForCausalLM,
    ByteLMForRegression,
    ByteLMForSequenceClassification,
)
from yukawa.bytelm.segments import Mark

Make = Callable[..., Any]
Draw = Callable[..., Tensor]
PAD = int(Mark.PAD)
MODELS = (ByteLMForCausalLM, ByteLMForSequenceClassification, ByteLMForRegression)
ATTENTION = ("sdpa", "eager")


# What transformers and PEFT do with models.


@pytest.mark.parametrize("attention", ATTENTION)
def test_the_attention_asked_for_reaches_the_decoders(build: Make, attention: str, tmp_path: Path):
    build(inner_layers=1).save_pretrained(tmp_path)
    model = ByteLMForCausalLM.from_pretrained(tmp_path, attn_implementation=attention)
    decoders = (model.model.decoder, model.head.decoder)
    over_patches = (
        patches.PACKED_ATTENTION if attention == "sdpa" else attention
    )  # SDPA, which takes packed sequences too
    assert [d.config._attn_implementation for d in decoders] == [over_patches, attention]
    other = ATTENTION[attention == "sdpa"]
    model.set_attn_implementation(other)
    assert [decoder.config._attn_implementation for decoder in decoders] == [other] * 2


@pytest.mark.parametrize("padded", [False, True])
def test_attention_implementations_agree(build: Make, draw: Draw, padded: bool):
    ids = draw(2, 24)
    if padded:
        ids[0, :8] = PAD
    with torch.no_grad():
        first, second = (build(attention=attention)(ids).logits for attention in ATTENTION)
    torch.testing.assert_close(first[:, 2 * padded :], second[:, 2 * padded :], atol=1e-5, rtol=0)


@pytest.mark.parametrize("inner", [0, 1])
def test_activation_checkpointing_gives_the_same_gradients(build: Make, draw: Draw, inner: int):
    ids = draw(2, 24)
    gradients = []
    for checkpointing in (False, True):
        model = build(inner_layers=inner).train()
        if checkpointing:
            model.activation_checkpointing_enable()
        model(ids, labels=ids).loss.backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    assert all(torch.equal(gradient, gradients[1][name]) for name, gradient in gradients[0].items())


@pytest.mark.parametrize("kind", MODELS)
def test_half_precision_runs_and_is_near(build: Make, draw: Draw, kind: Any, tmp_path: Path):
    model, ids = build(kind, inner_layers=1, num_labels=1), draw(2, 24)
    model.save_pretrained(tmp_path)
    half = kind.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    labels = {ByteLMForCausalLM: ids, ByteLMForSequenceClassification: torch.zeros(2, dtype=torch.long)}
    whole, rough = (each(ids, labels=labels.get(kind, torch.ones(2))) for each in (model, half))
    assert rough.logits.dtype == torch.bfloat16
    torch.testing.assert_close(rough.logits.float(), whole.logits, atol=0.1, rtol=0.1)
    torch.testing.assert_close(rough.loss, whole.loss, atol=0.05, rtol=0.05)


def _lora(model: Any, task: str) -> Any:
    torch.manual_seed(3)
    return peft.get_peft_model(
        model, peft.LoraConfig(task_type=task, r=2, lora_alpha=8, target_modules=["q_proj", "v_proj"])
    )


def _two_steps(model: Any, ids: Tensor, labels: Tensor) -> tuple[float, float]:
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.1)
    losses = []
    for _ in range(2):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], losses[1]


@pytest.mark.parametrize(
    ("kind", "task"), [(ByteLMForCausalLM, "CAUSAL_LM"), (ByteLMForSequenceClassification, "SEQ_CLS")]
)
def test_lora_trains_merges_and_comes_back(
    build: Make, draw: Draw, shaken: Make, kind: Any, task: str, tmp_path: Path
):
    base, ids = shaken(build(kind, num_labels=2)), draw(4, 24)
    base.save_pretrained(tmp_path / "base")
    adapted = _lora(base, task)
    first, second = _two_steps(adapted, ids, ids if task == "CAUSAL_LM" else torch.tensor([0, 1, 1, 0]))
    assert second < first
    with torch.no_grad():
        expected = adapted(input_ids=ids).logits
        adapted.save_pretrained(tmp_path / "adapter")
        fresh = kind.from_pretrained(tmp_path / "base", num_labels=2)
        assert not torch.allclose(fresh(ids).logits, expected, atol=1e-3)
        loaded = peft.PeftModel.from_pretrained(fresh, tmp_path / "adapter")
        assert torch.equal(loaded(input_ids=ids).logits, expected)
        merged = adapted.merge_and_unload()
        assert type(merged) is kind
        torch.testing.assert_close(merged(ids).logits, expected, atol=1e-4, rtol=0)


def test_a_model_with_lora_generates(build: Make, draw: Draw):
    adapted = _lora(build(), "CAUSAL_LM")
    made = adapted.generate(input_ids=draw(1, 8), max_new_bytes=6)
    assert torch.equal(made, build().generate(draw(1, 8), max_new_bytes=6))  # LoRA begins as nothing


class _Sequences(torch.utils.data.Dataset):
    def __init__(self, ids: Tensor) -> None:
        self.ids = ids % 4

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input_ids": self.ids[index], "labels": self.ids[index]}


def _trainer(build: Make, ids: Tensor, folder: Path, **options: Any) -> Trainer:
    arguments = TrainingArguments(
        str(folder), **({"max_steps": 6, "per_device_train_batch_size": 4, "save_strategy": "no"} | options),
        learning_rate=1e-3, report_to=[], use_cpu=True, disable_tqdm=True, logging_strategy="no", seed=1,
        dataloader_pin_memory=False,
    )  # fmt: skip
    return Trainer(build(attention_dropout=0.1), arguments, train_dataset=_Sequences(ids))


def _weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in trainer.model.state_dict().items()}


def test_transformers_trainer_goes_on_as_if_never_stopped(
    build: Make, draw: Draw, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        whole = _trainer(build, draw(40, 16), tmp_path / "whole", save_strategy="steps", save_steps=3)
        losses = [whole.train().training_loss]
    resumed = _trainer(build, draw(40, 16), tmp_path / "resumed")
    losses.append(
        resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-3")).training_loss
    )
    assert losses[0] < math.log(272)
    expected = _weights(whole)
    assert all(torch.equal(weight, expected[name]) for name, weight in _weights(resumed).items())
    assert "unexpected" not in capfd.readouterr().err.lower()


def test_accumulated_gradients_are_those_of_the_whole_batch(build: Make, draw: Draw, tmp_path: Path):
    """The Trainer would not divide by the number of parts if it took the loss for a sum."""

    def gradient(**options: Any) -> Tensor:
        trainer = _trainer(build, draw(40, 16), tmp_path, max_steps=1, max_grad_norm=0.0, **options)
        trainer.model.config.attention_dropout = 0.0
        for layer in trainer.model.model.decoder.layers:
            layer.self_attn.attention_dropout = 0.0
        seen: list[Tensor] = []
        step: Callable[..., Any] = trainer.model.head.weight.register_hook(
            lambda grad: seen.append(grad.clone())
        )
        trainer.train()
        step.remove()  # type: ignore[attr-defined]
        return torch.stack(seen).sum(0)

    whole = gradient(per_device_train_batch_size=8)
    parts = gradient(per_device_train_batch_size=2, gradient_accumulation_steps=4)
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=1e-4)
