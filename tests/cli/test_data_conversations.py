"""`yukawa data conversations` and `check`: a data set, its leaks, and one line for whatever is wrong."""

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
    done = yukawa("data", "conversations", questions, "--out", "set", "--format", "jsonl", "--near", "1")
    assert done.code == 0, done.err
    assert done.out == (
        "questions.json: 20 rows of the format qa\nset holds 20 conversations: 16 train, 2 validation, 2 test\n"
    )
    assert done.err == ""
    assert len(Path("set/train.jsonl").read_text().splitlines()) == 16
    done = yukawa(
        "data", "conversations", questions, "--out", "other", "--split", "50/0/50", "--seed", "3", "--near", "1",
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
    command = ("data", "conversations", questions, "more.jsonl", "--out", "set")
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
    done = yukawa("data", "check", "train.jsonl", "--against", questions)
    assert done.out == (
        "a holds 11 words of questions:8: which particle has the number 7 in this list of ours\n"
        "1 of 2 rows hold pieces of 1 of 20 evaluation items\n"
    )
    done = yukawa("data", "check", "train.jsonl", "--against", questions, "--words", "5", "--json")
    assert done.json["counts"]["documents_hit"] == 1
    assert done.json["counts"]["items_hit"] == 20
    assert len(done.json["hits"]) == 20
    yukawa("data", "conversations", questions, "--out", "set", "--near", "1")
    done = yukawa("data", "check", "set", "--against", "set", "--json")
    assert done.json["counts"] | {"items_too_short": 0} == {
        "documents": 16, "documents_hit": 0, "items": 2, "items_hit": 0, "items_too_short": 0,
    }  # fmt: skip
    done = yukawa("data", "check", "set", "--against", "set", "--split", "test", "--json")
    assert done.json["counts"]["documents_hit"] == 2


def test_a_data_set_is_held_against_its_manifest(yukawa, questions):
    yukawa("data", "conversations", questions, "--out", "set", "--near", "1", "--format", "jsonl")
    done = yukawa("data", "check", "set")
    assert (done.code, done.out) == (0, "set holds 20 conversations, as its manifest says\n")
    done = yukawa("data", "check", "set", "--json")
    assert sorted(done.json["files"]) == ["test.jsonl", "train.jsonl", "validation.jsonl"]
    Path("set/train.jsonl").write_text("")
    assert "the manifest says" in yukawa("data", "check", "set").failed(2)


def test_evaluation_questions_and_other_languages_are_left_out(yukawa, questions):
    Path("asked.jsonl").write_text(json.dumps(QUESTIONS[3]))
    german = "Wir zeigen, dass die Masse des Top-Quarks am Beschleuniger gemessen wird, und warum das so ist."
    Path("german.json").write_text(json.dumps([{"question": german, "answer": german}]))
    done = yukawa(
        "data", "conversations", questions, "german.json", "--out", "set", "--near", "1", "--format", "jsonl",
        "--decontaminate", "asked.jsonl", "--language", "en",
    )  # fmt: skip
    assert "set holds 19 conversations" in done.out
    assert "note: 1 rows with a piece of an evaluation set are left out\n" in done.err
    assert "note: 1 rows in another language (de) are left out\n" in done.err
    assert yukawa("data", "check", "set", "--against", "asked.jsonl", "--json").json["hits"] == []


def test_tokens_are_counted_by_split(yukawa, questions, monkeypatch):
    class Words:
        """Stands for a tokenizer; the real ones are tested beside the counter."""

        def __init__(self, name: str) -> None:
            self.name, self.tokens = name, 0

        def add(self, texts: list[str]) -> None:
            self.tokens += sum(len(text.split()) for text in texts)

        def take(self) -> int:
            tokens, self.tokens = self.tokens, 0
            return tokens

    monkeypatch.setattr("yukawa.data.token_counts.TokenCounter", Words)
    done = yukawa(
        "data", "conversations", questions, "--out", "set", "--near", "1", "--format", "jsonl",
        "--tokenizer", "words",
    )  # fmt: skip
    assert "16 train (208 tokens), 2 validation (26 tokens), 2 test (26 tokens)" in done.out
    done = yukawa("data", "check", "set", "--tokenizer", "words")
    assert done.out.splitlines()[1:] == [
        "train: 208 tokens of words",
        "validation: 26 tokens of words",
        "test: 26 tokens of words",
    ]
    done = yukawa("data", "check", questions, "--tokenizer", "words", "--json")
    assert done.json == {"tokens": {questions: 260}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("conversations", "absent.json", "--out", "x"), "absent.json cannot be read"),
        (("conversations", "questions.json", "--out", "x", "--from", "alpacca"), "did you mean 'alpaca'"),
        (("conversations", "questions.json", "--out", "x", "--split", "80/20"), "such as 80/10/10"),
        (("conversations", "questions.json", "--out", "x", "--near", "0"), "above 0 and up to 1"),
        (("conversations", "questions.json", "--out", "x", "--format", "csv"), "'.csv' is no suffix"),
        (("check", "absent"), "there is no absent (name a data set's folder, or a file)"),
        (("check", "questions.json"), "name an evaluation set with --against"),
        (("check", "questions.json", "--against", "absent.json"), "absent.json cannot be read"),
        (("check", "questions.json", "--against", "questions.json", "--words", "0"), "take one or more"),
    ],
)
def test_what_is_wrong_is_one_line(yukawa, questions, arguments, message):
    assert message in yukawa("data", *arguments).failed(2)
    assert not Path("x").exists()
