"""The page for people: figures with the digits that their errors allow."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yukawa.core.reports import Heading
from yukawa.core.statistics import Estimate
from yukawa.jets.evaluation import report
from yukawa.jets.evaluation.metrics import NOTHING
from yukawa.jets.evaluation.results import Scores, compare


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.74512, 0.742, 0.748, error=0.00312), "0.7451 ± 0.0031"),
        (Estimate(0.5, 0.3, 0.7, error=0.25), "0.50 ± 0.25"),
        (Estimate(123.4, 112, 136, error=12.0), "123 ± 12"),
        (Estimate(1.0, 0.98, 1.0, error=0.0), "1.0000 (0.9800 … 1.0000)"),
        (NOTHING, "–"),
    ],
)
def test_a_figure_has_the_digits_of_its_error(estimate: Estimate, text: str) -> None:
    assert report.with_error(estimate) == text


def test_a_rejection_without_background_is_a_bound() -> None:
    inf = math.inf
    assert report.rejection(Estimate(inf, 49.7, inf, error=inf)) == "> 49.7"
    assert report.rejection(Estimate(1000.0, 420, 5000, error=900.0)) == "1,000 (420 … 5,000)"
    assert report.rejection(Estimate(20.0, 19, 21, error=1.0)) == "20.0 ± 1.0"


def test_the_page_holds_every_part() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300)
    logits = random.normal(0, 1, (300, 3)) + 2 * np.eye(3)[labels]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    one = Scores(p, labels, np.arange(300) // 2, ("b", "bbar", "g"), ("something to know",))
    two = Scores(np.roll(p, 1, axis=0), labels, None, ("b", "bbar", "g"))
    found = compare({"one": one, "two": two}, "test jets")
    page = report.page(found).markdown(Path())
    assert page.startswith("# Evaluation of one, two\n\n300 labelled jets of test jets.\n")
    for heading in (
        "## Metrics",
        "## Area under the ROC curve",
        "## Background rejection (one)",
        "## Background rejection (two)",
        "## Particles and antiparticles tagged alike?",
        "## two minus one, on the same jets",
        "## Remarks",
    ):
        assert heading in page, heading
    assert "| charge flip rate b |" in page
    assert "| mean diagonal |" in page
    assert "- one: something to know" in page
    assert "nan" not in page
    assert in_terminal(found) == ["Metrics", "Area under the ROC curve, one class against all others",
                                  "two minus one, on the same jets"]  # fmt: skip


def in_terminal(found: Any) -> list[str]:
    return [block.text for block in report.in_brief(found) if isinstance(block, Heading)]


@pytest.mark.usefixtures("no_plots")
def test_two_evaluations_give_the_same_bytes(tmp_path: Path, scores: Any) -> None:
    for name in ("one", "two"):
        report.write(compare({"A": scores(0), "B": scores(1)}, "jets"), tmp_path / name)
    files = sorted((tmp_path / "one").glob("report.*"))
    assert [file.name for file in files] == ["report.html", "report.json", "report.md"]
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name
