"""A data set is a folder of splits with manifest and card, written whole or not at all, and opened again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from yukawa import __version__
from yukawa.core.errors import InputError, require, unknown_name
from yukawa.core.files import atomic_write, new_folder
from yukawa.data.conversations import FORMATS, read_conversations, read_objects, read_preferences
from yukawa.data.decontamination import EvaluationText, evaluation_items
from yukawa.data.manifest import CARD, SPLITS, DatasetManifest, RowCounter, TokenCounter, render_card
from yukawa.data.rows import (
    SUFFIXES,
    Conversation,
    Document,
    Preference,
    Row,
    RowKind,
    read_rows,
    read_schema,
    write_rows,
)

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
) -> DatasetManifest:
    """Write splits (train, validation, test), `manifest.json` and `card.md` into a new folder.

    Equal rows, made in the same way, give equal bytes.

    Args:
        made: everything that decided the rows, as JSON.
        suffix: one of `yukawa.data.rows.SUFFIXES`.
        versions: versions of the packages that shaped the rows, beside Yukawa's own.
        sections: headings and Markdown for the card.
        counter: counts the tokens for manifest and card.

    Raises:
        InputError: the folder holds files already, a split or the suffix is unknown, a row is of another kind.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: the format is Parquet and pyarrow is not installed.
    """
    for name in splits:
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
    check_suffix(suffix)
    records = []
    with new_folder(folder) as beside:
        for name in (name for name in SPLITS if name in splits):
            counted, file = RowCounter(counter), beside / f"{name}{suffix}"
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
        manifest.write(beside)
        atomic_write(beside / CARD, render_card(manifest, sections))
    return manifest


def check_suffix(suffix: str) -> None:
    """Refuse a format in which rows cannot be written, before work is spent on it.

    Raises:
        InputError: the suffix is not one of `SUFFIXES`.
        MissingPackage: it is that of Parquet and pyarrow is not installed.
    """
    if suffix not in SUFFIXES:
        raise unknown_name("suffix of row files", suffix, SUFFIXES)
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
                f"{path}: row {number} holds no question", hint=f"one of {', '.join(_QUESTIONS)}"
            )
        name = next((row[key] for key in ("id", "question_id") if row.get(key) is not None), None)
        for text in texts:
            yield EvaluationText(f"{path.name}:{number}" if name is None else str(name), text)
