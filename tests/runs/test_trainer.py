from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yukawa.core.errors import ModelError
from yukawa.runs.distributed import Machine
from yukawa.runs.recipe import RunSettings
from yukawa.runs.trainer import LossWatch, training_arguments


def test_a_good_loss_passes_and_a_bad_one_stops_with_its_batch_kept() -> None:
    kept = []

    def keep(step, batch):
        kept.append((step, batch))
        return Path("bad-batch"), "look at it"

    watch = LossWatch(keep)
    watch.check()
    watch.look(1, torch.tensor(1.0), "good")
    assert not kept
    with pytest.raises(
        ModelError, match=r"the loss is nan at step 2; its batch is in bad-batch \(look at it\)"
    ):
        watch.look(2, torch.tensor(float("nan")), "bad")
    assert kept == [(2, "bad")]


def test_every_common_setting_arrives_and_the_rest_is_turned_off(tmp_path: Path) -> None:
    settings = RunSettings(steps=5, precision="bf16", seed=7, clip=0.5, weight_decay=0.2, report_to=["wandb"])
    made = training_arguments(settings, tmp_path / "run/checkpoints", 5, Machine())
    assert (made.max_steps, made.bf16, made.fp16, made.seed) == (5, True, False, 7)
    assert (made.max_grad_norm, made.weight_decay, made.use_cpu) == (0.5, 0.2, True)
    assert made.report_to == []  # given as callbacks
    assert made.run_name == "run"
    none = training_arguments(RunSettings(steps=1), tmp_path, 1, Machine())
    assert none.max_grad_norm == 0
