"""Rows in JSON Lines and Parquet files: streamed, whole or not at all, equal bytes for equal rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from yukawa.core.config import mistakes
from yukawa.core.errors import InputError
from yukawa.core.files import read_jsonl, replacement, report_write_errors, write_jsonl
from yukawa.core.optional import require
from yukawa.data.rows import Conversation, Document, Message, Preference, Row

SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz")
ROW_GROUP = 4096  # rows: abstracts of one group take a few megabytes
_OF_MESSAGES = ("messages", "prompt")  # the fields that hold messages
# Columns whose values recur, so that a dictionary of them saves space; for texts it costs time and space.
_RECURRING = (
    "source", "licence", "category", "categories.list.element", "messages.list.element.role", "prompt.list.element.role",
)  # fmt: skip
_Kind = type[Document] | type[Conversation] | type[Preference]


def write_rows(path: Path, rows: Iterable[Row], kind: type[Row]) -> int:
    """Write rows of one kind, such as `Document`, as the suffix of `path` says; returns how many.

    Rows are taken a few thousand at a time, so they may come from a generator larger than memory. The same rows
    give the same bytes.

    Raises:
        InputError: the suffix is none of `SUFFIXES`, or a row is of another kind; what stood at `path` stands.
        StoreError: the disk refuses; what stood at `path` stands.
        MissingPackage: Parquet is asked for and pyarrow is not installed.
    """
    path = Path(path)
    checked = _of_kind(rows, kind, path)
    if _is_parquet(path):
        return _write_parquet(path, checked, kind)
    return write_jsonl(path, (row.model_dump(mode="json") for row in checked))


def read_rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    """Give the rows of a file one by one.

    Raises:
        InputError: on the first row asked for if the suffix is none of `SUFFIXES` or the file cannot be read,
            else at the row that is damaged or not of this kind; the message names file and row.
        MissingPackage: the file is Parquet and pyarrow is not installed.
    """
    path = Path(path)
    plain = _read_parquet(path, kind) if _is_parquet(path) else read_jsonl(path)
    for number, values in enumerate(plain, start=1):
        try:
            yield kind.model_validate(values)
        except ValidationError as error:
            needed = ", ".join(name for name, field in kind.model_fields.items() if field.is_required())
            raise InputError(
                f"{path}: row {number} is not a {kind.__name__.lower()}: {mistakes(error, kind)[0].text}",
                hint=f"it needs {needed}; yukawa data makes such rows",
            ) from None


def _is_parquet(path: Path) -> bool:
    if path.name.endswith(".parquet"):
        return True
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return False
    raise InputError(f"{path} is no file of rows", hint=f"its name must end in {', '.join(SUFFIXES)}")


def _of_kind(rows: Iterable[Row], kind: type[Row], path: Path) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, kind):
            raise InputError(
                f"row {number} for {path} is a {type(row).__name__}, each must be a {kind.__name__}"
            )
        yield row


def schema(kind: _Kind) -> Any:
    """The Arrow schema of a kind of rows.

    Raises:
        MissingPackage: pyarrow is not installed.
    """
    arrow = require("pyarrow", "reading and writing Parquet files")
    text = arrow.string()
    messages = arrow.list_(arrow.struct([(name, text) for name in Message.model_fields]))
    types = dict.fromkeys(_OF_MESSAGES, messages) | {
        "created": arrow.date32(),
        "categories": arrow.list_(text),
    }
    return arrow.schema([(name, types.get(name, text)) for name in kind.model_fields])


def _write_parquet(path: Path, rows: Iterator[Row], kind: type[Row]) -> int:
    arrow = require("pyarrow", "writing Parquet files")
    parquet = require("pyarrow.parquet", "writing Parquet files")
    columns = schema(kind)
    count = 0
    with replacement(path) as handle:
        # Measured on abstracts: higher levels of zstd cost much more time than they save space.
        writer = parquet.ParquetWriter(
            handle, columns, compression="zstd", compression_level=3, write_page_checksum=True,
            use_dictionary=[name for name in _RECURRING if name.partition(".")[0] in columns.names],
        )  # fmt: skip
        try:
            while group := list(islice(rows, ROW_GROUP)):
                arrays = [arrow.array(_column(group, field.name), field.type) for field in columns]
                with report_write_errors(path):
                    writer.write_table(arrow.Table.from_arrays(arrays, schema=columns))
                count += len(group)
        finally:
            with report_write_errors(path):
                writer.close()
    return count


def _column(rows: Sequence[Row], name: str) -> list[Any]:
    """One field of all rows, as Arrow takes it."""
    if name in _OF_MESSAGES:
        return [[message.__dict__ for message in getattr(row, name)] for row in rows]
    return [getattr(row, name) for row in rows]


def _read_parquet(path: Path, kind: _Kind) -> Iterator[dict[str, Any]]:
    arrow = require("pyarrow", "reading Parquet files")
    parquet = require("pyarrow.parquet", "reading Parquet files")
    try:
        with open(path, "rb") as handle, parquet.ParquetFile(handle, page_checksum_verification=True) as file:
            for batch in file.iter_batches(ROW_GROUP):
                yield from batch.to_pylist()
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: names of columns
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        if isinstance(error, IsADirectoryError):
            reason = "it is a folder"
        raise InputError(f"{path} cannot be read as Parquet: {reason}") from None
