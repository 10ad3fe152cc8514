"""Losses of pairs: their value before the first step is known, they fall, and passes and padding do not change them."""

from __future__ import annotations

import math

import pytest
import torch
import trl
from safetensors.torch import load_file

from yukawa.core.errors import InputError
from yukawa.core.processes import Interruption
from yukawa.runs.callback import TrainingCallback
from yukawa.runs.distributed import Machine
from yukawa.training.pairs import OrpoTrainer, UnpairedReplies, orpo_losses, pair_trainer
from yukawa.training.text_task import TextTask, train, trainer_class

CPU = Machine(gpu=False)
LOSSES = ("dpo", "ipo", "kto", "orpo")


def trainer_of(chosen, folder):
    task = TextTask(chosen)
    task.check(CPU)
    task.prepare(folder, CPU)
    plan = task.plan(CPU)
    return task, task.build_trainer(
        plan, TrainingCallback(plan, None, None, Interruption()), CPU, folder, None
    )


def test_each_loss_is_computed_by_trl(recipe):
    assert issubclass(pair_trainer(recipe("preference").training), trl.DPOTrainer)
    assert issubclass(pair_trainer(recipe("preference", loss="kto").training), trl.KTOTrainer)
    assert trainer_class(recipe("preference", loss="orpo").training) is OrpoTrainer


@pytest.mark.parametrize("kind", ["lora", "full"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_before_the_first_step_is_known(recipe, rows, tmp_path, loss, kind):
    chosen = recipe(
        "preference", adapter={"kind": kind}, dtype="fp32", loss=loss, beta=0.2, batch=6,
        data={"validation": str(rows["preference"])}, length=96,
    )  # fmt: skip
    task, trainer = trainer_of(chosen, tmp_path)
    found = trainer.evaluate()["validation_loss"]
    if loss != "orpo":  # the model is its base
        assert found == pytest.approx({"dpo": math.log(2), "ipo": 6.25, "kto": 0.5}[loss], abs=1e-5)
        return
    assert trainer.ref_model is None
    total, data = 0.0, task.prepared.validation.rows
    for row in data:
        means = []
        for name in ("chosen_ids", "rejected_ids"):
            ids = torch.tensor([row["prompt_ids"] + row[name]])
            with torch.no_grad():
                logs = task.model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            said = logs.gather(1, ids[0, 1:, None])[-len(row[name]) :]
            means.append(said.mean().item())
        odds = [math.exp(mean) / (1 - math.exp(mean)) for mean in means]
        total += -means[0] - 0.2 * math.log(1 / (1 + odds[1] / odds[0]))
    assert found == pytest.approx(total / len(data), rel=1e-5)


@pytest.mark.slow_but("dpo")
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_falls_and_a_resumed_run_has_the_same_weights(recipe, rows, tmp_path, loss):
    chosen = recipe(
        "preference", dtype="fp32", loss=loss, steps=12, learning_rate=2e-2, length=96, checkpoint_every=4,
        data={"validation": str(rows["preference"])}, evaluate_every=4,
    )  # fmt: skip
    whole = train(chosen, tmp_path / "whole")
    before = trainer_of(chosen, tmp_path / "before")[1].evaluate()["validation_loss"]
    assert whole.validation_loss < before - 0.01

    def die(done, total, figures):
        if done == 6:
            raise MemoryError

    with pytest.raises(MemoryError):
        train(chosen, tmp_path / "broken", progress=die)
    train(chosen, tmp_path / "broken", resume=True)
    one, two = (
        load_file(tmp_path / name / "model/adapter_model.safetensors") for name in ("whole", "broken")
    )
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.slow_but("dpo")
@pytest.mark.parametrize("loss", ["dpo", "ipo", "orpo"])  # KTO compares the pairs of a pass
def test_passes_weigh_by_their_pairs(recipe, tmp_path, loss):
    folders = [
        train(
            recipe(
                "preference", dtype="fp32", loss=loss, steps=3, batch=6, accumulation=n, eps=1e-3, length=96
            ),
            tmp_path / f"{n}",
        ).folder
        for n in (1, 3)
    ]
    one, two = (load_file(folder / "model/adapter_model.safetensors") for folder in folders)
    torch.testing.assert_close(one, two, rtol=0, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_padding_row_has_the_neutral_loss(recipe, tmp_path, loss):
    _, trainer = trainer_of(recipe("preference", dtype="fp32", loss=loss, batch=4, length=96), tmp_path)
    row = trainer.train_dataset[0]
    padding = {"prompt_ids": [3, 3], "chosen_ids": [], "rejected_ids": []}
    trainer.model.eval()
    alone, padded = (
        trainer.data_collator([dict(one) for one in some]) for some in ([row], [row, padding, padding])
    )
    with torch.no_grad():
        assert trainer.compute_loss(trainer.model, padded).item() == pytest.approx(
            trainer.compute_loss(trainer.model, alone).item(), rel=1e-5
        )


def test_kto_sees_each_prompt_with_another_reply():
    rows = [{"prompt_ids": [k], "chosen_ids": [10 + k], "rejected_ids": [20 + k, 9]} for k in (1, 2)]
    batch = UnpairedReplies(0)(rows)
    assert batch["label"].tolist() == [True, True, False, False]
    assert batch["input_ids"].tolist() == [[1, 11, 0], [2, 12, 0], [1, 21, 9], [2, 22, 9]]
    assert batch["KL_input_ids"].tolist() == [[1, 22, 9], [2, 11, 0], [1, 12, 0], [2, 21, 9]]


def test_the_odds_of_orpo_are_finite_where_a_reply_is_certain():
    means = torch.tensor([0.0, -1.0, -20.0, 0.0], requires_grad=True)
    loss, _ = orpo_losses(means, 0.1)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(means.grad).all()


def test_a_single_pair_is_too_few_for_kto(recipe, tmp_path):
    with pytest.raises(InputError, match="has only one"):
        train(recipe("preference", loss="kto", batch=2, accumulation=2), tmp_path / "run")


def test_a_loss_of_pairs_belongs_to_pairs(recipe):
    with pytest.raises(InputError, match="choice of preference training"):
        recipe("sft", loss="kto")
