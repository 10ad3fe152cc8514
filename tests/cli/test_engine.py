"""`yukawa data fission` and `report` from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _base(home: Path, yukawa: Any) -> None:
    for fact in ("The mass of the tau is 1776.9 MeV.", "The full width of the Z boson is 2.495 GeV."):
        assert yukawa("teach", fact, "--source", "handbook").code == 0


def test_a_seed_becomes_pairs_and_a_report(yukawa: Any) -> None:
    done = yukawa("data", "fission", "particle physics", "--pairs", "2", "--out", "run", "--json").json
    assert done["accepted"] == {"particle physics": 2}
    assert done["ended"] == "done"
    assert yukawa("data", "report", "run", "--json").json == done["report"]
    assert "Funnel" in yukawa("data", "report", "run").out


def test_what_is_not_supported_is_said(yukawa: Any) -> None:
    done = yukawa("data", "fission", "--domains", "particle physics,neutron science", "--pairs", "1")
    assert "nothing in the base supports 'neutron science'" in done.err
    assert "particle physics: 1 accepted" in done.out
    assert Path("runs/fission-particle-physics/report.html").exists()


def test_a_run_is_continued_only_when_asked(yukawa: Any) -> None:
    words = ("data", "fission", "particle physics", "--out", "run", "--pairs")
    assert yukawa(*words, "1").code == 0
    assert "--resume" in yukawa(*words, "2").failed(2)
    assert "2 accepted" in yukawa(*words, "2", "--resume").out


def test_pairs_are_reviewed_one_after_the_other_and_composed(yukawa: Any) -> None:
    yukawa("data", "fission", "particle physics", "--pairs", "2", "--out", "run")
    words = ("data", "review", "run", "--as", "ada")
    first = yukawa(*words, "--json").json["next"]["pair"]["id"]
    assert f"pair {first}:" in yukawa(*words).out
    second = yukawa(*words, "--edit", str(first), "--answer", "Better words.", "--json").json
    assert second["progress"]["edit"] == 1
    assert "a rejection needs a reason" in yukawa(
        *words, "--reject", str(second["next"]["pair"]["id"])
    ).failed(2)
    assert (
        "no pair is left"
        in yukawa(*words, "--reject", str(second["next"]["pair"]["id"]), "--reason", "wrong").out
    )
    done = yukawa("data", "compose", "run", "--out", "set", "--format", "jsonl", "--json").json
    assert sum(done["rows"].values()) == 1
    assert "Better words." in "".join(path.read_text() for path in Path("set").glob("*.jsonl"))
    assert yukawa(*words, "--undo", "--json").json["progress"]["judged"] == 1
    assert "ben has not given a verdict" in yukawa("data", "review", "run", "--as", "ben", "--undo").failed(2)


def test_chats_become_a_set(yukawa: Any) -> None:
    row = '{"question": "What is the mass of the Z boson, asks jane@example.org?", "answer": "It is 91.19 GeV."}'
    Path("chats.jsonl").write_text(row + "\n")
    done = yukawa("data", "chats", "chats.jsonl", "--out", "set", "--json").json
    assert (done["kept"], done["removed"]) == (1, {"EMAIL": 1})


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "no seed is given"),
        (("",), "a seed is empty"),
        (("--domains", "neutron sciense"), "did you mean 'neutron science'"),
        (("tau", "--model", "none"), "unknown model 'none'"),
    ],
)
def test_a_mistake_is_named(words: tuple[str, ...], complaint: str, yukawa: Any) -> None:
    assert complaint in yukawa("data", "fission", *words).failed(2)


def test_papers_become_pairs_that_can_be_reviewed(yukawa: Any, tmp_path: Path) -> None:
    text = (
        "We present a measurement of the Z boson mass. The mass of the Z boson is 91.19 GeV. "
        + "It took very long. " * 9
    )
    (tmp_path / "a.tex").write_text(
        f"\\title{{On the Z}}\\begin{{document}}\\section{{Results}}{text}\\end{{document}}"
    )
    (tmp_path / "b.tex").write_bytes(b"\xf6")
    words = ("data", "questions", "a.tex", "b.tex", "--out", "run")
    done = yukawa(*words)
    assert "1 of 1 sections done" in done.out
    assert "accepted: 1 contribution, 1 value" in done.out
    assert "not read: " in done.err
    assert "--resume" in yukawa(*words).failed(2)
    found = yukawa(*words, "--resume", "--json").json
    assert (found["accepted"], found["ended"]) == ({"contribution": 1, "value": 1}, "done")
    assert found["report"]["pairs"] == {"accepted": 2}
    assert "91.19 GeV" in yukawa("data", "review", "run", "--as", "ada").out
    assert "model 'nobody'" in yukawa(*words, "--model", "nobody", "--resume").failed(2)
