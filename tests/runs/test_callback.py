"""Decides step by step what any trainer does."""

from __future__ import annotations

import math
import os
import signal
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import TrainerControl, TrainerState

from yukawa.core.errors import InputError, MissingPackage
from yukawa.core.processes import Interruption
from yukawa.runs.callback import BestSoFar, TrainingCallback, better, trackers
from yukawa.runs.run import Run
from yukawa.runs.schedule import TrainingPlan

PLAN = TrainingPlan(steps=20, epoch=10, evaluate=6, checkpoint=9, log=4, batch=50, unit="jets")
ARGUMENTS = SimpleNamespace(device=torch.device("cpu"), world_size=1, seed=0, process_index=0)


def callback(folder, plan=PLAN, *, interruption=None, progress=None):
    run = Run.create(folder / "run", {}, [])
    return TrainingCallback(plan, run, progress, interruption or Interruption(), folder=folder)


def due(chosen, step):
    """What the trainer is asked for after a step: l(og), e(valuate), s(ave), x (stop)."""
    control = TrainerControl()
    chosen.on_step_end(ARGUMENTS, TrainerState(global_step=step), control)
    asked = (control.should_log, control.should_evaluate, control.should_save, control.should_training_stop)
    return "".join(letter for letter, yes in zip("lesx", asked, strict=True) if yes)


def logged(chosen, step, logs):
    chosen.on_log(ARGUMENTS, TrainerState(global_step=step), TrainerControl(), logs)


def test_everything_is_due_when_planned_and_at_the_end(tmp_path):
    chosen = callback(tmp_path)
    found = [due(chosen, step) for step in (1, 4, 6, 8, 9, 12, 18, 20)]
    assert found == ["", "l", "le", "l", "ls", "le", "les", "les"]


def test_without_validation_none_is_asked_for(tmp_path):
    chosen = callback(tmp_path, TrainingPlan(steps=4, epoch=2, evaluate=None, checkpoint=2, log=9))
    assert [due(chosen, step) for step in (1, 2, 4)] == ["", "ls", "ls"]


def test_a_request_to_stop_saves_first_and_after_the_end_changes_nothing(tmp_path):
    interruption = Interruption()
    interruption.asked = True
    chosen = callback(tmp_path, interruption=interruption)
    assert due(chosen, 20) == "les"
    assert not chosen.interrupted
    assert due(chosen, 3) == "lsx"
    assert chosen.interrupted


