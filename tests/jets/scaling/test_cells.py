from __future__ import annotations

import os
import pickle
import signal

import pytest

from yukawa.core.errors import InputError, MissingPackage, ModelError, StoreError, YukawaError
from yukawa.jets.scaling import cells
from yukawa.jets.scaling.cells import Ended, Task, classes_of, figures_of, is_finished, run_cell


@pytest.fixture
def task(load, tmp_path, data):
    cell = next(cell for cell in load().cells() if cell.name == "net-steps-60-1")
    return Task(cell, tmp_path / cell.name, data)


def test_a_cell_is_trained_and_measured_once(task, monkeypatch):
    steps = []
    assert run_cell(task, steps.append) == Ended(task.cell)
    assert steps == [1, 2, 3]
    assert is_finished(task.folder)
    row = figures_of(task.cell, task.folder)
    assert list(row)[:6] == ["model", "mode", "jets", "seed", "steps", "test_jets"]
    assert (row["model"], row["mode"], row["jets"], row["seed"]) == ("net", "steps", 60, 1)
    assert (row["steps"], row["test_jets"]) == (3, 50)
    assert {"accuracy", "mean_diagonal", "auc", "efficiency_b", "flip_b", "flip_b_error"} <= set(row)
    assert classes_of(task.folder) == ("b", "bbar", "g")
    # Done again without its report, it is measured again and not trained.
    (task.folder / "evaluation/report.json").unlink()
    monkeypatch.setattr("yukawa.jets.training.train.train", None)
    run_cell(task)
    assert figures_of(task.cell, task.folder) == row


def test_an_interrupted_cell_goes_on_to_the_same_figures(task, tmp_path, data):
    def stop(step):
        if step == 1:  # noticed after the next one
            os.kill(os.getpid(), signal.SIGINT)

    assert run_cell(task, stop).interrupted
    assert not is_finished(task.folder)
    steps = []
    assert not run_cell(task, steps.append).interrupted
    assert steps == [3]
    run_cell(Task(task.cell, tmp_path / "unbroken", data))
    assert figures_of(task.cell, task.folder) == figures_of(task.cell, tmp_path / "unbroken")


def test_a_task_and_its_end_travel(task):
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301
    assert pickle.loads(pickle.dumps(run_cell)) is run_cell  # noqa: S301


@pytest.mark.parametrize(
    ("raised", "arrives"),
    [
        (MissingPackage("torch", "pip install 'yukawa-hep[train]'", purpose="training"), InputError),
        (ModelError("no number", hint="look"), ModelError),
        (StoreError("disk full"), StoreError),
        (YukawaError("something"), YukawaError),
    ],
)
def test_an_error_travels_with_its_family_and_hint(task, monkeypatch, raised, arrives):
    def train(*given):
        raise raised

    monkeypatch.setattr("yukawa.jets.training.train.train", train)
    error = pickle.loads(pickle.dumps(run_cell(task))).error  # noqa: S301
    assert type(error) is arrives
    assert str(error) == str(raised)
    assert error.exit_code == raised.exit_code


@pytest.mark.parametrize("content", ["", "{}", '{"models": {}}', '{"models": {"x": 1}, "jets": 1}'])
def test_a_damaged_report_is_named(task, content):
    path = task.folder / "evaluation" / cells.REPORT
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(StoreError, match=r"report\.json is damaged"):
        figures_of(task.cell, task.folder)
