"""Decides step by step what any trainer does."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import TrainerControl, TrainerState

from yukawa.core.signals import Interruption
from yukawa.runs.callback import Conductor, Plan, Result
from yukawa.runs.run import Run

PLAN = Plan(steps=20, epoch=10, evaluate=6, checkpoint=9, log=4)
ARGUMENTS = SimpleNamespace(device=torch.device("cpu"), world_size=1, seed=0, process_index=0)


class Plain(Conductor):
    def figures_of(self, logs, steps, seconds):
        assert seconds > 0
        return {"loss": logs["loss"], "steps": steps}


def conductor(folder, plan=PLAN, *, interruption=None, progress=None):
    run = Run.create(folder / "run", {}, [])
    return Plain(plan, run, progress, interruption or Interruption())


def due(chosen, step):
    """What the trainer is asked for after a step: l(og), e(valuate), s(ave), x (stop)."""
    control = TrainerControl()
    chosen.on_step_end(ARGUMENTS, TrainerState(global_step=step), control)
    asked = (control.should_log, control.should_evaluate, control.should_save, control.should_training_stop)
    return "".join(letter for letter, yes in zip("lesx", asked, strict=True) if yes)


def logged(chosen, step, logs):
    chosen.on_log(ARGUMENTS, TrainerState(global_step=step), TrainerControl(), logs)


def test_everything_is_due_when_planned_and_at_the_end(tmp_path):
    chosen = conductor(tmp_path)
    found = [due(chosen, step) for step in (1, 4, 6, 8, 9, 12, 18, 20)]
    assert found == ["", "l", "le", "l", "ls", "le", "les", "les"]


def test_without_validation_none_is_asked_for(tmp_path):
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


def test_the_first_ctrl_c_is_noted_and_the_second_acts(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        chosen = conductor(tmp_path, interruption=interruption)
        assert due(chosen, 1) == ""
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.asked
        assert due(chosen, 2) == "lsx"
        assert chosen.interrupted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_figures_are_of_the_steps_since_the_last_time(tmp_path):
    chosen = conductor(tmp_path)
    chosen.on_train_begin(ARGUMENTS, TrainerState(global_step=5), TrainerControl())
    logged(chosen, 8, {"loss": 2.0})
    logged(chosen, 8, {"train_runtime": 1.0})  # the closing summary
    chosen.on_evaluate(ARGUMENTS, TrainerState(global_step=9), TrainerControl(), {"validation_loss": 1.5})
    logged(chosen, 10, {"loss": 1.0})
    assert chosen.run.metrics() == [
        {"step": 8, "epoch": 0.8, "loss": 2.0, "steps": 3},
        {"step": 9, "epoch": 0.9, "validation_loss": 1.5},
        {"step": 10, "epoch": 1.0, "loss": 1.0, "steps": 1},
    ]
    assert chosen.figures == {"loss": 1.0, "steps": 1, "validation_loss": 1.5}


def test_a_training_without_epochs_writes_none(tmp_path):
    chosen = conductor(tmp_path, Plan(4, None, 2, 2, 1))
    logged(chosen, 1, {"loss": 2.0})
    assert chosen.run.metrics() == [{"step": 1, "loss": 2.0, "steps": 1}]


def test_the_progress_is_told_after_each_step_with_the_latest_figures(tmp_path):
    told = []
    chosen = conductor(tmp_path, progress=lambda *news: told.append((*news[:2], dict(news[2]))))
    due(chosen, 1)
    logged(chosen, 1, {"loss": 2.0})
    due(chosen, 2)
    assert told == [(1, 20, {}), (2, 20, {"loss": 2.0, "steps": 1})]


def test_each_process_has_its_own_dropout(tmp_path):
    drawn = []
    for rank in range(2):
        arguments = SimpleNamespace(world_size=2, seed=1, process_index=rank)
        chosen = conductor(tmp_path / str(rank))
        chosen.on_train_begin(arguments, TrainerState(global_step=0), TrainerControl())
        drawn.append(torch.rand(1).item())
    assert drawn[0] != drawn[1]


class Ended(Result):
    @property
    def reached(self):
        return {"loss": 0.5, "accuracy": None}, "at last"


def test_a_result_says_what_was_reached_or_how_to_go_on():
    done = Ended(Path("here"), steps=4, planned=9, seconds=1.0, interrupted=False)
    assert done.message == "the model is in here/model: loss 0.5000 at last"
    stopped = Ended(Path("here"), steps=4, planned=9, seconds=1.0, interrupted=True)
    assert stopped.message.startswith("stopped after step 4 of 9; ")
    assert stopped.message.endswith("--resume")