def test_the_first_ctrl_c_is_noted_and_the_second_acts(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        chosen = callback(tmp_path, interruption=interruption)
        assert due(chosen, 1) == ""
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.asked
        assert due(chosen, 2) == "lsx"
        assert chosen.interrupted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_figures_are_of_the_steps_since_the_last_time(tmp_path):
    chosen = callback(tmp_path)
    chosen.on_train_begin(ARGUMENTS, TrainerState(global_step=5), TrainerControl())
    logged(chosen, 8, {"loss": 2.0})
    logged(chosen, 8, {"train_runtime": 1.0})  # the closing summary
    chosen.on_evaluate(ARGUMENTS, TrainerState(global_step=9), TrainerControl(), {"validation_loss": 1.5})
    logged(chosen, 10, {"loss": 1.0})
    rows = chosen.run.metrics()
    assert all(row.pop("jets_per_second") > 0 for row in (rows[0], rows[2]))
    assert rows == [
        {"step": 8, "epoch": 0.8, "loss": 2.0},
        {"step": 9, "epoch": 0.9, "validation_loss": 1.5},
        {"step": 10, "epoch": 1.0, "loss": 1.0},
    ]
    assert chosen.metrics["loss"] == 1.0
    assert chosen.metrics["validation_loss"] == 1.5


def test_a_training_without_epochs_writes_none(tmp_path):
    chosen = callback(tmp_path, TrainingPlan(4, None, 2, 2, 1))
    logged(chosen, 1, {"loss": 2.0})
    (row,) = chosen.run.metrics()
    assert row.keys() == {"step", "loss", "examples_per_second"}


def test_the_progress_is_told_after_each_step_with_the_latest_figures(tmp_path):
    told = []
    chosen = callback(tmp_path, progress=lambda *news: told.append((*news[:2], dict(news[2]))))
    due(chosen, 1)
    logged(chosen, 1, {"loss": 2.0})
    due(chosen, 2)
    assert told[0] == (1, 20, {})
    assert told[1][:2] == (2, 20)
    assert told[1][2]["loss"] == 2.0


def test_each_process_has_its_own_dropout(tmp_path):
    drawn = []
    for rank in range(2):
        arguments = SimpleNamespace(world_size=2, seed=1, process_index=rank)
        chosen = callback(tmp_path / str(rank))
        chosen.on_train_begin(arguments, TrainerState(global_step=0), TrainerControl())
        drawn.append(torch.rand(1).item())
    assert drawn[0] != drawn[1]


def test_metrics_are_those_of_a_language_model(tmp_path):
    chosen = callback(tmp_path, replace(PLAN, unit="tokens"))
    chosen.resume({"tokens": 100.0, "validation_loss": 1.5})
    logs = {
        "loss": 2.0, "learning_rate": 0.1, "grad_norm": 3.0, "tokens": 150.0, "rewards/margins": 0.5, "epoch": 9,
    }  # fmt: skip
    logged(chosen, 5, logs)
    (row,) = chosen.run.metrics()
    assert row.pop("tokens_per_second") > 0
    assert row == {
        "step": 5, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1, "gradient": 3.0, "tokens": 150.0,
        "rewards_margins": 0.5,
    }  # fmt: skip
    assert (chosen.metrics["loss"], chosen.metrics["validation_loss"]) == (2.0, 1.5)


def test_the_speed_counts_the_tokens_since_the_last_time(tmp_path):
    chosen = callback(tmp_path, replace(PLAN, unit="tokens"))
    chosen.resume({"tokens": 100.0})
    speeds = [
        chosen.metrics_of({"loss": 1.0, "tokens": tokens}, 1, 2.0)["tokens_per_second"]
        for tokens in (150.0, 160.0)
    ]
    assert speeds == [25.0, 5.0]


def test_the_speed_is_in_jets_or_in_another_unit(tmp_path):
    logs = {"loss": 2.0, "learning_rate": 0.1}
    for unit in ("jets", "sequences"):
        chosen = callback(tmp_path / unit, replace(PLAN, unit=unit))
        speed = {f"{unit}_per_second": 3 * 50 / 2.0}
        assert chosen.metrics_of(logs, 3, 2.0) == {"loss": 2.0, "learning_rate": 0.1} | speed


def validated(chosen, step, accuracy, loss=1.0):
    control = TrainerControl()
    metrics = {"validation_accuracy": accuracy, "validation_loss": loss}
    model = SimpleNamespace(network=nn.Linear(2, 2))
    chosen.on_evaluate(ARGUMENTS, TrainerState(global_step=step), control, metrics, model=model)
    return control


def test_the_best_is_kept_and_patience_ends(tmp_path):
    chosen = callback(tmp_path, replace(PLAN, best_by="accuracy", patience=2))
    stops = [
        validated(chosen, step, accuracy).should_training_stop
        for step, accuracy in ((1, 0.5), (2, 0.7), (3, 0.6), (4, 0.7))
    ]
    assert stops == [False, False, False, True]  # an equal one is no better
    assert chosen.stopped_early
    assert (chosen.best.best, chosen.best.best_step, chosen.best.worse) == (0.7, 2, 2)
    assert sorted(path.name for path in tmp_path.glob("best-*")) == [
        "best-000000001.safetensors",
        "best-000000002.safetensors",
    ]
    assert [row["step"] for row in chosen.run.metrics()] == [1, 2, 3, 4]


def test_without_patience_it_never_stops(tmp_path):
    chosen = callback(tmp_path, replace(PLAN, best_by="loss"))
    assert not any(validated(chosen, step, 0.5, loss=step).should_training_stop for step in range(1, 50))
    assert chosen.best.best_step == 1


@given(value=st.floats(allow_nan=False, allow_infinity=False), best=st.floats())
def test_better_is_strict_and_numbers_beat_nan(value, best):
    for metric in ("accuracy", "loss"):
        assert better(value, None, metric)
        assert not better(best, best, metric)
        assert not better(math.nan, value, metric)
        if not math.isfinite(best):
            assert better(value, best, metric)
    if math.isfinite(best) and value != best:
        assert better(value, best, "accuracy") != better(value, best, "loss")


def test_the_best_is_found_again_in_a_progress_that_holds_more():
    best = BestSoFar(0.5, 3, {"validation_loss": 0.5}, 1)
    assert BestSoFar.of(asdict(best) | {"tokens": [3]}) == best
    assert BestSoFar.of({}) == BestSoFar()


def test_trackers_are_those_of_transformers(tmp_path, monkeypatch):
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    assert trackers([], tmp_path) == []

    class Absent:
        def __init__(self):
            raise RuntimeError("CometCallback requires comet-ml>=3. Run `pip install comet-ml>=3`.")

    class Silent:
        def __init__(self):
            raise ImportError("no such client")

    class Present:
        logging_dir = None

    known = "transformers.integrations.integration_utils.INTEGRATION_TO_CALLBACK"
    monkeypatch.setattr(known, {"comet_ml": Absent, "tensorboard": Present, "kubeflow": Silent})
    (found,) = trackers(["tensorboard"], tmp_path)
    assert found.logging_dir == str(tmp_path / "tensorboard")
    with pytest.raises(MissingPackage, match=r"training.report_to=comet_ml needs .*pip install comet-ml\)"):
        trackers(["comet_ml"], tmp_path)
    with pytest.raises(InputError, match="report_to=kubeflow cannot be used: no such client"):
        trackers(["kubeflow"], tmp_path)
    with pytest.raises(
        InputError, match=r"unknown training.report_to 'tensorbord'.*did you mean 'tensorboard'"
    ):
        trackers(["tensorbord"], tmp_path)
