from __future__ import annotations

import datasets
import pytest
import torch
import trl
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForCausalLM

from yukawa.core.errors import ModelError, StoreError
from yukawa.core.processes import Interruption
from yukawa.runs.callback import TrainingCallback
from yukawa.runs.distributed import Machine
from yukawa.training.prepare import prepare
from yukawa.training.recipe import TextSettings
from yukawa.training.text_task import TextTask, train, trainer_class
from yukawa.training.tokenization import IGNORED
from yukawa.training.trainer import (
    PackedRows,
    ShardingCheck,
    arguments,
    packed_collator,
    pad_to_world_size,
    sharding,
)

CPU = Machine(gpu=False)


def test_our_trainers_are_trl_s():
    pretrain, sft, preference = (
        trainer_class(TextSettings(kind=kind, steps=1)) for kind in ("pretrain", "sft", "preference")
    )
    assert issubclass(pretrain, trl.SFTTrainer)
    assert sft is pretrain
    assert issubclass(preference, trl.DPOTrainer)


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
    fsdp = {"distributed": "fsdp2", "offload": True, "gradient_checkpointing": True}
    assert sharding(recipe(adapter={"kind": "full"}, **fsdp)) == {
        "fsdp": True,
        "fsdp_config": {"version": 2, "cpu_offload": True, "activation_checkpointing": True},
    }
    assert not sharding(recipe(**fsdp))["fsdp_config"]["activation_checkpointing"]  # the model's own
    zero3 = sharding(recipe(distributed="deepspeed-zero3", offload=True))["deepspeed"]
    assert zero3["zero_optimization"]["stage"] == 3
    assert zero3["zero_optimization"]["offload_param"] == {"device": "cpu"}
    zero2 = sharding(recipe(distributed="deepspeed-zero2"))["deepspeed"]
    assert zero2["zero_optimization"] == {"stage": 2}
    assert sharding(recipe(distributed="ddp")) == {}


@pytest.mark.parametrize("packing", [True, False])
def test_the_validation_loss_is_the_mean_over_all_tokens(recipe, rows, tmp_path, packing):
    chosen = recipe(
        adapter={"kind": "full"},
        data={"validation": str(rows["pretrain"])},
        packing=packing,
        batch=5,
        length=40,
    )
    task = TextTask(chosen)
    task.prepare(tmp_path, CPU)
    plan, prepared, model = task.plan(CPU), task.prepared, task.model
    callback = TrainingCallback(plan, None, None, Interruption())
    trainer = task.build_trainer(plan, callback, CPU, tmp_path, None)
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
    monkeypatch.setattr("yukawa.training.trainer.attend_within_texts", lambda model: False)
    theirs = train(chosen, tmp_path / "theirs")
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)
    one, two = (load_file(run.folder / "model" / "adapter_model.safetensors") for run in (ours, theirs))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-5)


def test_a_checkpoint_without_its_tokens_is_refused(recipe, tmp_path):
    train(recipe(steps=2), tmp_path / "run")
    for path in (tmp_path / "run").glob("checkpoints/*/progress.json"):
        path.write_text("{}")
    with pytest.raises(StoreError, match=r"the tokens are missing in progress\.json"):
        train(recipe(steps=2), tmp_path / "run", resume=True)


def test_weights_that_should_be_divided_and_are_not_stop_the_training():
    ShardingCheck().on_train_begin(None, None, None)
    with pytest.raises(ModelError, match="were not divided among the processes"):
        ShardingCheck().on_train_begin(None, None, None, model=nn.Linear(2, 2))


def test_metrics_reach_a_tracker(recipe, rows, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    chosen = recipe(steps=2, report_to="tensorboard", data={"validation": str(rows["pretrain"])})
    assert chosen.training.report_to == ["tensorboard"]
    train(chosen, tmp_path / "run")
    (events,) = (tmp_path / "run/tensorboard").rglob("events.*")
    found = EventAccumulator(str(events)).Reload()
    assert {"train/loss", "eval/loss"} <= set(found.Tags()["scalars"])


ROWS = [
    {"input_ids": [5, 6, 7, 8, 9, 10], "seq_lengths": [2, 4]},
    {"input_ids": [11, 12, 13], "seq_lengths": [3], "labels": [-100, -100, 13]},
]


def test_positions_begin_anew_and_only_what_follows_is_learned():
    batch = PackedRows(pad=0)(ROWS)
    assert batch["position_ids"].tolist() == [[0, 1, 0, 1, 2, 3], [0, 1, 2, 0, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 6, -100, 8, 9, 10], [-100, -100, 13, -100, -100, -100]]
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9, 10], [11, 12, 13, 0, 0, 0]]


def test_packed_texts_do_not_see_each_other(tiny):
    model = AutoModelForCausalLM.from_pretrained(tiny).eval()
    batch = PackedRows(pad=2)(ROWS)
    with torch.no_grad():
        together = model(
            input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
        ).logits
        alone = [
            model(input_ids=torch.tensor([ids])).logits[0] for ids in ([5, 6], [7, 8, 9, 10], [11, 12, 13])
        ]
    assert torch.allclose(together[0], torch.cat(alone[:2]), atol=1e-5)
    assert torch.allclose(together[1, :3], alone[2], atol=1e-5)


def test_kernels_of_variable_length_get_one_row():
    assert isinstance(packed_collator(0, "sdpa"), PackedRows)
    batch = packed_collator(0, "flash_attention_2")([ROWS[0]])
    assert batch["cu_seq_lens_q"].tolist() == [0, 2, 6]


@pytest.mark.parametrize(
    "row",
    [
        {"input_ids": [5, 6], "seq_lengths": [2]},
        {"input_ids": [5, 6], "labels": [IGNORED, 6], "seq_lengths": [2]},
        {"prompt_ids": [5], "chosen_ids": [6], "rejected_ids": [7]},
    ],
)
@given(rows=st.integers(1, 9), share=st.integers(1, 8))
def test_padding_rows_fill_the_last_batches(row, rows, share):
    given_rows = datasets.Dataset.from_list([row] * rows)
    made = pad_to_world_size(given_rows, share, pad=3)
    assert len(made) % share == 0
    assert rows <= len(made) < rows + share
    assert made.features == given_rows.features
    assert made.to_list()[:rows] == given_rows.to_list()
    for padding in made.to_list()[rows:]:
        assert padding.get("input_ids", [3]) == [3]
        assert padding.get("labels", [IGNORED]) == [IGNORED]
        assert padding.get("chosen_ids", []) == padding.get("rejected_ids", []) == []
