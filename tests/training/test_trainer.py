from __future__ import annotations

import pytest
import torch
import trl
from safetensors.torch import load_file

from yukawa.core.errors import StoreError
from yukawa.core.signals import Interruption
from yukawa.runs.checkpoints import STATE
from yukawa.training.callback import Conductor, Plan
from yukawa.training.distributed import Machine
from yukawa.training.prepare import load_base, prepare
from yukawa.training.train import _trainer, train
from yukawa.training.trainer import arguments, last_checkpoint, trainer_class

CPU = Machine(gpu=False)


def test_our_trainers_are_trl_s():
    assert issubclass(trainer_class("pretrain"), trl.SFTTrainer)
    assert trainer_class("sft") is trainer_class("sft")
    assert issubclass(trainer_class("preference"), trl.DPOTrainer)


def test_every_setting_of_the_recipe_arrives(recipe, tmp_path):
    chosen = recipe(
        batch=12, accumulation=3, betas=[0.8, 0.9], eps=1e-5, weight_decay=0.2, clip=0.5, seed=7,
        gradient_checkpointing=True, precision="bf16",
    )  # fmt: skip
    made = arguments(chosen, tmp_path, 5, CPU)
    assert (made.per_device_train_batch_size, made.gradient_accumulation_steps, made.max_steps) == (4, 3, 5)
    assert (made.adam_beta1, made.adam_beta2, made.adam_epsilon, made.weight_decay) == (0.8, 0.9, 1e-5, 0.2)
    assert (made.max_grad_norm, made.seed, made.bf16, made.activation_checkpointing) == (0.5, 7, True, True)
    assert (made.optim, made.use_cpu, made.max_length) == ("adamw_torch_fused", True, None)
    assert arguments(recipe(clip=None), tmp_path, 5, CPU).max_grad_norm == 0
    assert arguments(recipe("preference", beta=0.3), tmp_path, 5, CPU).beta == 0.3


def test_sharding_and_offloading_arrive(recipe):
    from yukawa.training.trainer import _distributed

    fsdp = {"distributed": "fsdp2", "offload": True, "gradient_checkpointing": True}
    assert _distributed(recipe(adapter={"kind": "full"}, **fsdp)) == {
        "fsdp": True,
        "fsdp_config": {"version": 2, "cpu_offload": True, "activation_checkpointing": True},
    }
    assert not _distributed(recipe(**fsdp))["fsdp_config"]["activation_checkpointing"]  # the model's own
    zero3 = _distributed(recipe(distributed="deepspeed-zero3", offload=True))["deepspeed"]
    assert zero3["zero_optimization"]["stage"] == 3
    assert zero3["zero_optimization"]["offload_param"] == {"device": "cpu"}
    zero2 = _distributed(recipe(distributed="deepspeed-zero2"))["deepspeed"]
    assert zero2["zero_optimization"] == {"stage": 2}
    assert _distributed(recipe(distributed="ddp")) == {}


@pytest.mark.parametrize("packing", [True, False])
def test_the_validation_loss_is_the_mean_over_all_tokens(recipe, rows, tmp_path, packing):
    chosen = recipe(
        adapter={"kind": "full"},
        data={"validation": str(rows["pretrain"])},
        packing=packing,
        batch=5,
        length=40,
    )
    prepared, plan = prepare(chosen, tmp_path), Plan(1, 1, 1, 1, 1)
    model = load_base(prepared.base, chosen, prepared.tokenizer, "cpu")
    conductor = Conductor(plan, None, None, Interruption())
    trainer = _trainer(prepared, model, None, arguments(chosen, tmp_path, 1, CPU), conductor)
    figures = trainer.evaluate()
    total, count = 0.0, 0
    loose = prepare(recipe(packing=False, length=40), tmp_path)
    for ids in loose.train.rows["input_ids"]:
        ids = torch.tensor([ids])
        if ids.shape[1] > 1:
            with torch.no_grad():
                total += model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
            count += ids.shape[1] - 1
    assert count == prepared.validation.counts.trained
    assert figures["validation_loss"] == pytest.approx(total / count, rel=1e-5)
    assert figures["validation_perplexity"] == pytest.approx(2.718281828 ** (total / count), rel=1e-4)


@pytest.mark.parametrize(("kind", "packing"), [("pretrain", True), ("sft", True), ("sft", False)])
def test_the_ways_of_a_processor_teach_what_trl_teaches(recipe, tmp_path, monkeypatch, kind, packing):
    chosen = recipe(
        kind,
        adapter={"dropout": 0.0},
        dtype="fp32",
        accumulation=2,
        packing=packing,
        length=96,
        steps=3,
        eps=1e-3,
    )
    ours = train(chosen, tmp_path / "ours")
    monkeypatch.setattr("yukawa.training.trainer.add_summed_loss", lambda model: False)
    monkeypatch.setattr("yukawa.training.trainer.attend_to_pieces", lambda model: False)
    theirs = train(chosen, tmp_path / "theirs")
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)
    one, two = (load_file(run.folder / "model" / "adapter_model.safetensors") for run in (ours, theirs))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-5)


def test_the_last_checkpoint_is_the_one_to_go_on_from(tmp_path):
    assert last_checkpoint(tmp_path) is None
    for step in (2, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / STATE).write_text("{}")
    assert last_checkpoint(tmp_path).name == "checkpoint-10"


def test_a_checkpoint_without_its_progress_is_named(recipe, tmp_path):
    from yukawa.training.trainer import _read_progress

    with pytest.raises(StoreError, match=r"remove .* and resume"):
        _read_progress(tmp_path)
