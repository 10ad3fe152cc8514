"""Rows and questions are found in folders and files of every kind; what is none of them is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.data.dataset import write_dataset
from yukawa.data.readers import open_items, open_rows
from yukawa.data.row_files import write_rows
from yukawa.data.rows import Conversation, Document, Message, Preference

DOCUMENTS = [Document(id=f"d{i}", text=f"text {i}", source="test") for i in range(3)]
TALKS = [
    Conversation(
        id=f"t{i}",
        messages=(Message(role="user", content=f"why {i}?"), Message(role="assistant", content=f"so {i}")),
        source="test",
    )
    for i in range(2)
]
CHOICES = [
    Preference(
        id="p", prompt=(Message(role="user", content="why?"),), chosen="so", rejected="no", source="test"
    )
]
KINDS = [(Document, DOCUMENTS), (Conversation, TALKS), (Preference, CHOICES)]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize(("kind", "rows"), KINDS)
def test_rows_come_back_from_files(tmp_path: Path, kind, rows, suffix: str):
    path = tmp_path / f"rows{suffix}"
    write_rows(path, rows, kind)
    assert list(open_rows(path)) == rows
    assert [item.text for item in open_items(path)]


@pytest.mark.parametrize(("kind", "rows"), KINDS)
def test_rows_come_back_from_data_sets(tmp_path: Path, kind, rows):
    write_dataset(
        tmp_path / "set", {"train": rows[1:], "test": rows[:1]}, kind, title="t", made={}, suffix=".jsonl"
    )
    assert list(open_rows(tmp_path / "set")) == [*rows[1:], *rows[:1]]
    assert list(open_rows(tmp_path / "set", "train")) == rows[1:]
    assert {item.id for item in open_items(tmp_path / "set")} == {rows[0].id}  # the test split alone
    write_dataset(tmp_path / "all", {"train": rows}, kind, title="t", made={}, suffix=".jsonl")
    assert {item.id for item in open_items(tmp_path / "all")} == {row.id for row in rows}
    with pytest.raises(InputError, match="unknown split 'test'"):
        open_rows(tmp_path / "all", "test")


@pytest.mark.parametrize(
    ("row", "items"),
    [
        ({"question": "Why?", "answer": "So."}, [("set:1", "Why?", True), ("set:1", "So.", False)]),
        ({"question": "Why?"}, [("set.json:1", "Why?", True)]),
        (
            {"question_id": 81, "turns": ["Why?", "And then?"]},
            [("81", "Why?", True), ("81", "And then?", True)],
        ),
        ({"id": "a", "prompt": "Why?"}, [("a", "Why?", True)]),
    ],
)
def test_files_of_questions(tmp_path: Path, row: dict[str, object], items: list[tuple[str, str, bool]]):
    path = tmp_path / "set.json"
    path.write_text(json.dumps([row]))
    assert [(item.id, item.text, item.question) for item in open_items(path)] == items


def test_what_is_no_set(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.json").write_text('[{"title": "x"}]')
    (tmp_path / "mixed.json").write_text('[{"question": "x"}, {"question": 3}]')
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "broken.parquet").write_text("x")
    for name, message in {
        "folder": "manifest.json cannot be read",
        "other.json": "have none of the fields text, messages, turns",
        "mixed.json": "row 2 holds no question",
        "empty.json": "holds no rows",
        "broken.parquet": "cannot be read as Parquet: it is damaged",
        "absent.parquet": "cannot be read as Parquet: No such file",
        "absent.json": "cannot be read",
    }.items():
        with pytest.raises(InputError, match=message):
            list(open_items(tmp_path / name))
    with pytest.raises(InputError, match="is in no format known"):
        open_rows(tmp_path / "other.json")
