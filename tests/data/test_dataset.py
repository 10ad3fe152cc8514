"""Data sets: whole or not at all, the same bytes for the same rows, and never over something else."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from yukawa.core.errors import InputError, StoreError
from yukawa.data import row_files
from yukawa.data.data_card import CARD
from yukawa.data.dataset import read_split, write_dataset
from yukawa.data.manifest import MANIFEST, check_manifest
from yukawa.data.row_files import SUFFIXES
from yukawa.data.rows import Conversation, Document

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
        with row_files.report_write_errors(tmp_path / "test.jsonl"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(row_files, "write_jsonl", full)
    with pytest.raises(StoreError, match="the disk is full"):
        write_dataset(tmp_path / "set", SPLITS, Document, title="T", made={}, suffix=".jsonl")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_a_data_set_is_refused_before_anything_is_read(tmp_path: Path):
    def never() -> Iterator[Document]:
        pytest.fail("rows were asked for")
        yield

    for splits, suffix, reason in (
        ({"train": never(), "dev": never()}, ".jsonl", "no split 'dev'"),
        ({"train": never()}, ".csv", "'.csv' is no suffix"),
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
