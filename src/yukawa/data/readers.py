"""Opens rows wherever they stand: in data sets, in files of rows, in files of questions and answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.optional import require
from yukawa.data.conversations import FORMATS, read_conversations, read_objects, read_preferences
from yukawa.data.dataset import read_split
from yukawa.data.decontamination import Item, evaluation_items
from yukawa.data.manifest import DatasetManifest
from yukawa.data.row_files import read_rows
from yukawa.data.rows import Conversation, Document, Preference

Kind = type[Document] | type[Conversation] | type[Preference]
_KINDS: dict[str, Kind] = {"document": Document, "conversation": Conversation, "preference": Preference}
# Fields of rows that hold questions and no answers, such as those of MT-bench.
_QUESTIONS = ("turns", "question", "prompt", "instruction")


def open_rows(path: Path, split: str | None = None) -> Iterator[Any]:
    """Give the rows of a data set's folder, of a Parquet or JSON Lines file of rows, or of a file of questions.

    Args:
        split: of a data set; None gives all splits in turn. A file is read whole.

    Raises:
        InputError: at once if there is nothing of the kind at `path`; later at a row that is damaged.
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


def open_items(path: Path) -> Iterator[Item]:
    """Give the texts of an evaluation set: the test split of a data set (all splits where it has none), or a file.

    Beside what `open_rows` reads, a file may hold questions without answers: rows with `question`, `prompt` or
    `instruction`, or with `turns`, a list, as MT-bench has them, and an `id` or `question_id`.

    Raises:
        InputError: as `open_rows`; a question that is no text is named by its number.
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
        raise InputError(f"{path} is no evaluation set: its rows have none of the fields {wanted}")
    return _questions(path)


def _fields(path: Path) -> set[str]:
    """The fields of a file's rows, told from the schema or the first row."""
    if path.suffix == ".parquet":
        arrow = require("pyarrow", "reading Parquet files")
        parquet = require("pyarrow.parquet", "reading Parquet files")
        try:
            with open(path, "rb") as handle:
                return set(parquet.read_schema(handle).names)
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is damaged"
            raise InputError(f"{path} cannot be read as Parquet: {reason}") from None
    first = next(read_objects(path), None)
    if first is None:
        raise InputError(f"{path} holds no rows")
    return set(first) if isinstance(first, dict) else set()


def _questions(path: Path) -> Iterator[Item]:
    for number, row in enumerate(read_objects(path), start=1):
        given = [row[name] for name in _QUESTIONS if name in row] if isinstance(row, dict) else []
        texts = given[0] if given and isinstance(given[0], list) else given[:1]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise InputError(
                f"{path}: row {number} holds no question", hint=f"one of {', '.join(_QUESTIONS)}"
            )
        name = next((row[key] for key in ("id", "question_id") if row.get(key) is not None), None)
        for text in texts:
            yield Item(f"{path.name}:{number}" if name is None else str(name), text)
