"""The page for people: figures with the digits that their errors allow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from yukawa.jets.evaluation import evaluate, report
from yukawa.jets.evaluation.evaluate import Scores
from yukawa.jets.evaluation.metrics import NOTHING, Estimate


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.74512, 0.00312, 0.742, 0.748), "0.7451 ± 0.0031"),
        (Estimate(0.5, 0.25, 0.3, 0.7), "0.50 ± 0.25"),
        (Estimate(123.4, 12.0, 112, 136), "123 ± 12"),
        (Estimate(1.0, 0.0, 0.98, 1.0), "1.0000 (0.9800 … 1.0000)"),
        (NOTHING, "–"),
    ],
)
def test_a_figure_has_the_digits_of_its_error(estimate: Estimate, text: str) -> None:
    assert report.with_error(estimate) == text


def test_a_rejection_without_background_is_a_bound() -> None:
    inf = math.inf
    assert report.rejection(Estimate(inf, inf, 49.7, inf)) == "> 49.7"
    assert report.rejection(Estimate(1000.0, 900.0, 420, 5000)) == "1,000 (420 … 5,000)"
    assert report.rejection(Estimate(20.0, 1.0, 19, 21)) == "20.0 ± 1.0"


def test_a_table_is_markdown() -> None:
    assert report.table(["", "a|b"], [["x", "1"]]) == "|  | a\\|b |\n| --- | --- |\n| x | 1 |"


def test_the_page_holds_every_part() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300)
    logits = random.normal(0, 1, (300, 3)) + 2 * np.eye(3)[labels]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    one = Scores(p, labels, np.arange(300) // 2, ("b", "bbar", "g"), ("something to know",))
    two = Scores(np.roll(p, 1, axis=0), labels, None, ("b", "bbar", "g"))
    page = evaluate.compare({"one": one, "two": two}, "test jets").to_markdown()
    assert page.startswith("# Evaluation of one, two\n\n300 labelled jets of test jets.\n")
    for heading in (
        "## Figures",
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
