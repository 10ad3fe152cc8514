from __future__ import annotations

import math
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import TrainerControl, TrainerState

from yukawa.interruption import Interruption
from yukawa.jets.training.conductor import Conductor, Plan, Standing, better
from yukawa.runs import Run

PLAN = Plan(steps=20, epoch=10, evaluate=6, checkpoint=9, log=4, batch=50, best_by="accuracy", patience=2)
ARGUMENTS: Any = SimpleNamespace(device=torch.device("cpu"), world_size=1, seed=0, process_index=0)


def conductor(folder: Path, plan: Plan = PLAN, **options: Any) -> Conductor:
    run = Run.create(folder / "run", {}, [])
    settings = {"standing": Standing(), "progress": None, "interruption": Interruption()} | options
    return Conductor(plan, settings["standing"], folder, run, settings["progress"], settings["interruption"])


def due(chosen: Conductor, step: int) -> str:
    """What the trainer is asked for after a step: l(og), e(valuate), s(ave), x (stop)."""
    control = TrainerControl()
    chosen.on_step_end(ARGUMENTS, TrainerState(global_step=step), control)
    asked = (control.should_log, control.should_evaluate, control.should_save, control.should_training_stop)
    return "".join(letter for letter, yes in zip("lesx", asked, strict=True) if yes)


def validated(chosen: Conductor, step: int, accuracy: float, loss: float = 1.0) -> TrainerControl:
    control = TrainerControl()
    metrics = {"validation_accuracy": accuracy, "validation_loss": loss}
    model = SimpleNamespace(network=nn.Linear(2, 2))
    chosen.on_evaluate(ARGUMENTS, TrainerState(global_step=step), control, metrics, model=model)
    return control


def test_everything_is_due_when_planned_and_at_the_end(tmp_path: Path) -> None:
    chosen = conductor(tmp_path)
    assert [due(chosen, step) for step in (1, 4, 6, 8, 9, 12, 18, 20)] == [
        "",
        "l",
        "le",
        "l",
        "ls",
        "le",
        "les",
        "les",
    ]


def test_the_best_is_kept_and_patience_ends(tmp_path: Path) -> None:
    chosen = conductor(tmp_path)
    stops = [
        validated(chosen, step, accuracy).should_training_stop
        for step, accuracy in ((1, 0.5), (2, 0.7), (3, 0.6), (4, 0.7))
    ]
    assert stops == [False, False, False, True]  # an equal one is no better
    assert chosen.stopped_early
    assert (chosen.standing.best, chosen.standing.best_step, chosen.standing.worse) == (0.7, 2, 2)
    assert sorted(path.name for path in tmp_path.glob("best-*")) == [
        "best-000000001.safetensors",
        "best-000000002.safetensors",
    ]
    assert [row["step"] for row in chosen.run.metrics()] == [1, 2, 3, 4]


def test_without_patience_it_never_stops(tmp_path: Path) -> None:
    chosen = conductor(tmp_path, replace(PLAN, patience=None, best_by="loss"))
    assert not any(validated(chosen, step, 0.5, loss=step).should_training_stop for step in range(1, 50))
    assert chosen.standing.best_step == 1


@given(value=st.floats(allow_nan=False, allow_infinity=False), best=st.floats())
def test_better_is_strict_and_numbers_beat_what_is_none(value: float, best: float) -> None:
    for figure in ("accuracy", "loss"):
        assert better(value, None, figure)
        assert not better(best, best, figure)
        assert not better(math.nan, value, figure)
        if not math.isfinite(best):
            assert better(value, best, figure)
    if math.isfinite(best) and value != best:
        assert better(value, best, "accuracy") != better(value, best, "loss")


def test_the_progress_is_told_after_each_step_with_the_latest_figures(tmp_path: Path) -> None:
    told: list[tuple[int, int, dict[str, float]]] = []

    def progress(done: int, total: int, figures: Mapping[str, float]) -> None:
        told.append((done, total, dict(figures)))

    chosen = conductor(tmp_path, progress=progress)
    due(chosen, 1)
    chosen.on_log(
        ARGUMENTS, TrainerState(global_step=1), TrainerControl(), {"loss": 2.0, "learning_rate": 0.1}
    )
    chosen.on_log(ARGUMENTS, TrainerState(global_step=1), TrainerControl(), {"train_runtime": 2.0})
    due(chosen, 2)
    assert told[0] == (1, 20, {})
    assert told[1][:2] == (2, 20)
    assert told[1][2]["loss"] == 2.0
    (row,) = chosen.run.metrics()
    assert row.keys() == {"step", "epoch", "loss", "learning_rate", "jets_per_second"}


def test_the_first_ctrl_c_is_noted_and_the_second_acts(tmp_path: Path) -> None:
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


def test_a_request_after_the_last_step_changes_nothing(tmp_path: Path) -> None:
    interruption = Interruption()
    interruption.asked = True
    chosen = conductor(tmp_path, interruption=interruption)
    assert due(chosen, 20) == "les"
    assert not chosen.interrupted
