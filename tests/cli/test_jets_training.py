"""`yukawa jets train`, `pretrain` and `scaling` hand their arguments on and say how a training ended."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from yukawa import jets
from yukawa.core.processes import RayExecutor
from yukawa.jets.scaling.study import StudyResult
from yukawa.jets.training.train import JetResult

RECIPE = """
data: {path: set, config: jet-origin}
model: {architecture: particle-net, blocks: [[2, [4]]], head: [[4, 0.0]]}
training: {epochs: 3, batch: 22}
"""


@pytest.fixture
def workplace(simulated, home) -> Path:
    """The current folder with the data set `set` and the recipe `r.yaml`."""
    shutil.copytree(simulated, "set")
    Path("r.yaml").write_text(RECIPE)
    return Path()


def test_a_dry_run_says_what_would_be_done(yukawa, workplace):
    found = yukawa("jets", "train", "r.yaml", "training.batch=11", "--dry-run", "--json").json
    assert (found["train_jets"], found["validation_jets"], found["plan"]["steps"]) == (66, 22, 18)
    assert found["recipe"]["training"]["batch"] == 11
    assert found["parameters"] > 0
    assert "steps   9 of 22 jets" in yukawa("jets", "train", "r.yaml", "--dry-run").out
    assert not Path("runs").exists()


def result(out: Path) -> JetResult:
    return JetResult(
        out, 2, 2, best_step=2, loss=0.5, accuracy=0.25, seconds=1.0, asked=False, interrupted=False,
        stopped_early=False,
    )  # fmt: skip


@pytest.fixture
def trained(monkeypatch):
    """Replaces the training: what it was called with, and how it ends."""
    calls: list[tuple] = []
    ending = {"interrupted": False}

    def train(recipe, out, resume, progress):
        calls.append((recipe.training.batch, out, resume))
        progress(1, 2, {"loss": 1.0})
        return JetResult(
            out,
            1,
            2,
            best_step=1,
            loss=0.5,
            accuracy=0.25,
            seconds=1.0,
            asked=ending["interrupted"],
            stopped_early=False,
            **ending,
        )

    monkeypatch.setattr(jets, "train", train)
    return calls, ending


def test_training_gets_its_arguments(yukawa, workplace, trained):
    calls, _ = trained
    done = yukawa("jets", "train", "r.yaml")
    assert done.code == 0
    assert "accuracy 0.2500" in done.out
    assert done.err == "training particle-net …\n"
    told = yukawa("jets", "train", "r.yaml", "training.batch=8", "--out", "here", "--resume", "--json").json
    assert (told["folder"], told["accuracy"], told["interrupted"]) == ("here", 0.25, False)
    assert calls == [(22, Path("runs/r"), False), (8, Path("here"), True)]


def test_an_interrupted_training_says_how_to_go_on(yukawa, workplace, trained):
    trained[1]["interrupted"] = True
    done = yukawa("jets", "train", "r.yaml", "--json")
    assert done.code == 130
    assert done.json["interrupted"] is True
    last = done.err.splitlines()[-1]
    assert last.startswith("interrupted; stopped after step 1 of 2")
    assert "--resume" in last


def test_only_the_first_of_several_processes_speaks(yukawa, workplace, trained, monkeypatch):
    monkeypatch.setattr(jets, "train", lambda recipe, out, resume, progress: progress or result(out))
    monkeypatch.setenv("RANK", "1")
    assert yukawa("jets", "train", "r.yaml", "--json") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such.yaml"], "there is no recipe 'no-such.yaml'"),
        (["r.yaml", "training.bach=8"], "training.batch"),
        (["r.yaml", "faster"], "'faster'"),
        (["r.yaml", "data.path=no-such"], "no-such"),
    ],
)
def test_what_cannot_be_trained(yukawa, workplace, arguments, said):
    assert said in yukawa("jets", "train", *arguments).failed(2)
    assert not Path("runs").exists()


def test_a_missing_torch_is_named(yukawa, workplace, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    line = yukawa("jets", "train", "r.yaml").failed(2)
    assert re.search(r"pip install '.*\[jets\]'", line)


PRETRAINING = """
mixture:
  words: {kind: text, path: words.txt}
  jets: {kind: jets, path: set}
