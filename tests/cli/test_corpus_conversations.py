"""`yukawa corpus conversations` and `check`: a data set, its leaks, and one line for whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

QUESTIONS = [
    {"question": f"Which particle has the number {i} in this list of ours?", "answer": f"The {i}th."}
    for i in range(20)
]


@pytest.fixture
def questions(home: Path) -> str:
    Path("questions.json").write_text(json.dumps(QUESTIONS))
    return "questions.json"


def test_questions_become_a_data_set(yukawa, questions):
    done = yukawa("corpus", "conversations", questions, "--out", "set", "--format", "jsonl", "--near", "1")
    assert done.code == 0, done.err
    assert done.out == (
        "questions.json: 20 rows of the format qa\nset holds 20 conversations: 16 train, 2 validation, 2 test\n"
    )
    assert done.err == ""
    assert len(Path("set/train.jsonl").read_text().splitlines()) == 16
    done = yukawa(
        "corpus", "conversations", questions, "--out", "other", "--split", "50/0/50", "--seed", "3", "--near", "1",
        "--format", "jsonl.gz", "--json",
    )  # fmt: skip
    assert done.json["rows"] == {"train": 10, "validation": 0, "test": 10}
    assert done.json["files"] == [{"path": questions, "format": "qa", "rows": 20, "bad": [], "ignored": []}]
    assert done.json["manifest"]["made"]["seed"] == 3
    assert done.json["manifest"]["made"]["shares"] == {"train": 0.5, "validation": 0, "test": 0.5}


def test_bad_rows_are_refused_or_told(yukawa, questions):
    Path("more.jsonl").write_text(
        '{"instruction": "a", "output": "b", "n": 1}\n{"instruction": "c", "output": ""}\n'
    )
    command = ("corpus", "conversations", questions, "more.jsonl", "--out", "set")
    assert "more.jsonl has 1 bad of 2 rows: row 2: the text of the assistant is empty" in yukawa(
        *command
    ).failed(2)
    assert not Path("set").exists()
    done = yukawa(*command, "--drop-bad")
    assert "more.jsonl: 1 rows of the format alpaca" in done.out
    assert done.err == "note: fields not read: n\nnote: row 2 dropped: the text of the assistant is empty\n"
    assert done.code == 0


def test_leaks_are_found_and_told(yukawa, questions):
    leak = "As I said, which particle has the number 7 in this list of ours? Nobody knows."
    rows = [{"id": "a", "text": leak, "source": "s"}, {"id": "b", "text": "Which particle?", "source": "s"}]
    Path("train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = yukawa("corpus", "check", "train.jsonl", "--against", questions)
    assert done.out == (
        "a holds 11 words of questions:8: which particle has the number 7 in this list of ours\n"
        "1 of 2 rows hold pieces of 1 of 20 evaluation items\n"
    )
    done = yukawa("corpus", "check", "train.jsonl", "--against", questions, "--words", "5", "--json")
    assert done.json["counts"]["documents_hit"] == 1
    assert done.json["counts"]["items_hit"] == 20
    assert len(done.json["hits"]) == 20
    yukawa("corpus", "conversations", questions, "--out", "set", "--near", "1")
    done = yukawa("corpus", "check", "set", "--against", "set", "--json")
    assert done.json["counts"] | {"items_too_short": 0} == {
        "documents": 16, "documents_hit": 0, "items": 2, "items_hit": 0, "items_too_short": 0,
    }  # fmt: skip
    done = yukawa("corpus", "check", "set", "--against", "set", "--split", "test", "--json")
    assert done.json["counts"]["documents_hit"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("conversations", "absent.json", "--out", "x"), "absent.json cannot be read"),
        (("conversations", "questions.json", "--out", "x", "--from", "alpacca"), "did you mean 'alpaca'"),
        (("conversations", "questions.json", "--out", "x", "--split", "80/20"), "such as 80/10/10"),
        (("conversations", "questions.json", "--out", "x", "--near", "0"), "above 0 and up to 1"),
        (("conversations", "questions.json", "--out", "x", "--format", "csv"), "'.csv' is no suffix"),
        (("check", "questions.json", "--against", "absent.json"), "absent.json cannot be read"),
        (("check", "questions.json", "--against", "questions.json", "--words", "0"), "take one or more"),
    ],
)
def test_what_is_wrong_is_one_line(yukawa, questions, arguments, message):
    assert message in yukawa("corpus", *arguments).failed(2)
    assert not Path("x").exists()
