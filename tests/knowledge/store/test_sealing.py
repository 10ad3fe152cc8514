"""No byte of a backup can change, come or go unnoticed; what was never sealed is restored as it was."""

from __future__ import annotations

import gzip
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from yukawa.core.errors import StoreError, YukawaError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store.sealing import check_seal, seal

TEXTS = [f"The mass of the sample {number} is {number + 1}.5 kg, as weighed." for number in range(6)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, closed, with a backup and a compressed export of it."""
    folder = tmp_path_factory.mktemp("sealed")
    with KnowledgeBase.open(folder / "base", embedding="hash") as base:
        for text in TEXTS:
            base.teach(text)
        base.backup(folder / "copy.sqlite")
        base.export(folder / "copy.jsonl.gz")
    return folder


def damaged(data: bytes, draw: random.Random) -> Iterator[bytes]:
    """One flipped bit anywhere and in the last page, bytes appended, bytes cut off."""
    for bit in (
        *draw.sample(range(8 * len(data)), 160),
        *draw.sample(range(8 * len(data) - 2000, 8 * len(data)), 40),
    ):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)
    for header in (24, *range(16 * 8, 100 * 8, 5)):
        flipped = bytearray(data)
        flipped[header // 8] ^= 1 << header % 8
        yield bytes(flipped)
    for size in (1, 4, 100, 4096, 8192):
        yield data + bytes(size)
        yield data + draw.randbytes(size)
        yield data + data[-size:]
        yield data[:-size]
    for size in (*range(1, 160, 9), 112, 113, 125):
        yield data[:-size]


@pytest.mark.parametrize("name", ["copy.sqlite", "copy.jsonl.gz"])
def test_no_damaged_backup_is_restored(folder: Path, tmp_path: Path, name: str) -> None:
    data, file = (folder / name).read_bytes(), tmp_path / name
    for content in damaged(data, random.Random(15)):
        file.write_bytes(content)
        with pytest.raises(YukawaError):
            KnowledgeBase.restore_backup(file, tmp_path / "restored")
        assert not (tmp_path / "restored" / "knowledge.sqlite").exists()
    file.write_bytes(data)
    KnowledgeBase.restore_backup(file, tmp_path / "restored")
    with KnowledgeBase.open(tmp_path / "restored") as base:
        assert sorted(item.text for item in base.list()) == TEXTS
        assert base.verify().clean


def test_a_restored_base_is_not_sealed_and_its_file_is_a_backup_whatever_was_written_since(
    folder: Path, tmp_path: Path
) -> None:
    """Of a base that began as the very file of a backup, too."""
    (tmp_path / "taken").mkdir()
    shutil.copy(folder / "copy.sqlite", tmp_path / "taken" / "knowledge.sqlite")
    KnowledgeBase.restore_backup(folder / "copy.sqlite", tmp_path / "restored")
    for name in ("taken", "restored"):
        with KnowledgeBase.open(tmp_path / name) as base:
            item = base.teach(f"This was taught to what was {name}.")
        KnowledgeBase.restore_backup(tmp_path / name / "knowledge.sqlite", tmp_path / f"{name} again")
        with KnowledgeBase.open(tmp_path / f"{name} again") as again:
            assert again.show(item.id).text == item.text
            assert again.verify().clean
            again.backup(tmp_path / f"{name}.sqlite")
        check_seal(tmp_path / f"{name}.sqlite")


def test_a_compressed_export_is_still_gzip_and_may_be_compressed_by_others(
    folder: Path, tmp_path: Path
) -> None:
    plain = gzip.decompress((folder / "copy.jsonl.gz").read_bytes())
    (tmp_path / "other.jsonl.gz").write_bytes(gzip.compress(plain))
    KnowledgeBase.restore_backup(tmp_path / "other.jsonl.gz", tmp_path / "restored")
    with KnowledgeBase.open(tmp_path / "restored") as base:
        base.export(tmp_path / "plain.jsonl")
    assert (tmp_path / "plain.jsonl").read_bytes() == plain


def test_what_is_neither_a_database_nor_gzip_is_left_alone(tmp_path: Path) -> None:
    for content in (b"", b"{}", b"SQLite"):
        (file := tmp_path / "file").write_bytes(content)
        seal(file)
        assert file.read_bytes() == content
        check_seal(file)
    with pytest.raises(YukawaError, match="cannot be read"):
        check_seal(tmp_path / "none")


def test_the_error_says_which_file_and_what_to_do(folder: Path, tmp_path: Path) -> None:
    (file := tmp_path / "copy.sqlite").write_bytes((folder / "copy.sqlite").read_bytes() + b"\n")
    with pytest.raises(StoreError, match=r"copy\.sqlite is damaged: its bytes .* \(use another backup\)"):
        check_seal(file)
