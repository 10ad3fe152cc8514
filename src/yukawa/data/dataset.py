"""A data set is a folder of splits with manifest and card, written whole or not at all, and opened again."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from yukawa import __version__
from yukawa.core.errors import InputError, MissingPackage, ModelError, check_installed, check_name, require
from yukawa.core.files import atomic_write, expanded, new_folder, real
from yukawa.core.manifest import SPLITS, FileRecord, Manifest, file_facts
from yukawa.core.reports import markdown_table
from yukawa.data.conversations import FORMATS, read_conversations, read_objects, read_preferences
from yukawa.data.decontamination import EvaluationText, evaluation_items
from yukawa.data.rows import (
    SUFFIXES,
    AnyRow,
    Conversation,
    Document,
    Preference,
    Row,
    RowKind,
    read_rows,
    read_schema,
    texts_of,
    write_rows,
)

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
        splits = {split.name: split for split in self.splits}
        check_name("split", name, splits)
        return splits[name]  # type: ignore[index]  # it is one of them


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
        folder = expanded(name)
        self.name = real(folder).name if folder.is_dir() else str(name)
        self._waiting: list[str] = []
        self._characters = self._tokens = 0

    def add(self, texts: Iterable[str]) -> None:
        """Count more texts."""
        given = [text for text in texts if text]  # some tokenizers put a space before even an empty text
        self._waiting += given
        self._characters += sum(map(len, given))
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
        facts = {
            "name": name,
            "rows": self.rows,
            "characters": self.characters,
            "tokens": None if self._tokens is None else self._tokens.take(),
        }
        facts |= {field: dict(sorted(counts.items())) for field, counts in self._values.items()}
        return SplitRecord.model_validate(facts | file_facts(file.parent, file.name))


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
    check_installed("transformers", "counting tokens")
    from yukawa.llm import folders, loading

    try:
        return loading.load_tokenizer(folders.fetch_tokenizer(name))
    except MissingPackage:
        raise
    except (InputError, ModelError) as error:
        raise InputError(
            f"the tokenizer {name!r} cannot be loaded: {error.message}",
            hint="name the folder of a Hugging Face tokenizer, or one on the Hub, which needs the network",
        ) from None


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


_KINDS: dict[str, RowKind] = {"document": Document, "conversation": Conversation, "preference": Preference}
# Fields of rows that hold questions and no answers, such as those of MT-bench.
_QUESTIONS = ("turns", "question", "prompt", "instruction")


def write_dataset(
    folder: Path,
    splits: Mapping[str, Iterable[Row]],
    kind: type[Row],
    *,
    title: str,
    made: Mapping[str, Any],
    suffix: str = ".parquet",
    versions: Mapping[str, str] | None = None,
    sections: Sequence[tuple[str, str]] = (),
    counter: TokenCounter | None = None,
    beside: Callable[[DatasetManifest, Path], None] | None = None,
) -> DatasetManifest:
    """Write splits (train, validation, test), `manifest.json` and `card.md` into a new folder.

    Equal rows, made in the same way, give equal bytes.

    Args:
        made: everything that decided the rows, as JSON.
        suffix: one of `yukawa.data.rows.SUFFIXES`.
        versions: versions of the packages that shaped the rows, beside Yukawa's own.
        sections: headings and Markdown for the card.
        counter: counts the tokens for manifest and card.
        beside: writes further files into the folder, which is there with all of them or not at all.

    Raises:
        InputError: the folder holds files already, a split or the suffix is unknown, a row is of another kind.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: the format is Parquet and pyarrow is not installed.
    """
    for name in splits:
        check_name("split", name, SPLITS)
    check_suffix(suffix)
    records = []
    with new_folder(folder) as place:
        for name in (name for name in SPLITS if name in splits):
            counted, file = RowCounter(counter), place / f"{name}{suffix}"
            write_rows(file, counted.watch(splits[name]), kind)
            records.append(counted.record(name, file))
        manifest = DatasetManifest(
            kind=kind.__name__.lower(),  # type: ignore[arg-type]  # checked by the model
            title=title,
            made=dict(made),
            versions={"yukawa": __version__} | dict(versions or {}),
            tokenizer=None if counter is None else counter.name,
            splits=tuple(records),
        )
        manifest.write(place)
        atomic_write(place / CARD, render_card(manifest, sections))
        if beside is not None:
            beside(manifest, place)
    return manifest


def check_suffix(suffix: str) -> None:
    """Refuse a format in which rows cannot be written, before work is spent on it.

    Raises:
        InputError: the suffix is not one of `SUFFIXES`.
        MissingPackage: it is that of Parquet and pyarrow is not installed.
    """
    check_name("suffix of row files", suffix, SUFFIXES)
    if suffix == ".parquet":
        require("pyarrow", "writing Parquet files")


def read_split(folder: Path, split: str, kind: type[Row]) -> Iterator[Row]:
    """Yield the rows of one split of a data set one by one.

    Raises:
        InputError: the data set or the split does not exist, or its rows are of another kind or damaged.
    """
    manifest = DatasetManifest.read(folder)
    if manifest.kind != kind.__name__.lower():
        raise InputError(f"{folder} holds rows of the kind {manifest.kind}, not {kind.__name__.lower()}")
    yield from read_rows(Path(folder) / manifest.split(split).path, kind)


def open_rows(path: Path, split: str | None = None) -> Iterator[Any]:
    """Yield the rows of a data set's folder, of a Parquet or JSON Lines file of rows, or of a file of questions.

    Args:
        split: the split of a data set; None gives all splits in turn. A file is read whole.

    Raises:
        InputError: at once if `path` holds nothing of the kind; later at a row that is damaged.
    """
    path = Path(path)
    if path.is_dir():
        manifest = DatasetManifest.read(path)
        names = [manifest.split(split).name] if split else [one.name for one in manifest.splits]
        kind: Any = _KINDS[manifest.kind]
        return chain.from_iterable(read_split(path, name, kind) for name in names)
    fields = _fields(path)
    if "text" in fields:
        return read_rows(path, Document)
    if path.suffix == ".parquet":
        kind = Preference if "chosen" in fields else Conversation
        return read_rows(path, kind)
    if set(FORMATS["preference"]) <= fields:
        return iter(read_preferences(path).rows)
    return iter(read_conversations(path).rows)


def open_items(path: Path) -> Iterator[EvaluationText]:
    """Yield the texts of an evaluation set: the test split of a data set (all splits if it has none), or a file.

    Beside what `open_rows` reads, a file may hold questions without answers: rows with `question`, `prompt` or
    `instruction`, or with a list of `turns` as in MT-bench, and an `id` or `question_id`.

    Raises:
        InputError: as for `open_rows`; a question that is not a text is named by its number.
    """
    path = Path(path)
    if path.is_dir():
        names = [one.name for one in DatasetManifest.read(path).splits]
        return evaluation_items(open_rows(path, "test" if "test" in names else None))
    fields = _fields(path)
    answered = "text" in fields or any(set(needed) <= fields for needed in FORMATS.values())
    if path.suffix == ".parquet" or answered:
        return evaluation_items(open_rows(path))
    if not fields & set(_QUESTIONS):
        wanted = ", ".join(("text", "messages", *_QUESTIONS))
        raise InputError(f"{path} is not an evaluation set: its rows have none of the fields {wanted}")
    return _questions(path)


def _fields(path: Path) -> set[str]:
    """The fields of a file's rows, from the schema or the first row."""
    if path.suffix == ".parquet":
        return set(read_schema(path).names)
    first = next(read_objects(path), None)
    if first is None:
        raise InputError(f"{path} holds no rows")
    return set(first) if isinstance(first, dict) else set()


def _questions(path: Path) -> Iterator[EvaluationText]:
    for number, row in enumerate(read_objects(path), start=1):
        given = [row[name] for name in _QUESTIONS if name in row] if isinstance(row, dict) else []
        texts = given[0] if given and isinstance(given[0], list) else given[:1]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise InputError(
                f"{path}: row {number} holds no question", hint=f"it needs one of {', '.join(_QUESTIONS)}"
            )
        name = next((row[key] for key in ("id", "question_id") if row.get(key) is not None), None)
        for text in texts:
            yield EvaluationText(f"{path.name}:{number}" if name is None else str(name), text)
