"""What the verbs that train share; each of them is tested by itself too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yukawa.cli.output import Interrupted
from yukawa.cli.progress import check_failures, ended, follow, need
from yukawa.core.errors import MissingPackage, ModelError
from yukawa.runs.task import TrainResult


def result(interrupted=False):
    return TrainResult(Path("here"), 4, 9, seconds=1.0, interrupted=interrupted, asked=interrupted, loss=0.5)


def test_the_end_is_said_once_in_words_or_left_to_json(capsys):
    shown = ended(result(), as_json=False)
    assert shown == {
        "folder": "here", "steps": 4, "planned": 9, "seconds": 1.0, "interrupted": False, "asked": False,
        "loss": 0.5,
    }  # fmt: skip
    assert capsys.readouterr().out == "the model is in here/model: loss 0.5000 after 4 steps\n"
    assert ended(result(), as_json=True) == shown
    assert json.loads(capsys.readouterr().out) == shown


def test_an_interruption_ends_the_verb_and_json_comes_first(capsys):
    for as_json in (True, False):
        with pytest.raises(Interrupted, match=r"stopped after step 4 of 9; .* --resume"):
            ended(result(interrupted=True), as_json)
        out = capsys.readouterr().out
        assert json.loads(out)["interrupted"] is True if as_json else out == ""


def test_of_several_processes_the_first_one_speaks(capsys, monkeypatch):
    def start(progress):
        if progress:
            progress(1, 2, {})
        return progress is not None

    assert follow("training", start)
    monkeypatch.setenv("RANK", "1")
    assert not follow("training", start)
    ended(result(), as_json=False)
    with pytest.raises(Interrupted):
        ended(result(interrupted=True), as_json=True)
    assert capsys.readouterr() == ("", "training …\n")


def test_a_missing_package_is_named_before_anything_is_done():
    need("json", purpose="training")
    with pytest.raises(MissingPackage, match="no_such_package"):
        need("json", "no_such_package", purpose="training")


def test_failures_of_a_sweep_end_the_verb():
    check_failures([], 2)
    with pytest.raises(ModelError, match=r"1 of 2 trainings failed, the first is net: the loss is nan"):
        check_failures([("net", "the loss is nan")], 2)
