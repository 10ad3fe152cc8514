"""A manifest comes back as written, says in one line what is damaged, and notices files that were changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.core.files import hash_file
from yukawa.core.manifest import (
    MANIFEST,
    FileRecord,
    Record,
    check_hash,
    check_size,
    read_record,
    write_record,
)


class Listing(Record):
    name: str
    files: tuple[FileRecord, ...] = ()


def record_of(file: Path) -> FileRecord:
    return FileRecord(size=file.stat().st_size, sha256=hash_file(file))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.bin"
    path.write_bytes(b"content")
    return path


def test_a_record_comes_back_and_is_the_same_bytes_again(tmp_path: Path, file: Path):
    listing = Listing(name="µ", files=(record_of(file),))
    write_record(tmp_path, listing)
    before = (tmp_path / MANIFEST).read_bytes()
    assert read_record(tmp_path, Listing) == listing
    write_record(tmp_path, read_record(tmp_path, Listing))
    assert (tmp_path / MANIFEST).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is damaged: Invalid JSON"),
        ('{"name": 1}', "is damaged: name: Input should be a valid string"),
        ('{"name": "a", "colour": 2}', "is damaged: colour: Extra inputs"),
        ('{"name": "a", "files": [{"size": -1, "sha256": ""}]}', r"files\.0\.size"),
        ('{"name": "a", "files": [{"size": 1, "sha256": "A"}]}', r"files\.0\.sha256"),
    ],
)
def test_damage_is_one_line(tmp_path: Path, text: str, reason: str):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        read_record(tmp_path, Listing)
    assert "\n" not in str(caught.value)


def test_no_manifest_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"manifest\.json cannot be read: No such file"):
        read_record(tmp_path, Listing)


def test_files_are_held_against_their_record(file: Path):
    record = record_of(file)
    check_size(file, record, "make it again")
    check_hash(file, record, "make it again")
    file.write_bytes(b"CONTENT")
    check_size(file, record, "make it again")
    with pytest.raises(InputError, match=r"another SHA-256 than the manifest says \(make it again\)"):
        check_hash(file, record, "make it again")
    file.write_bytes(b"more content")
    with pytest.raises(InputError, match=r"has 12 bytes, the manifest says 7 \(make it again\)"):
        check_size(file, record, "make it again")
    file.unlink()
    with pytest.raises(InputError, match="which the manifest lists, cannot be read: No such file"):
        check_size(file, record, "make it again")
