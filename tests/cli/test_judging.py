"""`yukawa evaluate ranking`, `scores` and `power` on files, for people and for scripts."""

from __future__ import annotations

import json

import pytest

ROW = {"first": "a", "second": "b", "judge": "j"}


@pytest.fixture
def verdicts(tmp_path):
    rows = [
        ROW | {"question": str(k), "verdict": ("first", "first", "second", "tie")[k % 4]} for k in range(40)
    ]
    rows += [ROW | {"question": str(k), "verdict": "tie", "criterion": "clarity"} for k in range(4)]
    path = tmp_path / "verdicts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_ranking_names_its_criterion(yukawa, verdicts):
    assert "clarity, overall are mixed" in yukawa("evaluate", "ranking", str(verdicts)).failed(2)
    assert "there are: clarity, overall" in yukawa(
        "evaluate", "ranking", str(verdicts), "--criterion", "x"
    ).failed(2)
    words = ["evaluate", "ranking", str(verdicts), "--criterion", "overall", "--resamples", "50"]
    assert "40 verdicts on 40 questions" in yukawa(*words).out
    assert yukawa(*words, "--json").json["strengths"].keys() == {"a", "b"}


def test_style_needs_answers(yukawa, verdicts, tmp_path):
    words = ["evaluate", "ranking", str(verdicts), "--criterion", "overall", "--resamples", "50"]
    assert "is missing" in yukawa(*words, "--style").failed(2)
    answers = [
        {"question": str(k), "model": m, "text": "x" * (k + 3 * (m == "a"))} for k in range(40) for m in "ab"
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)))
    words[3:3] = [str(tmp_path / "answers.jsonl")]
    assert "longer" in yukawa(*words).out
    assert "longer" not in yukawa(*words, "--no-style").out


def test_scores_of_a_table_in_a_report(yukawa, tmp_path):
    lines = [f"{p},{m},{r},{p % 3 + (m == 'b')}" for p in range(6) for m in "ab" for r in "xy"]
    (tmp_path / "s.csv").write_text("paper,model,rater,score\n" + "\n".join(lines))
    words = ["evaluate", "scores", str(tmp_path / "s.csv"), "--out", str(tmp_path / "out")]
    assert "report.html are written" in yukawa(*words).out
    assert (tmp_path / "out" / "report.md").read_text().splitlines()[2].startswith("24 scores of 2 models")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x.txt").write_text("mine")
    assert "another command made" in yukawa(
        "evaluate", "scores", str(tmp_path / "s.csv"), "--out", str(tmp_path / "mine")
    ).failed(2)


def test_the_plan_is_a_number(yukawa):
    assert yukawa("evaluate", "power", "--effect", "0.6", "--json").json == {
        "questions": 238,
        "verdicts": 238,
    }
    assert "above 0.5" in yukawa("evaluate", "power", "--effect", "0.5").failed(2)


@pytest.fixture
def questions(home, tmp_path):
    (tmp_path / "yukawa.toml").write_text('[models.fixed]\nbackend = "scripted"\nreplies = "replies.txt"\n')
    rows = [
        {
            "id": "a",
            "turns": ["What is the circumference of the BEPCII storage ring?"],
            "reference": "237.5 m",
        },
        {"id": "b", "turns": ["How does one bake bread?"]},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(tmp_path / "q.jsonl")


def test_the_base_answers_with_sources_and_rules_judge(yukawa, questions, tmp_path):
    words = [
        "evaluate",
        "answers",
        questions,
        "--grounded",
        "quote",
        "--out",
        str(tmp_path / "made"),
        "--json",
    ]
    (found,) = yukawa(*words).json
    assert (found["model"], found["answers"]) == ("quote grounded", 2)
    assert found["rules"]["number"] == {"judged": 1, "share": 1.0}
    assert found["rules"]["citation"]["share"] == 1.0
    before = (tmp_path / "made" / "quote-grounded.jsonl").read_bytes()
    yukawa(*words)
    assert (tmp_path / "made" / "quote-grounded.jsonl").read_bytes() == before
    ring = next(item["id"] for item in yukawa("knowledge", "list", "--json").json if "BEPCII" in item["text"])
    named = yukawa("knowledge", "purge", ring, "--yes", "--json").json["files"]
    assert str(tmp_path / "made" / "quote-grounded.jsonl") in named


def test_unknown_and_missing_models_are_refused(yukawa, questions, tmp_path):
    words = ["evaluate", "answers", questions, "--out", str(tmp_path / "made")]
    assert "no model was named" in yukawa(*words).failed(2)
    assert "unknown model 'qoute'" in yukawa(*words, "--grounded", "qoute").failed(2)
    assert "four-fields" not in yukawa(
        "evaluate", "answers", "no.jsonl", "--model", "quote", "--out", "x"
    ).failed(2)
