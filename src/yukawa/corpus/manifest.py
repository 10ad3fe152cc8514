"""What a data set of rows holds and how it was made: written beside its files, checked against them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from yukawa.corpus.rows import Conversation, Document, Preference, Row
from yukawa.errors import InputError
from yukawa.files import atomic_write, hash_file

MANIFEST = "manifest.json"
SPLITS = ("train", "validation", "test")
UNKNOWN = "unknown"  # how a row without licence or category is counted
_HINT = "the data set was changed after it was made: make it again"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Split(_Record):
    """One file of a data set.

    Attributes:
        name: train, validation or test.
        path: the file, within the data set's folder.
        rows: how many it holds.
        characters: of all texts, titles left out.
        sources, licences, categories: rows by each; of a document the primary category counts.
        size: bytes.
        sha256: of the file's content, in hexadecimal.
    """

    name: Literal["train", "validation", "test"]
    path: str
    rows: int = Field(ge=0)
    characters: int = Field(ge=0)
    sources: dict[str, int]
    licences: dict[str, int]
    categories: dict[str, int]
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if PurePath(path).name != path or "\\" in path:
            raise ValueError("the path of a split must be a plain file name")
        return path


class Manifest(_Record):
    """The splits of a data set, and how they were made.

    Attributes:
        kind: of rows: document, conversation or preference.
        title: one line.
        made: everything that decided the rows: inputs with their hashes, method, seed, what was dropped and why.
        versions: of each package that shaped the rows.
        splits: the files.
    """

    kind: Literal["document", "conversation", "preference"]
    title: str
    made: dict[str, Any]
    versions: dict[str, str]
    splits: tuple[Split, ...]

    @property
    def rows(self) -> int:
        """How many rows the data set holds."""
        return sum(split.rows for split in self.splits)

    def split(self, name: str) -> Split:
        """The split of this name.

        Raises:
            InputError: there is none.
        """
        for split in self.splits:
            if split.name == name:
                return split
        names = ", ".join(split.name for split in self.splits)
        raise InputError(f"there is no split {name!r}", hint=f"there are: {names}")


class Tally:
    """Counts rows as they pass."""

    def __init__(self) -> None:
        self.rows = self.characters = 0
        self._sources: Counter[str] = Counter()
        self._licences: Counter[str] = Counter()
        self._categories: Counter[str] = Counter()

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Give the rows on, counted."""
        for row in rows:
            self.rows += 1
            self.characters += _characters(row)
            self._sources[row.source] += 1
            self._licences[row.licence or UNKNOWN] += 1
            self._categories[_category(row)] += 1
            yield row

    def split(self, name: str, file: Path) -> Split:
        """The record of the finished `file`.

        Raises:
            InputError: the file cannot be read.
        """
        return Split(
            name=name,  # type: ignore[arg-type]  # checked by the model
            path=file.name,
            rows=self.rows,
            characters=self.characters,
            sources=dict(sorted(self._sources.items())),
            licences=dict(sorted(self._licences.items())),
            categories=dict(sorted(self._categories.items())),
            size=file.stat().st_size,
            sha256=hash_file(file),
        )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into `folder`, whole or not at all.

    Raises:
        StoreError: the disk refuses.
    """
    atomic_write(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the data set in `folder`.

    Raises:
        InputError: there is none, or it is damaged; the message names the first field that is wrong.
    """
    path = Path(folder) / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is damaged: {f'{place}: ' if place else ''}{first['msg']}") from None


def check_manifest(folder: Path) -> Manifest:
    """Hold every file of a data set against its manifest by size and hash.

    Raises:
        InputError: names the first file that is missing or differs, and what differs.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    for split in manifest.splits:
        file = folder / split.path
        try:
            size = file.stat().st_size
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}", hint=_HINT) from None
        if size != split.size:
            raise InputError(f"{file} has {size} bytes, the manifest says {split.size}", hint=_HINT)
        if hash_file(file) != split.sha256:
            raise InputError(f"{file} has another SHA-256 than the manifest says", hint=_HINT)
    return manifest


def _characters(row: Document | Conversation | Preference) -> int:
    if isinstance(row, Document):
        return len(row.text)
    if isinstance(row, Conversation):
        return sum(len(message.content) for message in row.messages)
    return sum(len(message.content) for message in row.prompt) + len(row.chosen) + len(row.rejected)


def _category(row: Document | Conversation | Preference) -> str:
    if isinstance(row, Document):
        return row.categories[0] if row.categories else UNKNOWN
    return (row.category if isinstance(row, Conversation) else None) or UNKNOWN
