from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import TrainerControl, TrainerState

from yukawa.core.signals import Interruption
from yukawa.jets.training.callback import Conductor, Plan, Standing, better
from yukawa.runs.run import Run

PLAN = Plan(steps=20, epoch=10, evaluate=6, checkpoint=9, log=4, batch=50, best_by="accuracy", patience=2)
ARGUMENTS: Any = SimpleNamespace(device=torch.device("cpu"), world_size=1, seed=0, process_index=0)


def conductor(folder: Path, plan: Plan = PLAN) -> Conductor:
    run = Run.create(folder / "run", {}, [])
    return Conductor(plan, Standing(), folder, run, None, Interruption())


def validated(chosen: Conductor, step: int, accuracy: float, loss: float = 1.0) -> TrainerControl:
    control = TrainerControl()
    metrics = {"validation_accuracy": accuracy, "validation_loss": loss}
    model = SimpleNamespace(network=nn.Linear(2, 2))
    chosen.on_evaluate(ARGUMENTS, TrainerState(global_step=step), control, metrics, model=model)
    return control


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


def test_the_speed_is_in_jets_or_what_else_a_batch_has(tmp_path: Path) -> None:
    logs = {"loss": 2.0, "learning_rate": 0.1, "grad_norm": 3.0}
    for unit in ("jets", "sequences"):
        chosen = conductor(tmp_path / unit, replace(PLAN, unit=unit))
        speed = {f"{unit}_per_second": 3 * 50 / 2.0}
        assert chosen.figures_of(logs, 3, 2.0) == {"loss": 2.0, "learning_rate": 0.1} | speed