model: {width: 16, layers: 1, heads: 2, feedforward: 8, byte_width: 4, patch_width: 8}
training: {steps: 2, batch: 4, validation: 2}
"""


@pytest.fixture
def pretrainings(home, monkeypatch):
    """Replaces the pre-training: what it was called with, and how it ends."""
    Path("r.yaml").write_text(PRETRAINING)
    seen: list = []
    ending = {"interrupted": False}

    def pretrain(recipe, out, resume, progress):
        seen.append((recipe.training.batch, out, resume))
        progress and progress(1, 2, {"loss": 1.0})
        return JetResult(
            out, 1, 2, best_step=1, loss=0.5, accuracy=None, seconds=1.0, asked=ending["interrupted"],
            stopped_early=False, **ending,
        )  # fmt: skip

    monkeypatch.setattr(jets, "pretrain", pretrain)
    return seen, ending


def test_a_pretraining_gets_its_arguments(yukawa, pretrainings):
    done = yukawa("jets", "pretrain", "r.yaml", "--out", "here")
    assert done == (0, "the model is in here/model: loss 0.5000 at step 1\n", "pre-training …\n")
    told = yukawa(
        "jets", "pretrain", "r.yaml", "training.batch=8", "--out", "there", "--resume", "--json"
    ).json
    assert (told["folder"], told["loss"], told["accuracy"]) == ("there", 0.5, None)
    assert pretrainings[0] == [(4, Path("here"), False), (8, Path("there"), True)]


def test_an_interrupted_pretraining_says_how_to_resume(yukawa, pretrainings):
    pretrainings[1]["interrupted"] = True
    done = yukawa("jets", "pretrain", "r.yaml", "--out", "here", "--json")
    assert done.code == 130
    assert done.json["interrupted"] is True
    assert "--resume" in done.err.splitlines()[-1]


def test_only_the_first_process_speaks_of_a_pretraining(yukawa, pretrainings, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert yukawa("jets", "pretrain", "r.yaml", "--out", "here", "--json") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.yaml"], "there is no recipe 'none.yaml'"),
        (["r.yaml", "mixture.words.kind=poem"], "mixture.words.kind = 'poem'"),
        (["r.yaml", "mixture.words.wait=2"], "did you mean mixture.words.weight?"),
        (["r.yaml", "mixture.words.weight=0"], "greater than 0"),
    ],
)
def test_what_is_not_a_pretraining(yukawa, pretrainings, arguments, said):
    assert said in yukawa("jets", "pretrain", *arguments, "--out", "here").failed(2)
    assert pretrainings[0] == []


@pytest.mark.slow
def test_from_words_and_jets_to_answers(yukawa, home, simulated):
    Path("words.txt").write_text(
        "\n\n".join(f"{n} quarks are bound by gluons, {n} colours hidden" for n in range(9))
    )
    Path("r.yaml").write_text(PRETRAINING)
    assert yukawa("jets", "pretrain", "r.yaml", f"mixture.jets.path={simulated}", "--out", "here").code == 0
    found = yukawa("jets", "predict", "here", "--data", str(simulated), "--out", "p.parquet", "--json").json
    assert found["jets"] > 0
    done = yukawa("jets", "evaluate", "here", "--data", str(simulated), "--out", "report", "--json")
    assert 0 <= done.json["models"]["here"]["figures"]["accuracy"]["value"] <= 1


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
def studies(home, monkeypatch):
    """Replaces the study: what it was called with, and how it ends."""
    Path("study.yaml").write_text(STUDY)
    seen: list = []
    ending = {"failed": {}, "interrupted": False}

    def run_study(given, out, executor, progress, on_message):
        seen.append((given.sizes, out, executor))
        progress(1, 2)
        on_message("1 of 2: done")
        return StudyResult(out, 2, [ROW], **ending)

    monkeypatch.setattr(jets, "run_study", run_study)
    return seen, ending


def test_a_study_gets_its_arguments(yukawa, studies):
    done = yukawa("jets", "scaling", "study.yaml", "--out", "here")
    assert done == (
        0,
        "1 of 2 trainings are finished; the table is here/study.md\n",
        "steps of 2 trainings …\n1 of 2: done\n",
    )
    told = yukawa("jets", "scaling", "study.yaml", "sizes=[5]", "--out", "there", "--json").json
    assert (told["out"], told["finished"], told["table"], told["failed"]) == ("there", 1, [ROW], {})
    assert told["summary"][0]["accuracy"] == 0.25
    assert studies[0] == [([11, 22], Path("here"), None), ([5], Path("there"), None)]


def test_an_interrupted_study_says_how_to_go_on(yukawa, studies):
    studies[1]["interrupted"] = True
    done = yukawa("jets", "scaling", "study.yaml", "--out", "here", "--json")
    assert done.code == 130
    assert done.json["interrupted"] is True
    assert done.err.endswith(
        "interrupted; 1 of 2 trainings are finished and kept: to resume, type the same command\n"
    )


def test_failed_trainings_are_a_failure(yukawa, studies):
    studies[1]["failed"] = {"net-epochs-22-1": "the loss is no number"}
    done = yukawa("jets", "scaling", "study.yaml", "--out", "here")
    assert done.code == 1
    assert done.err.endswith(
        "error: 1 of 2 trainings failed, the first is net-epochs-22-1: the loss is no number\n"
    )


def test_ray_is_asked_for_or_named_as_missing(yukawa, studies, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    line = yukawa("jets", "scaling", "study.yaml", "--out", "here", "--ray").failed(2)
    assert re.search(r"pip install '.*\[ray\]'", line)
    monkeypatch.setitem(sys.modules, "ray", object())
    assert yukawa("jets", "scaling", "study.yaml", "--out", "here", "--ray").code == 0
    assert isinstance(studies[0][-1][2], RayExecutor)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.yaml"], "there is no recipe 'none.yaml'"),
        (["study.yaml", "seed=[2]"], "did you mean seeds?"),
        (["study.yaml", "models.net.training.batc=2"], "did you mean training.batch?"),
    ],
)
def test_what_is_no_study(yukawa, studies, arguments, said):
    assert said in yukawa("jets", "scaling", *arguments, "--out", "here").failed(2)
    assert studies[0] == []


def test_more_jets_than_there_are(yukawa, home, simulated):
    Path("study.yaml").write_text(STUDY)
    command = ("jets", "scaling", "study.yaml", "sizes=[11,67]", f"data.path={simulated}", "--out", "here")
    assert f"up to 67 jets, {simulated} has 66 to train on" in yukawa(*command).failed(2)
    assert not Path("here").exists()
