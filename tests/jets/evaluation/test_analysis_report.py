"""The report of an analysis of scores holds what was found, in every form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError
from yukawa.jets.evaluation.analysis import AnalysisPlan
from yukawa.jets.evaluation.analysis_report import analyse_scores

PLAN = AnalysisPlan.parse("b", ["c", "g"], bins=["jet_pt=20,60,100"])


def test_variations_use_the_nominal_cuts(write_scores: Any, tmp_path: Path, scored: Any) -> None:
    files = {"nominal": write_scores("nominal", **scored()), "smeared": write_scores("smeared", **scored(seed=2, shift=1.5)),
             "same": write_scores("same", **scored())}  # fmt: skip
    found = analyse_scores(files, PLAN, tmp_path / "report")
    for cut in found.cuts:
        assert cut.variations["same"] == cut.passed
        assert cut.variations["smeared"]["b"].value < cut.passed["b"].value - 0.02
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert written["cuts"][0]["variations"]["same"] == written["cuts"][0]["passed"]
    text = (tmp_path / "report" / "report.md").read_text().replace("\\", "")
    assert "D_b = log(b / (c + g))" in text
    assert "Systematic variations" in text
    assert "| D_b | 0.5 of b | same | +0.0" in text
    assert {path.name for path in (tmp_path / "report").glob("*.png")} == {
        "roc.png",
        "bins-1.png",
        "calibration.png",
    }


def test_a_report_is_replaced_on_demand_alone(write_scores: Any, tmp_path: Path) -> None:
    files = {"nominal": write_scores()}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes\.txt'"):
        analyse_scores(files, PLAN, tmp_path / "mine", force=True)
    with pytest.raises(InputError, match="no file of scores"):
        analyse_scores({}, PLAN, tmp_path / "new")
    assert not (tmp_path / "new").exists()
