"""Questions: what is refused, how replies are judged, and what a model is asked."""

from __future__ import annotations

import json

import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.questions import (
    Answers,
    Question,
    answers_json,
    answers_section,
    ask,
    judge,
    read_questions,
)
from yukawa.evaluation.recipe import Statistics


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("answer", "reply", "right"),
    [
        ("1776.93 ± 0.09 MeV", "1776.9 MeV", True),
        ("1776.93 ± 0.09 MeV", "It is 1.777 GeV.", True),
        ("1776.93 ± 0.09 MeV", "1777.2 MeV", False),  # beyond its error, and given to that digit
        ("1776.93 ± 0.09 MeV", "2 GeV", False),  # rounded further than one per cent
        ("1776.93 ± 0.09 MeV", "1776.93", False),
        ("1776.93 ± 0.09 MeV", "1776.93 s", False),
        ("1776.93 ± 0.09 MeV", "nobody knows", False),
        ("(2.197 ± 0.002) × 10⁻⁶ s", "2.2 µs", True),
        ("17.39 ± 0.04 %", "0.174", True),
        ("17.39 ± 0.04 %", "18 %", False),
    ],
)
def test_numbers(answer, reply, right):
    question = Question(id="1", question="?", answer=answer)
    assert question.judged == "numeric"
    assert judge([question], [reply]) == [right]


@pytest.mark.parametrize(
    ("reply", "right"),
    [("a muon", True), ("The muon.", True), ("muon neutrino", False), ("an electron", False), ("", False)],
)
def test_words(reply, right):
    question = Question(id="1", question="?", answer="the muon")
    assert question.judged == "exact"
    assert judge([question], [reply]) == [right]


def test_expressions_are_judged_by_sympy():
    question = Question(id="1", question="?", answer="sqrt(p^2 + m^2)", kind="expression")
    assert judge([question] * 3, ["E = (m^2+p^2)^(1/2)", "p + m", "import os"]) == [True, False, False]


def test_files(tmp_path):
    rows = [
        {"question": f"q{n}", "answer": f"{n} and so on for more than eight words in all"} for n in range(5)
    ]
    found = read_questions(write(tmp_path / "long.jsonl", *rows))
    assert {one.judged for one in found} == {"choice"}
    assert all(len(one.choices) == 4 and one.answer in one.choices for one in found)
    assert found == read_questions(tmp_path / "long.jsonl")
    (tmp_path / "list.json").write_text(json.dumps([{"question": "q", "answer": "3.1 GeV", "category": "c"}]))
    assert read_questions(tmp_path / "list.json")[0].judged == "numeric"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "q"}, "the question has no answer"),
        ({"question": "q", "answer": "  "}, "the question has no answer"),
        ({"answer": "a"}, "question is missing"),
        ({"question": "q", "answer": "3 MeV or 2 s"}, "holds MeV|holds eV and s"),
        ({"question": "q", "answer": "much", "kind": "numeric"}, "holds no number"),
        ({"question": "q", "answer": "a", "choices": ["b", "c"]}, "choices must be"),
        ({"question": "q", "answer": "a", "choices": ["a", "a"]}, "choices must be"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(tmp_path, row, said):
    with pytest.raises(InputError, match=said) as caught:
        read_questions(write(tmp_path / "q.jsonl", row))
    assert "question 1" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ids_and_empty_files(tmp_path):
    twice = {"id": "x", "question": "q", "answer": "a"}
    with pytest.raises(InputError, match="two questions have one id"):
        read_questions(write(tmp_path / "q.jsonl", twice, twice))
    with pytest.raises(InputError, match="does not hold questions"):
        read_questions(write(tmp_path / "none.jsonl"))


def test_a_model_is_asked(base_model):
    questions = [
        Question(id="c", question="Which?", answer="one", choices=("one", "two")),
        Question(id="n", question="How much?", answer="3 MeV"),
        Question(id="e", question="What?", answer="word"),
    ]
    found = ask(base_model, questions)
    assert found.replies[0] in ("one", "two")
    assert found.right[0] == (found.replies[0] == "one")
    assert found == ask(base_model, questions)
    assert all("\n" not in reply for reply in found.replies)
    reverse = ask(base_model, questions[::-1])
    assert reverse.replies == found.replies[::-1]


def test_shares_have_intervals_and_paired_differences():
    questions = tuple(Question(id=str(n), question="?", answer="a", cluster=f"p{n // 2}") for n in range(20))
    some = Answers("base", questions, ("b",) * 20, tuple(n % 4 == 0 for n in range(20)))
    more = Answers("tuned", questions, ("a",) * 20, (True,) * 20)
    data = answers_json({"base": some, "tuned": more}, Statistics(resamples=200))
    estimate = data["right"]["all"]["estimates"]["tuned"]
    assert (estimate["value"], estimate["high"], estimate["clusters"]) == (1, 1, 10)
    assert estimate["low"] < 1
    assert data["right"]["all"]["differences"][0]["value"] == 0.75
    assert data["replies"][0]["replies"]["tuned"] == {"text": "a", "right": True}
    table = answers_section("set", data)[1]
    assert table.rows[1][0] == "tuned"
