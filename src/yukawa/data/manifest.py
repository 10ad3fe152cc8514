"""What a data set of rows holds and how it was made: counted, recorded, compared later, described in a card."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from yukawa.core.errors import InputError, require, unknown_name
from yukawa.core.manifest import MANIFEST, SPLITS, FileRecord, Manifest, file_facts
from yukawa.core.reports import markdown_table
from yukawa.data.rows import AnyRow, Conversation, Document, Row, texts_of

__all__ = [
    "CARD", "MANIFEST", "SPLITS", "DatasetManifest", "RowCounter", "SplitRecord", "TokenCounter", "check_manifest",
    "render_card",
]  # fmt: skip
CARD = "card.md"
UNKNOWN = "unknown"  # how a row without licence or category is counted
_BATCH = 1 << 18  # characters that wait to be counted together
_SHOWN = 30  # categories on a card; the manifest has all


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


class TokenCounter:
    """Adds up the tokens of texts, without those that mark where a text begins and ends.

    Args:
        name: a tokenizer's folder, or its name on the Hugging Face Hub.

    Attributes:
        name: as it is recorded: of a folder without the folders above it.

    Raises:
        InputError: the tokenizer does not exist, or cannot be reached or loaded.
        MissingPackage: transformers is not installed.
    """

    def __init__(self, name: str | Path) -> None:
        self._tokenizer = _load(str(name))
        folder = Path(name).expanduser()
        self.name = folder.resolve().name if folder.is_dir() else str(name)
        self._waiting: list[str] = []
        self._characters = self._tokens = 0

    def add(self, texts: Iterable[str]) -> None:
        """Count more texts."""
        for text in texts:
            if text:  # some tokenizers put a space before even an empty text
                self._waiting.append(text)
                self._characters += len(text)
        if self._characters > _BATCH:
            self._count()

    def take(self) -> int:
        """The number of tokens since the last call."""
        self._count()
        tokens, self._tokens = self._tokens, 0
        return tokens

    def _count(self) -> None:
        if self._waiting:
            found = self._tokenizer(self._waiting, add_special_tokens=False, verbose=False)["input_ids"]
            self._tokens += sum(map(len, found))
        self._waiting.clear()
        self._characters = 0


class RowCounter:
    """Counts rows as they pass, and their tokens if it has a `TokenCounter`."""

    def __init__(self, tokens: TokenCounter | None = None) -> None:
        self.rows = self.characters = 0
        self._tokens = tokens
        self._values: dict[str, Counter[str]] = {
            name: Counter() for name in ("sources", "licences", "categories")
        }

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Count the rows as they pass."""
        for row in rows:
            texts = texts_of(row)
            self.rows += 1
            self.characters += sum(map(len, texts))
            if self._tokens is not None:
                self._tokens.add(texts)
            self._values["sources"][row.source] += 1
            self._values["licences"][row.licence or UNKNOWN] += 1
            self._values["categories"][_category(row)] += 1
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
            tokens=None if self._tokens is None else self._tokens.take(),
            **self._sorted_values(),
            **file_facts(file.parent, file.name),
        )

    def _sorted_values(self) -> dict[str, Any]:
        return {field: dict(sorted(counts.items())) for field, counts in self._values.items()}


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


def _category(row: AnyRow) -> str:
    if isinstance(row, Document):
        return row.categories[0] if row.categories else UNKNOWN
    return (row.category if isinstance(row, Conversation) else None) or UNKNOWN


def _load(name: str) -> Any:
    hint = "name the folder of a Hugging Face tokenizer, or one on the Hub, which needs the network"
    path = Path(name).expanduser()
    if name.startswith((".", "/", "~")) and not path.is_dir():
        raise InputError(f"the tokenizer {name!r} is not a folder", hint=hint)
    transformers = require("transformers", "counting tokens")
    try:
        return transformers.AutoTokenizer.from_pretrained(path if path.is_dir() else _fetched(name))
    except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"the tokenizer {name!r} cannot be loaded: {reason}", hint=hint) from None


def _fetched(name: str) -> str:
    """The folder of a copy of what the Hub has; transformers itself would ask for each file for half a minute."""
    hub = require("huggingface_hub", "counting tokens")
    folder: str = hub.snapshot_download(name, allow_patterns=["*.json", "*.model", "*.txt", "*.jinja"])
    return folder


def render_card(manifest: DatasetManifest, sections: Iterable[tuple[str, str]] = ()) -> str:
    """The text of `card.md`.

    Args:
        sections: pairs of heading and Markdown that say how the data set was made.
    """
    category = "primary category" if manifest.kind == "document" else "category"
    sources = "\n\n".join(_rows_by(field, manifest) for field in ("sources", "licences"))
    parts = [
        f"# {manifest.title}",
        _split_table(manifest),
        *(f"## {heading}\n\n{text.strip()}" for heading, text in sections),
        f"## Categories\n\nRows by {category}.\n\n{_rows_by('categories', manifest)}",
        f"## Sources and licences\n\n{sources}",
    ]
    return "\n\n".join(parts) + "\n"


def _split_table(manifest: DatasetManifest) -> str:
    counted = manifest.tokenizer is not None
    head = ["split", "file", "rows", "characters", *["tokens"] * counted, "SHA-256"]
    rows = [
        [one.name, f"`{one.path}`", f"{one.rows:,}", f"{one.characters:,}", *[f"{one.tokens or 0:,}"] * counted,
         f"`{one.sha256[:16]}…`"]
        for one in manifest.splits
    ]  # fmt: skip
    note = f"\n\nTokens of the texts alone, counted with the tokenizer `{manifest.tokenizer}`."
    return markdown_table(head, rows) + note * counted


def _rows_by(field: str, manifest: DatasetManifest) -> str:
    """A table of the number of rows by the values of one field, most frequent first."""
    counts = [Counter(getattr(split, field)) for split in manifest.splits]
    total = sum(counts, Counter[str]())
    ranked = sorted(total, key=lambda value: (-total[value], value))
    rows = [[value, *(f"{count[value]:,}" for count in counts)] for value in ranked[:_SHOWN]]
    if len(ranked) > _SHOWN:
        rows.append([f"{len(ranked) - _SHOWN} more, see the manifest", *[""] * len(counts)])
    return markdown_table([field, *(split.name for split in manifest.splits)], rows)
