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
