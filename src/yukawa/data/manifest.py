"""What a data set of rows holds and how it was made: written beside its files, checked against them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, Literal

from pydantic import Field, field_validator

from yukawa.core.errors import InputError
from yukawa.core.files import hash_file
from yukawa.core.manifest import (
    MANIFEST,
    SPLITS,
    FileRecord,
    Record,
    check_hash,
    check_size,
    read_record,
    write_record,
)
from yukawa.data.rows import Conversation, Document, Preference, Row, texts_of
from yukawa.data.token_counts import TokenCounter

__all__ = [
    "MANIFEST",
    "SPLITS",
    "Manifest",
    "Split",
    "Tally",
    "check_manifest",
    "read_manifest",
    "write_manifest",
]
UNKNOWN = "unknown"  # how a row without licence or category is counted
_HINT = "the data set was changed after it was made: make it again"


class Split(FileRecord):
    """One file of a data set.

    Attributes:
        name: train, validation or test.
        path: the file, within the data set's folder.
        rows: how many it holds.
        characters: of all texts, titles left out.
        tokens: of the same texts, without those that a template or the start and end of a text add; None if not
            counted.
        sources, licences, categories: rows by each; of a document the primary category counts.
    """

    name: Literal["train", "validation", "test"]
    path: str
    rows: int = Field(ge=0)
    characters: int = Field(ge=0)
    tokens: int | None = Field(default=None, ge=0)
    sources: dict[str, int]
    licences: dict[str, int]
    categories: dict[str, int]

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if PurePath(path).name != path or "\\" in path:
            raise ValueError("the path of a split must be a plain file name")
        return path


class Manifest(Record):
    """The splits of a data set, and how they were made.

    Attributes:
        kind: of rows: document, conversation or preference.
        title: one line.
        made: everything that decided the rows: inputs with their hashes, method, seed, what was dropped and why.
        versions: of each package that shaped the rows.
        tokenizer: the one that counted the tokens of the splits; None if they were not counted.
        splits: the files.
    """

    kind: Literal["document", "conversation", "preference"]
    title: str
    made: dict[str, Any]
    versions: dict[str, str]
    tokenizer: str | None = None
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
    """Counts rows as they pass, and their tokens if it has a counter."""

    def __init__(self, counter: TokenCounter | None = None) -> None:
        self.rows = self.characters = 0
        self._counter = counter
        self._sources: Counter[str] = Counter()
        self._licences: Counter[str] = Counter()
        self._categories: Counter[str] = Counter()

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Give the rows on, counted."""
        for row in rows:
            texts = texts_of(row)
            self.rows += 1
            self.characters += sum(map(len, texts))
            if self._counter is not None:
                self._counter.add(texts)
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
            tokens=None if self._counter is None else self._counter.take(),
            sources=dict(sorted(self._sources.items())),
            licences=dict(sorted(self._licences.items())),
            categories=dict(sorted(self._categories.items())),
            size=file.stat().st_size,
            sha256=hash_file(file),
        )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into `folder`, as `write_record` does."""
    write_record(folder, manifest)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the data set in `folder`, as `read_record` reads it."""
    return read_record(folder, Manifest)


def check_manifest(folder: Path) -> Manifest:
    """Hold every file of a data set against its manifest by size and hash.

    Raises:
        InputError: names the first file that is missing or differs, and what differs.
    """
    manifest = read_manifest(folder)
    for split in manifest.splits:
        file = Path(folder) / split.path
        check_size(file, split, _HINT)
        check_hash(file, split, _HINT)
    return manifest


def _category(row: Document | Conversation | Preference) -> str:
    if isinstance(row, Document):
        return row.categories[0] if row.categories else UNKNOWN
    return (row.category if isinstance(row, Conversation) else None) or UNKNOWN
