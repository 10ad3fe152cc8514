"""What a data set of rows holds and how it was made: written beside its files, compared with them later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from yukawa.core.errors import unknown_name
from yukawa.core.manifest import MANIFEST, SPLITS, FileRecord, Manifest, file_facts
from yukawa.data.rows import Conversation, Document, Preference, Row, texts_of
from yukawa.data.token_counts import TokenCounter

__all__ = ["MANIFEST", "SPLITS", "DatasetManifest", "RowCounter", "SplitRecord", "check_manifest"]
UNKNOWN = "unknown"  # how a row without licence or category is counted


class SplitRecord(FileRecord):
    """One split of a data set, which is one file.

    Attributes:
        name: train, validation or test.
        rows: number of rows.
        characters: number of characters of all texts, titles excluded.
        tokens: number of tokens of the same texts, without those that a template or the start and end of a text
            add; None if they were not counted.
        sources, licences, categories: number of rows by each; a document counts for its primary category.
    """

    name: Literal["train", "validation", "test"]
    rows: int = Field(ge=0)
    characters: int = Field(ge=0)
    tokens: int | None = Field(default=None, ge=0)
    sources: dict[str, int]
    licences: dict[str, int]
    categories: dict[str, int]


class DatasetManifest(Manifest):
    """The splits of a data set, and how they were made.

    Attributes:
        kind: kind of the rows: document, conversation or preference.
        title: one line.
        made: everything that decided the rows: inputs with their hashes, method, seed, what was dropped and why.
        tokenizer: the tokenizer that counted the tokens of the splits; None if they were not counted.
        splits: the files.
    """

    kind: Literal["document", "conversation", "preference"]
    title: str
    made: dict[str, Any]
    tokenizer: str | None = None
    splits: tuple[SplitRecord, ...]

    @property
    def rows(self) -> int:
        """How many rows the data set holds."""
        return sum(split.rows for split in self.splits)

    def split(self, name: str) -> SplitRecord:
        """The split of this name.

        Raises:
            InputError: the data set has no such split.
        """
        for split in self.splits:
            if split.name == name:
                return split
        raise unknown_name("split", name, [split.name for split in self.splits])


class RowCounter:
    """Counts rows as they pass, and their tokens if it has a counter."""

    def __init__(self, counter: TokenCounter | None = None) -> None:
        self.rows = self.characters = 0
        self._counter = counter
        self._sources: Counter[str] = Counter()
        self._licences: Counter[str] = Counter()
        self._categories: Counter[str] = Counter()

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Count the rows as they pass."""
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

    def record(self, name: str, file: Path) -> SplitRecord:
        """The record of the finished `file`.

        Raises:
            InputError: the file cannot be read.
        """
        return SplitRecord(
            name=name,  # type: ignore[arg-type]  # checked by the model
            rows=self.rows,
            characters=self.characters,
            tokens=None if self._counter is None else self._counter.take(),
            sources=dict(sorted(self._sources.items())),
            licences=dict(sorted(self._licences.items())),
            categories=dict(sorted(self._categories.items())),
            **file_facts(file.parent, file.name),
        )


def check_manifest(folder: Path) -> DatasetManifest:
    """Compare every file of a data set with its manifest by size and hash.

    Raises:
        InputError: names the first file that is missing or differs, and what differs.
    """
    manifest = DatasetManifest.read(folder)
    for split in manifest.splits:
        split.check_size(folder)
        split.check_hash(folder)
    return manifest


def _category(row: Document | Conversation | Preference) -> str:
    if isinstance(row, Document):
        return row.categories[0] if row.categories else UNKNOWN
    return (row.category if isinstance(row, Conversation) else None) or UNKNOWN
