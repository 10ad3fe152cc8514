"""`yukawa jets analyse` reads scores, a plan and weights from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yukawa.jets.evaluation import plots
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.table import Jets

GROUPS = ("--signal", "b", "--background", "light=u,d")
CLASSES = ("b", "bbar", "u", "d")


@pytest.fixture
def scores(home: Path) -> str:
    """A file of scores in the current folder, of jets of two splits."""
    random = np.random.default_rng(1)
    labels = np.arange(400) % 4
    chance = random.dirichlet(np.ones(4), 400) + 0.3 * np.eye(4)[labels]
    columns = {f"score_{name}": chance[:, k] / 1.3 for k, name in enumerate(CLASSES)}
    columns |= {f"label_{name}": labels == k for k, name in enumerate(CLASSES)}
    columns |= {
        "jet_pt": random.uniform(20, 60, 400),
        "jet_split": np.where(np.arange(400) < 100, 0, 2).astype(np.int8),
    }
    write_parquet(Path("scores.parquet"), Jets(np.zeros(401, np.int64), {}, columns))
    return "scores.parquet"


@pytest.fixture(autouse=True)
def _no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    def picture(path: Path) -> Path:
        path.with_suffix(".svg").write_text("<svg/>")
        return path

    monkeypatch.setattr(plots, "roc_plot", lambda curves, path, *_: picture(path))
    monkeypatch.setattr(plots, "calibration_plot", lambda bins, path: picture(path))
    monkeypatch.setattr(plots, "bins_plot", lambda cuts, observable, path: picture(path))


def test_scores_are_analysed(yukawa: Any, scores: str) -> None:
    options = (
        "--split",
        "all",
        "--mistag",
        "0.2",
        "--weight",
        "jet_pt",
        "--bins",
        "jet_pt=20,40,60",
        "--json",
    )
    done = yukawa("jets", "analyse", scores, *GROUPS, "--out", "tagging", *options)
    assert done.code == 0, done.err
    (cut,) = done.json["cuts"]
    assert 0.15 < cut["passed"]["light"]["value"] <= 0.2
    assert len(cut["bins"]["jet_pt"]) == 2
    assert 7000 < done.json["samples"]["scores"]["b"] < 9000  # GeV
    assert Path("tagging/report.md").exists()


def test_words_are_for_people(yukawa: Any, scores: str) -> None:
    shown = yukawa("jets", "analyse", scores, *GROUPS, "--out", "again", "--efficiency", "0.6")
    assert "D_b = log(b / ((u + d) / 2))" in shown.out
    assert "100 jets are of other splits than test and are omitted" in shown.err


def test_bad_input_is_one_line_and_writes_nothing(yukawa: Any, scores: str) -> None:
    for words, message in (
        ((scores, scores), "two files of scores have the same name"),
        ((scores, "--weight", "w"), "the jets: no column w"),
        ((scores, "--discriminant", "b/u"), "'b/u' is not of the form NAME=FORMULA"),
        (("none.parquet",), "none.parquet"),
    ):
        done = yukawa("jets", "analyse", *words, *GROUPS, "--out", "more")
        assert done.code in (1, 2)
        assert message in done.err
        assert not Path("more").exists()
