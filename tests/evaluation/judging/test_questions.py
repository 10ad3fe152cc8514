"""Questions and answers: several layouts, and what must not be there twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.judging.questions import (
    AskedQuestion,
    ModelAnswer,
    by_question,
    read_answers,
    read_questions,
    texts,
)
from yukawa.evaluation.judging.rules import number_score


@pytest.fixture
def write(tmp_path):
    def lines(*rows):
        path = tmp_path / "f.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))  # no line feed at the end
        return path

    return lines


def test_questions_of_all_layouts(write):
    own = {
        "id": "q",
        "turns": ["What is the Z?", "And its width?"],
        "reference": "x",
        "category": "particle physics",
    }
    fastchat = {"question_id": 81, "category": "physics", "turns": ["Why?"]}
    plain = {"question": "How heavy?", "answer": "1 GeV", "extra": 3}
    one, two, three = read_questions(write(own, fastchat, plain))
    assert one.text == "What is the Z?\n\nAnd its width?"
    assert (two.id, two.turns) == ("81", ("Why?",))
    assert (three.id, three.reference) == ("3", "1 GeV")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"id": "q", "turns": ["a"]}, {"id": "q", "turns": ["b"]}], "two questions with the id 'q'"),
        ([{"id": "q", "turns": []}], "row 1"), ([{"id": "q"}], "row 1"), ([], "no questions"),
    ],
)  # fmt: skip
def test_other_questions_are_refused(write, rows, words):
    with pytest.raises(InputError, match=words):
        read_questions(write(*rows))


def test_answers_come_back_and_are_kept_by_question(write):
    row = ModelAnswer(question="q", model="a", text="It is {x}.")
    failed = ModelAnswer(question="q", model="b", text="", error="gone")
    found = read_answers([write(json.loads(row.model_dump_json()), json.loads(failed.model_dump_json()))])
    assert found == [row, failed]
    assert by_question([AskedQuestion(id="q", turns=("?",))], found) == {"q": {"a": row}}
    assert texts([row]) == {("q", "a"): "It is {x}."}
    assert row.sha256 != ModelAnswer(question="q", model="a", text="It is {y}.").sha256


def test_answers_that_do_not_fit_are_refused(write):
    row = {"question": "q", "model": "a", "text": "x"}
    with pytest.raises(InputError, match="'a' answers 'q' twice"):
        read_answers([write(row, row)])
    with pytest.raises(InputError, match="row 1"):
        read_answers([write({"question": "q"})])
    with pytest.raises(InputError, match="not among the questions"):
        by_question([AskedQuestion(id="r", turns=("?",))], [ModelAnswer.model_validate(row)])


def test_the_shipped_set_has_a_hundred_of_each_field():
    found = read_questions(Path("four-fields"))
    assert Counter(question.category for question in found) == dict.fromkeys(
        ("particle physics", "astrophysics", "synchrotron radiation", "neutron science"), 100
    )
    assert len({question.text for question in found}) == 400
    assert all(question.text.endswith("?") for question in found)
    scores = [number_score(question.text, question.reference, question.reference) for question in found]
    assert scores.count(1.0) > 60
    assert 0.0 not in scores
