from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import TrainerControl, TrainerState

from yukawa.errors import ModelError
from yukawa.interruption import Interruption
from yukawa.runs import Run
from yukawa.training.conductor import Conductor, Plan

PLAN = Plan(steps=20, epoch=10, evaluate=6, checkpoint=9, log=4)
ARGUMENTS = SimpleNamespace(device=torch.device("cpu"), world_size=1, seed=0, process_index=0)


def conductor(folder, plan=PLAN, *, interruption=None, **options):
    return Conductor(
        plan, Run.create(folder / "run", {}, []), None, interruption or Interruption(), **options
    )


def due(chosen, step):
    """What the trainer is asked for after a step: l(og), e(valuate), s(ave), x (stop)."""
    control = TrainerControl()
    chosen.on_step_end(ARGUMENTS, TrainerState(global_step=step), control)
    asked = (control.should_log, control.should_evaluate, control.should_save, control.should_training_stop)
    return "".join(letter for letter, yes in zip("lesx", asked, strict=True) if yes)


def test_everything_is_due_when_planned_and_at_the_end(tmp_path):
    chosen = conductor(tmp_path)
    assert [due(chosen, step) for step in (1, 4, 6, 9, 12, 18, 20)] == [
        "",
        "l",
        "le",
        "ls",
        "le",
        "les",
        "les",
    ]


def test_without_validation_rows_none_is_asked_for(tmp_path):
    chosen = conductor(tmp_path, Plan(steps=4, epoch=2, evaluate=None, checkpoint=2, log=9))
    assert [due(chosen, step) for step in (1, 2, 4)] == ["", "ls", "ls"]


def test_a_request_to_stop_saves_first_and_after_the_end_changes_nothing(tmp_path):
    interruption = Interruption()
    interruption.asked = True
    chosen = conductor(tmp_path, interruption=interruption)
    assert due(chosen, 20) == "les"
    assert not chosen.interrupted
    assert due(chosen, 3) == "lsx"
    assert chosen.interrupted


def test_figures_are_written_with_step_and_epoch(tmp_path):
    chosen, state, control = conductor(tmp_path), TrainerState(global_step=5), TrainerControl()
    chosen.go_on({"tokens": 100.0})
    logs = {
        "loss": 2.0,
        "learning_rate": 0.1,
        "grad_norm": 3.0,
        "tokens": 150.0,
        "rewards/margins": 0.5,
        "epoch": 9,
    }
    chosen.on_log(ARGUMENTS, state, control, logs)
    chosen.on_log(ARGUMENTS, state, control, {"train_runtime": 1.0})  # the closing summary
    chosen.on_evaluate(ARGUMENTS, state, control, {"validation_loss": 1.5})
    first, second = chosen.run.metrics()
    assert first.pop("tokens_per_second") > 0
    assert first == {
        "step": 5, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1, "gradient": 3.0, "tokens": 150.0,
        "rewards_margins": 0.5,
    }  # fmt: skip
    assert second == {"step": 5, "epoch": 0.5, "validation_loss": 1.5}
    assert chosen.figures["validation_loss"] == 1.5


def test_weights_that_should_be_divided_and_are_not_stop_the_training(tmp_path):
    state, control = TrainerState(global_step=1), TrainerControl()
    with pytest.raises(ModelError, match="were not divided among the processes"):
        conductor(tmp_path, sharded=True).on_train_begin(ARGUMENTS, state, control, model=nn.Linear(2, 2))


def test_each_process_has_its_own_dropout(tmp_path):
    drawn = []
    for rank in range(2):
        arguments = SimpleNamespace(world_size=2, seed=1, process_index=rank)
        conductor(tmp_path / str(rank)).on_train_begin(
            arguments, TrainerState(global_step=0), TrainerControl()
        )
        drawn.append(torch.rand(1).item())
    assert drawn[0] != drawn[1]
