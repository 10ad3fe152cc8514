"""`yukawa jets scaling` hands its arguments on and tells how a study ended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from yukawa.core.ray import RayExecutor
from yukawa.jets.scaling import study
from yukawa.jets.scaling.study import StudyResult

STUDY = """
data: {path: set}
models:
  net:
    model: {architecture: particle-net, blocks: [[2, [4]]], head: [[4, 0.0]]}
    training: {batch: 22, threads: 2}
sizes: [11, 22]
seeds: [1]
lengths: {epochs: 1}
"""
ROW = {"model": "net", "mode": "epochs", "jets": 11, "seed": 1, "steps": 1, "test_jets": 22, "accuracy": 0.25}


@pytest.fixture
def calls(home, monkeypatch):
    """Stands in for the study: what it was called with, and how it ends."""
    Path("study.yaml").write_text(STUDY)
    seen: list = []
    ending = {"failed": {}, "interrupted": False}

    def run_study(given, out, executor, progress, tell):
        seen.append((given.sizes, out, executor))
        progress(1, 2)
        tell("1 of 2: done")
        return StudyResult(out, 2, [ROW], **ending)

    monkeypatch.setattr(study, "run_study", run_study)
    return seen, ending


def test_a_study_gets_its_arguments(yukawa, calls):
    done = yukawa("jets", "scaling", "study.yaml", "--out", "here")
    assert done == (
        0,
        "1 of 2 trainings are finished; the table is here/study.md\n",
        "steps of 2 trainings …\n1 of 2: done\n",
    )
    told = yukawa("jets", "scaling", "study.yaml", "sizes=[5]", "--out", "there", "--json").json
    assert (told["out"], told["finished"], told["table"], told["failed"]) == ("there", 1, [ROW], {})
    assert told["summary"][0]["accuracy"] == 0.25
    assert calls[0] == [([11, 22], Path("here"), None), ([5], Path("there"), None)]


def test_an_interrupted_study_says_how_to_go_on(yukawa, calls):
    calls[1]["interrupted"] = True
    done = yukawa("jets", "scaling", "study.yaml", "--out", "here", "--json")
    assert done.code == 130
    assert done.json["interrupted"] is True
    assert done.err.endswith(
        "interrupted; 1 of 2 trainings are finished and kept: to go on, type the same command\n"
    )


def test_failed_trainings_are_a_failure(yukawa, calls):
    calls[1]["failed"] = {"net-epochs-22-1": "the loss is no number"}
    done = yukawa("jets", "scaling", "study.yaml", "--out", "here")
    assert done.code == 1
    assert done.err.endswith(
        "error: 1 of 2 trainings failed, the first is net-epochs-22-1: the loss is no number\n"
    )


def test_ray_is_asked_for_or_named_as_missing(yukawa, calls, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    line = yukawa("jets", "scaling", "study.yaml", "--out", "here", "--ray").failed(2)
    assert "pip install 'yukawa-hep[ray]'" in line
    monkeypatch.setitem(sys.modules, "ray", object())
    assert yukawa("jets", "scaling", "study.yaml", "--out", "here", "--ray").code == 0
    assert isinstance(calls[0][-1][2], RayExecutor)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.yaml"], "there is no recipe 'none.yaml'"),
        (["study.yaml", "seed=[2]"], "did you mean seeds?"),
        (["study.yaml", "models.net.training.batc=2"], "did you mean training.batch?"),
    ],
)
def test_what_is_no_study(yukawa, calls, arguments, said):
    assert said in yukawa("jets", "scaling", *arguments, "--out", "here").failed(2)
    assert calls[0] == []


def test_more_jets_than_there_are(yukawa, home, simulated):
    Path("study.yaml").write_text(STUDY)
    command = ("jets", "scaling", "study.yaml", "sizes=[11,67]", f"data.path={simulated}", "--out", "here")
    assert f"up to 67 jets, {simulated} has 66 to train on" in yukawa(*command).failed(2)
    assert not Path("here").exists()
