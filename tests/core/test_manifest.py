"""A manifest comes back as written, says in one line what is damaged, and notices files that were changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.core.manifest import MANIFEST, FileRecord, Manifest, file_facts


class Listing(Manifest):
    name: str
    files: tuple[FileRecord, ...] = ()


def record_of(file: Path) -> FileRecord:
    return FileRecord(**file_facts(file.parent, file.name))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.bin"
    path.write_bytes(b"content")
    return path


def test_a_manifest_comes_back_and_is_the_same_bytes_again(tmp_path: Path, file: Path):
    listing = Listing(versions={"yukawa": "1"}, name="µ", files=(record_of(file),))
    listing.write(tmp_path)
    before = (tmp_path / MANIFEST).read_bytes()
    assert Listing.read(tmp_path) == listing
    Listing.read(tmp_path).write(tmp_path)
    assert (tmp_path / MANIFEST).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not valid JSON"),
        ('{"versions": {}, "name": 1}', "is damaged: name = 1: expected a text"),
        ('{"versions": {}, "name": "a", "colour": 2}', "is damaged: unknown key colour"),
        (
            '{"versions": {}, "name": "a", "files": [{"path": "x", "size": -1, "sha256": ""}]}',
            r"files\.0\.size",
        ),
        (
            '{"versions": {}, "name": "a", "files": [{"path": "x", "size": 1, "sha256": "A"}]}',
            r"files\.0\.sha256",
        ),
        ('{"versions": {}, "name": "a", "files": [{"path": "../x", "size": 1, "sha256": ""}]}', "lie inside"),
        ('{"versions": {}, "name": "a", "files": [{"path": "/x", "size": 1, "sha256": ""}]}', "lie inside"),
    ],
)
def test_damage_is_one_line(tmp_path: Path, text: str, reason: str):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        Listing.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_manifest_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"is not a data set: manifest\.json is missing"):
        Listing.read(tmp_path)


def test_files_are_compared_with_their_record(file: Path):
    record, folder = record_of(file), file.parent
    record.check_size(folder)
    record.check_hash(folder)
    file.write_bytes(b"CONTENT")
    record.check_size(folder)
    with pytest.raises(
        InputError, match=r"another SHA-256 than the manifest says \(the data set was changed"
    ):
        record.check_hash(folder)
    file.write_bytes(b"more content")
    with pytest.raises(InputError, match=r"has 12 bytes, the manifest says 7 \(the data set was changed"):
        record.check_size(folder)
    file.unlink()
    with pytest.raises(InputError, match="which the manifest lists, cannot be read: No such file"):
        record.check_size(folder)
