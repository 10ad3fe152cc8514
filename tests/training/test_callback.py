from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import TrainerControl, TrainerState

from yukawa.core.errors import ModelError
from yukawa.core.signals import Interruption
from yukawa.runs.callback import Plan
from yukawa.runs.run import Run
from yukawa.training.callback import Conductor

PLAN = Plan(steps=20, epoch=10, evaluate=6, checkpoint=9, log=4)
ARGUMENTS = SimpleNamespace(device=torch.device("cpu"), world_size=1, seed=0, process_index=0)


def conductor(folder, **options):
    return Conductor(PLAN, Run.create(folder / "run", {}, []), None, Interruption(), **options)


def test_figures_are_those_of_a_language_model(tmp_path):
    chosen = conductor(tmp_path)
    chosen.go_on({"tokens": 100.0, "validation_loss": 1.5})
    logs = {
        "loss": 2.0,
        "learning_rate": 0.1,
        "grad_norm": 3.0,
        "tokens": 150.0,
        "rewards/margins": 0.5,
        "epoch": 9,
    }
    chosen.on_log(ARGUMENTS, TrainerState(global_step=5), TrainerControl(), logs)
    (row,) = chosen.run.metrics()
    assert row.pop("tokens_per_second") > 0
    assert row == {
        "step": 5, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1, "gradient": 3.0, "tokens": 150.0,
        "rewards_margins": 0.5,
    }  # fmt: skip
    assert (chosen.figures["loss"], chosen.figures["validation_loss"]) == (2.0, 1.5)


def test_the_speed_counts_the_tokens_since_the_last_time(tmp_path):
    chosen = conductor(tmp_path)
    chosen.go_on({"tokens": 100.0})
    speeds = [
        chosen.figures_of({"loss": 1.0, "tokens": tokens}, 1, 2.0)["tokens_per_second"]
        for tokens in (150.0, 160.0)
    ]
    assert speeds == [25.0, 5.0]


def test_weights_that_should_be_divided_and_are_not_stop_the_training(tmp_path):
    state, control = TrainerState(global_step=1), TrainerControl()
    conductor(tmp_path / "whole").on_train_begin(ARGUMENTS, state, control, model=nn.Linear(2, 2))
    with pytest.raises(ModelError, match="were not divided among the processes"):
        conductor(tmp_path, sharded=True).on_train_begin(ARGUMENTS, state, control, model=nn.Linear(2, 2))
