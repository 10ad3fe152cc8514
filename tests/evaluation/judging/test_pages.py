"""Reports: the verdict first, warnings where they belong, and the files of a folder."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from yukawa.core.reports import Bullets, Paragraph
from yukawa.core.statistics import Estimate
from yukawa.evaluation.judging.pages import (
    forest,
    interval,
    ranking_sections,
    score_sections,
    verdict,
    write_ranking,
    write_scores,
)
from yukawa.evaluation.judging.ranking import rank
from yukawa.evaluation.judging.scores import analyse
from yukawa.evaluation.judging.verdicts import Score, Verdict


def verdicts(wins=24, losses=6, ties=6):
    said = ["first"] * wins + ["second"] * losses + ["tie"] * ties
    return [
        Verdict(question=str(k), first="ab"[k % 2], second="ba"[k % 2], judge="j",
                verdict=one if k % 2 == 0 or one == "tie" else {"first": "second", "second": "first"}[one])
        for k, one in enumerate(said)
    ]  # fmt: skip


def text(blocks):
    return " ".join(" ".join(b.texts) if isinstance(b, Bullets) else getattr(b, "text", "") for b in blocks)


def test_the_verdict_comes_first_and_says_no_more_than_is_shown():
    clear = rank(verdicts(), resamples=50)
    first = ranking_sections(clear)[0]
    assert isinstance(first, Paragraph)
    assert first.text == "36 verdicts on 36 questions: a is better than b."
    assert "no model is shown to be better" in verdict(rank(verdicts(16, 14), resamples=50))


def test_lengths_that_hardly_overlap_are_named():
    rows = verdicts()
    answers = {(r.question, name): "x" * (900 if name == "a" else 9) for r in rows for name in "ab"}
    assert "hardly overlap (0% of the questions)" in text(ranking_sections(rank(rows, answers, resamples=50)))


def test_a_score_that_is_the_judges_is_named():
    rng = np.random.default_rng(0)
    rows = []
    for k in range(200):  # always shown first, and favoured for it
        first = "a" if rng.random() < 0.95 else "b"
        said = "first" if rng.random() < 0.75 else "second"
        rows.append(Verdict(question=str(k), first=first, second="ab"[first == "a"], judge="j", verdict=said))
    assert "The difference is the judge's." in text(ranking_sections(rank(rows, resamples=50)))


def test_infinite_strengths_show_one_end():
    assert interval(Estimate(math.inf, 1.234, math.inf)) == "> +1.23"
    assert interval(Estimate(-math.inf, -math.inf, -2.0)) == "< -2.00"


@pytest.fixture(scope="module")
def studies():
    rows = [
        Score(question=f"p{p}", model=m, judge=j, criterion=c,
              value=p % 3 + (m == "b") * (1 + 0.02 * (p % 3 - 1)) + 2 * (j == "y") + 0.1 * ((p * 7 + len(j)) % 3))
        for p in range(8) for m in "ab" for j in "xy" for c in ("clarity", "fluency")
    ]  # fmt: skip
    return analyse(rows, resamples=50)


def test_scores_say_who_is_higher(studies):
    said = text(score_sections(studies))
    assert said.count("b is scored higher than a by 0.997") == 2
    assert "Criterion: fluency" in said


def test_the_folder_of_a_report(studies, tmp_path):
    write_ranking(rank(verdicts(), resamples=50), tmp_path / "r")
    write_scores(studies, tmp_path / "s")
    data = json.loads((tmp_path / "r" / "report.json").read_text())
    assert data["verdict"].endswith("a is better than b.")
    assert list(data["strengths"]) == ["a", "b"]
    for name in (
        "r/report.html",
        "r/report.md",
        "r/plots/strengths.svg",
        "s/report.json",
        "s/plots/models-2.png",
    ):
        assert (tmp_path / name).stat().st_size > 300
    assert "a is better than b" in (tmp_path / "r" / "report.html").read_text().partition("<h2>")[0]


def test_a_forest_draws_what_has_no_end(tmp_path):
    found = {
        "best": Estimate(math.inf, 1.0, math.inf),
        "mid": Estimate(0.0),
        "worst": Estimate(-math.inf, -math.inf, -1.0),
    }
    assert forest(found, tmp_path / "f", "strength").stat().st_size > 1000
