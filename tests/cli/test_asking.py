"""`yukawa evaluate answers`: models alone and over the base, rules beside, and names that are none."""

from __future__ import annotations

import json

import pytest


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


def test_unknown_and_missing_models_are_refused(yukawa, questions, tmp_path):
    words = ["evaluate", "answers", questions, "--out", str(tmp_path / "made")]
    assert "no model was named" in yukawa(*words).failed(2)
    assert "unknown model 'qoute'" in yukawa(*words, "--grounded", "qoute").failed(2)
    assert "four-fields" not in yukawa(
        "evaluate", "answers", "no.jsonl", "--model", "quote", "--out", "x"
    ).failed(2)
