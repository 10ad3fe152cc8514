"""Data sets: whole or not at all, equal bytes for equal rows, never over something else, opened again."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from yukawa.core.errors import InputError, StoreError
from yukawa.data import rows as row_module
from yukawa.data.dataset import open_items, open_rows, read_split, write_dataset
from yukawa.data.manifest import CARD, MANIFEST, check_manifest
from yukawa.data.rows import SUFFIXES, Conversation, Document, Preference, Turn, write_rows

ROWS = [Document(id=str(number), text=f"Text {number}.", source="s") for number in range(10)]
SPLITS = {"test": ROWS[8:], "train": ROWS[:8], "validation": []}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_data_set_comes_back(tmp_path: Path, suffix: str):
    folder = tmp_path / "deep" / "set"
    manifest = write_dataset(folder, SPLITS, Document, title="T", made={"seed": 1}, suffix=suffix)
    assert check_manifest(folder) == manifest
    assert [split.name for split in manifest.splits] == ["train", "validation", "test"]
    for name, rows in SPLITS.items():
        assert list(read_split(folder, name, Document)) == rows
    assert {file.name for file in folder.iterdir()} == {
        *(f"{name}{suffix}" for name in SPLITS), MANIFEST, CARD,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, suffix: str):
    for name in ("one", "two"):
        splits = {split: iter(rows) for split, rows in SPLITS.items()}
        write_dataset(tmp_path / name, splits, Document, title="T", made={"seed": 1}, suffix=suffix)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    write_dataset(folder, SPLITS, Document, title="T", made={})
    before = (folder / MANIFEST).read_bytes()
    with pytest.raises(InputError, match="holds files already"):
        write_dataset(folder, SPLITS, Document, title="other", made={})
    assert (folder / MANIFEST).read_bytes() == before
    with pytest.raises(InputError, match="is a file"):
        write_dataset(folder / CARD, SPLITS, Document, title="T", made={})


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("bad")])
def test_a_broken_writing_leaves_nothing(tmp_path: Path, error):
    def rows() -> Iterator[Document]:
        yield from ROWS
        raise error

    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        write_dataset(tmp_path / "set", {"train": ROWS, "test": rows()}, Document, title="T", made={})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*arguments: object) -> int:
        with row_module.report_write_errors(tmp_path / "test.jsonl"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(row_module, "write_jsonl", full)
    with pytest.raises(StoreError, match="the disk is full"):
        write_dataset(tmp_path / "set", SPLITS, Document, title="T", made={}, suffix=".jsonl")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_a_data_set_is_refused_before_anything_is_read(tmp_path: Path):
    def never() -> Iterator[Document]:
        pytest.fail("rows were asked for")
        yield

    for splits, suffix, reason in (
        ({"train": never(), "dev": never()}, ".jsonl", "unknown split 'dev'"),
        ({"train": never()}, ".csv", "unknown suffix of row files '.csv'"),
    ):
        with pytest.raises(InputError, match=reason):
            write_dataset(tmp_path / "set", splits, Document, title="T", made={}, suffix=suffix)
    assert not list(tmp_path.iterdir())


def test_reading_names_what_is_wrong(tmp_path: Path):
    write_dataset(tmp_path / "set", {"train": ROWS}, Document, title="T", made={})
    for folder, split, kind, reason in (
        (tmp_path, "train", Document, "manifest.json cannot be read"),
        (tmp_path / "set", "test", Document, "unknown split 'test'"),
        (tmp_path / "set", "train", Conversation, "holds rows of the kind document, not conversation"),
    ):
        with pytest.raises(InputError, match=reason):
            list(read_split(folder, split, kind))  # type: ignore[type-var]


DOCUMENTS = [Document(id=f"d{i}", text=f"text {i}", source="test") for i in range(3)]
TALKS = [
    Conversation(
        id=f"t{i}",
        messages=(Turn(role="user", content=f"why {i}?"), Turn(role="assistant", content=f"so {i}")),
        source="test",
    )
    for i in range(2)
]
CHOICES = [
    Preference(id="p", prompt=(Turn(role="user", content="why?"),), chosen="so", rejected="no", source="test")
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
    with pytest.raises(InputError, match="is not in a known format"):
        open_rows(tmp_path / "other.json")
