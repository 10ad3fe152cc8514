"""`yukawa jets pretrain` hands its arguments on and tells how a run ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from yukawa.jets.training.task import TrainResult

from yukawa.jets.pretraining import train as train_module

RECIPE = """
mixture:
  words: {kind: text, path: words.txt}
  jets: {kind: jets, path: set}
model: {width: 16, layers: 1, heads: 2, feedforward: 8, byte_width: 4, patch_width: 8}
training: {steps: 2, batch: 4, validation: 2}
"""


@pytest.fixture
def calls(home, monkeypatch):
    """Stands in for the pre-training: what it was called with, and how it ends."""
    Path("r.yaml").write_text(RECIPE)
    seen: list = []
    ending = {"interrupted": False}

    def pretrain(recipe, out, resume, progress):
        seen.append((recipe.training.batch, out, resume))
        progress and progress(1, 2, {"loss": 1.0})
        return TrainResult(
            out, 1, 2, best_step=1, loss=0.5, accuracy=None, seconds=1.0, asked=ending["interrupted"],
            stopped_early=False, **ending,
        )  # fmt: skip

    monkeypatch.setattr(train_module, "pretrain", pretrain)
    return seen, ending


def test_a_pretraining_gets_its_arguments(yukawa, calls):
    done = yukawa("jets", "pretrain", "r.yaml", "--out", "here")
    assert done == (0, "the model is in here/model: loss 0.5000 at step 1\n", "pre-training …\n")
    told = yukawa(
        "jets", "pretrain", "r.yaml", "training.batch=8", "--out", "there", "--resume", "--json"
    ).json
    assert (told["folder"], told["loss"], told["accuracy"]) == ("there", 0.5, None)
    assert calls[0] == [(4, Path("here"), False), (8, Path("there"), True)]


def test_an_interrupted_one_says_how_to_go_on(yukawa, calls):
    calls[1]["interrupted"] = True
    done = yukawa("jets", "pretrain", "r.yaml", "--out", "here", "--json")
    assert done.code == 130
    assert done.json["interrupted"] is True
    assert "--resume" in done.err.splitlines()[-1]


def test_only_the_first_of_several_processes_speaks(yukawa, calls, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert yukawa("jets", "pretrain", "r.yaml", "--out", "here", "--json") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.yaml"], "none.yaml cannot be read"),
        (["r.yaml", "mixture.words.kind=poem"], "mixture.words.kind = 'poem'"),
        (["r.yaml", "mixture.words.wait=2"], "did you mean mixture.words.weight?"),
        (["r.yaml", "mixture.words.weight=0"], "greater than 0"),
    ],
)
def test_what_is_no_recipe(yukawa, calls, arguments, said):
    assert said in yukawa("jets", "pretrain", *arguments, "--out", "here").failed(2)
    assert calls[0] == []


def test_from_words_and_jets_to_answers(yukawa, home, simulated):
    Path("words.txt").write_text(
        "\n\n".join(f"{n} quarks are bound by gluons, {n} colours hidden" for n in range(9))
    )
    Path("r.yaml").write_text(RECIPE)
    assert yukawa("jets", "pretrain", "r.yaml", f"mixture.jets.path={simulated}", "--out", "here").code == 0
    found = yukawa("jets", "predict", "here", "--data", str(simulated), "--out", "p.parquet", "--json").json
    assert found["jets"] > 0
    done = yukawa("jets", "evaluate", "here", "--data", str(simulated), "--out", "report", "--json")
    assert 0 <= done.json["models"]["here"]["figures"]["accuracy"]["value"] <= 1
