"""Files of questions become a data set that can be read back, is the same each time, and never half there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.data.conversation_sets import build_conversations
from yukawa.data.conversations import read_conversations
from yukawa.data.dataset import read_split
from yukawa.data.manifest import SPLITS, check_manifest
from yukawa.data.rows import Conversation, Preference
from yukawa.data.splits import questions


def save(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [
        {"question": f"What is number {i}?", "answer": f"It is {i}.", "category": "abc"[i % 3]}
        for i in range(30)
    ]
    rows += [rows[0], {"question": "what is NUMBER 1", "answer": "One."}]
    return save(tmp_path / "numbers.json", rows)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_every_row_is_in_one_split_and_no_question_in_two(file: Path, tmp_path: Path, suffix: str):
    made = build_conversations([file], tmp_path / "set", suffix=suffix)
    assert check_manifest(tmp_path / "set") == made.manifest
    splits = {name: list(read_split(tmp_path / "set", name, Conversation)) for name in SPLITS}
    assert sorted((row for rows in splits.values() for row in rows), key=lambda row: int(row.id[8:])) == [
        row for row in read_conversations(file).rows if row.id != "numbers:31"
    ]
    asked = [{question for row in rows for question in questions(row)} for rows in splits.values()]
    assert sum(map(len, asked)) == len(set().union(*asked)) == 30
    assert made.repeated == 1
    assert made.manifest.made["dropped"] == {"bad": 0, "repeated": 1}
    assert "another: 1 rows" in (tmp_path / "set" / "card.md").read_text()


def test_the_same_files_give_the_same_bytes_and_another_seed_does_not(file: Path, tmp_path: Path):
    contents = []
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        build_conversations([file], tmp_path / name, seed=seed, suffix=".jsonl")
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert contents[0]["test.jsonl"] != contents[2]["test.jsonl"]


def test_preferences_become_a_set_of_preferences(tmp_path: Path):
    rows = [{"prompt": f"Why {i}?", "chosen": "yes", "rejected": "no"} for i in range(10)]
    made = build_conversations([save(tmp_path / "p.json", rows)], tmp_path / "set", suffix=".jsonl")
    assert made.manifest.kind == "preference"
    assert {row.id for name in SPLITS for row in read_split(tmp_path / "set", name, Preference)} == {
        f"p:{i}" for i in range(1, 11)
    }


def test_what_cannot_become_a_set_leaves_nothing(file: Path, tmp_path: Path):
    choice = save(tmp_path / "p.json", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    bad = save(tmp_path / "bad.json", [{"question": "a", "answer": ""}])
    twin = save(
        (tmp_path / "twin").with_suffix(".json"), [{"id": "numbers:1", "question": "a?", "answer": "b"}]
    )
    for files, options, message in (
        ([file, choice], {}, "some files hold preferences"),
        ([bad], {}, "row 1: the text of the assistant is empty"),
        ([bad], {"drop_bad": True}, "omit --drop-bad to see"),
        ([file, twin], {}, "both have a row with the id 'numbers:1'"),
        ([file], {"shares": {"train": 2.0}}, "share of train from 0 to 1, got 2"),
        ([file], {"suffix": ".csv"}, "unknown suffix of row files '.csv'"),
        ([tmp_path / "absent.json"], {}, "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            build_conversations(files, tmp_path / "set", **options)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "bad.json",
            "numbers.json",
            "p.json",
            "twin.json",
        ]
    with pytest.raises(InputError, match="holds files already"):
        build_conversations([file], tmp_path)
