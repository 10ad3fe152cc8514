"""Which rows stay out of a data set beside those a method leaves out: other languages, near duplicates, evaluation texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from yukawa.core.files import hash_file
from yukawa.data.decontamination import Decontamination
from yukawa.data.deduplication import DuplicateFilter
from yukawa.data.language_id import LanguageFilter
from yukawa.data.manifest import MANIFEST
from yukawa.data.readers import open_items


class Filter(Protocol):
    """Says of rows which stay; each filter sees what the one before it left."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """Rows by the reason for which they do not stay, complete when the last was judged."""

    @property
    def settings(self) -> dict[str, Any]:
        """What decided, as JSON for the manifest: `filter` names it, `about` is a sentence for people."""

    def keeps(self, rows: Iterable[Any]) -> Iterator[bool]:
        """Say of each row, in order, whether it stays."""


def make_filters(
    *,
    language: str | None = None,
    evaluation: Sequence[Path] = (),
    near_duplicates: float | None = None,
) -> list[Filter]:
    """The filters wanted, those that need least first.

    Args:
        language: the ISO 639 code of the one to keep, such as en.
        evaluation: data sets (their test splits) and files, of which no row may hold a piece.
        near_duplicates: the Jaccard index of word 5-grams from which two texts are one.

    Raises:
        InputError: the language is unknown, an evaluation set cannot be read or holds nothing, or the index is
            not in (0, 1].
        MissingPackage: a language is wanted and py3langid is not installed.
    """
    filters: list[Filter] = []
    if near_duplicates is not None:
        filters.append(DuplicateFilter(near_duplicates))
    if evaluation:
        filters.append(read_evaluation(evaluation))
    if language is not None:
        filters.append(LanguageFilter(language))
    return filters[::-1]


def read_evaluation(paths: Sequence[Path]) -> Decontamination:
    """A filter against the texts of these evaluation sets, which `open_items` reads.

    Raises:
        InputError: one cannot be read, or they hold no items.
    """
    items = chain.from_iterable(open_items(Path(path)) for path in paths)
    return Decontamination(items, sets=[_identity(Path(path)) for path in paths])


def told(filters: Iterable[Filter]) -> list[str]:
    """What the filters did, a line of Markdown each."""
    return [f"* Filter: {one.settings['about']}" for one in filters]


def _identity(path: Path) -> dict[str, str]:
    """Name and hash of an evaluation set; a data set's manifest holds the hashes of its files."""
    return {"name": path.resolve().name, "sha256": hash_file(path / MANIFEST if path.is_dir() else path)}
