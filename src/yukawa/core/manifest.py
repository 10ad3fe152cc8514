"""The manifest of a data set: written beside its files, read back, and the files held against it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from yukawa.core.errors import InputError
from yukawa.core.files import atomic_write, hash_file

MANIFEST = "manifest.json"
SPLITS = ("train", "validation", "test")


class Record(BaseModel):
    """A frozen table of known fields, such as a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(Record):
    """One file of a data set as it was written.

    Attributes:
        size: bytes.
        sha256: of the file's content, in hexadecimal.
    """

    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


Kind = TypeVar("Kind", bound=Record)


def write_record(folder: Path, manifest: Record) -> None:
    """Write `manifest.json` into `folder`, whole or not at all; the files it tells of must be there already.

    Raises:
        StoreError: the disk refuses.
    """
    atomic_write(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def read_record(folder: Path, kind: type[Kind]) -> Kind:
    """The manifest of the data set in `folder`.

    Raises:
        InputError: there is none, or it is damaged; the message names the first field that is wrong.
    """
    path = Path(folder) / MANIFEST
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is damaged: {f'{place}: ' if place else ''}{first['msg']}") from None


def check_size(file: Path, record: FileRecord, hint: str) -> None:
    """Hold a file's size against its record.

    Args:
        hint: what to do where they differ.

    Raises:
        InputError: the file is missing or has another size.
    """
    try:
        size = file.stat().st_size
    except OSError as error:
        raise InputError(
            f"{file}, which the manifest lists, cannot be read: {error.strerror}", hint=hint
        ) from None
    if size != record.size:
        raise InputError(f"{file} has {size} bytes, the manifest says {record.size}", hint=hint)


def check_hash(file: Path, record: FileRecord, hint: str) -> None:
    """Hold a file's content against its record.

    Raises:
        InputError: the file cannot be read or has another content.
    """
    if hash_file(file) != record.sha256:
        raise InputError(f"{file} has another SHA-256 than the manifest says", hint=hint)
