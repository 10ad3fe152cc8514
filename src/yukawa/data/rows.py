"""Typed rows of text for training, and their files: JSON Lines and Parquet, streamed, equal bytes for equal rows."""

import datetime
import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress, islice, tee
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import StringConstraints, ValidationError

from yukawa.core.errors import InputError, require, unreadable
from yukawa.core.files import open_file, read_jsonl, replacement, report_write_errors, write_jsonl
from yukawa.core.validation import StrictModel, mistakes

# The constraint makes pydantic look at the characters: JSON can hold half of a surrogate pair, which no file can.
_Str = Annotated[str, StringConstraints(min_length=0)]
Text = Annotated[str, StringConstraints(pattern=r"\S")]
SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz")
ROW_GROUP = 4096  # rows: abstracts of one group take a few megabytes
_OF_TURNS = ("messages", "prompt")  # the fields that hold turns
# Columns whose values recur, so that a dictionary of them saves space; for texts it costs time and space.
_RECURRING = (
    "source", "licence", "category", "categories.list.element", "messages.list.element.role", "prompt.list.element.role",
)  # fmt: skip


class Document(StrictModel):
    """One text, such as an abstract.

    Attributes:
        id: names it within its source, such as `hep-th/9711200`.
        text: what is trained on; never blank.
        source: the collection it came from, such as `arXiv metadata`.
        licence: of the text itself, as an SPDX name or an address; None if unknown.
        created: when its first version appeared.
        categories: the categories that its source gives it, the primary one first.
    """

    id: Text
    text: Text
    source: Text
    licence: _Str | None = None
    created: datetime.date | None = None
    title: _Str | None = None
    categories: tuple[_Str, ...] = ()


class Turn(StrictModel):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: _Str


class Conversation(StrictModel):
    """Turns in order and where they came from; `category` is the subject that the source gives."""

    id: Text
    messages: tuple[Turn, ...]
    source: Text
    licence: _Str | None = None
    category: _Str | None = None


class Preference(StrictModel):
    """Two replies to one prompt, of which one was judged better."""

    id: Text
    prompt: tuple[Turn, ...]
    chosen: _Str
    rejected: _Str
    source: Text
    licence: _Str | None = None


Row = TypeVar("Row", Document, Conversation, Preference)
AnyRow = Document | Conversation | Preference
RowKind = type[Document] | type[Conversation] | type[Preference]


def texts_of(row: AnyRow) -> list[str]:
    """Every text of a row: that of a document, of each turn, of the prompt and both replies; no titles."""
    if isinstance(row, Document):
        return [row.text]
    if isinstance(row, Conversation):
        return [turn.content for turn in row.messages]
    return [*(turn.content for turn in row.prompt), row.chosen, row.rejected]


class RowFilter(ABC):
    """Decides which rows stay in a data set; each filter sees what the one before it left.

    Attributes:
        dropped: number of rows dropped so far, by reason.
    """

    dropped: Mapping[str, int]

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What decides, as JSON for the manifest: `filter` names it, `about` is a sentence for people."""

    @abstractmethod
    def keeps(self, rows: Iterable[Any]) -> Iterator[bool]:
        """Say of each row, in order, whether it stays."""

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that stay, in order."""
        shown, judged = tee(rows)
        return compress(shown, self.keeps(judged))


def write_rows(path: Path, rows: Iterable[Row], kind: type[Row]) -> int:
    """Write rows of one kind, such as `Document`, in the format of the suffix of `path`; return how many.

    A few thousand rows are held at a time, so they may come from a generator larger than memory. Equal rows give
    equal bytes. After an error the file is as it was before.

    Raises:
        InputError: the suffix is not one of `SUFFIXES`, or a row is of another kind.
        StoreError: the disk refuses.
        MissingPackage: the format is Parquet and pyarrow is not installed.
    """
    path = Path(path)
    checked = _of_kind(rows, kind, path)
    if _is_parquet(path):
        return _write_parquet(path, checked, kind)
    return write_jsonl(path, (row.model_dump(mode="json") for row in checked))


def read_rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    """Yield the rows of a file one by one.

    Raises:
        InputError: with the first row if the suffix is not one of `SUFFIXES` or the file cannot be read, otherwise
            at the row that is damaged or not of this kind; the message names file and row.
        MissingPackage: the file is Parquet and pyarrow is not installed.
    """
    path = Path(path)
    if not path.suffix and not path.exists():  # a wrong name is not a wrong format
        raise unreadable(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    plain = read_parquet(path) if _is_parquet(path) else read_jsonl(path)
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
    raise InputError(f"{path} is not a file of rows", hint=f"its name must end in {', '.join(SUFFIXES)}")


def _of_kind(rows: Iterable[Row], kind: type[Row], path: Path) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, kind):
            raise InputError(
                f"row {number} for {path} is a {type(row).__name__}, each must be a {kind.__name__}"
            )
        yield row


def schema(kind: RowKind) -> Any:
    """The Arrow schema of a kind of rows.

    Raises:
        MissingPackage: pyarrow is not installed.
    """
    arrow = require("pyarrow", "reading and writing Parquet files")
    text = arrow.string()
    messages = arrow.list_(arrow.struct([(name, text) for name in Turn.model_fields]))
    types = dict.fromkeys(_OF_TURNS, messages) | {"created": arrow.date32(), "categories": arrow.list_(text)}
    return arrow.schema([(name, types.get(name, text)) for name in kind.model_fields])


def _write_parquet(path: Path, rows: Iterator[Row], kind: type[Row]) -> int:
    """Write rows as Parquet in groups of `ROW_GROUP`, and return their number."""
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
    if name in _OF_TURNS:
        return [[turn.__dict__ for turn in getattr(row, name)] for row in rows]
    return [getattr(row, name) for row in rows]


def read_schema(path: Path) -> Any:
    """The Arrow schema of a Parquet file.

    Raises:
        InputError: the file cannot be read or is damaged.
        MissingPackage: pyarrow is not installed.
    """
    with _opened(path) as file:
        return file.schema_arrow


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of any Parquet file one by one.

    Raises:
        InputError: the file cannot be read or is damaged.
        MissingPackage: pyarrow is not installed.
    """
    with _opened(path) as file:
        for batch in file.iter_batches(ROW_GROUP):
            yield from batch.to_pylist()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    arrow = require("pyarrow", "reading Parquet files")
    parquet = require("pyarrow.parquet", "reading Parquet files")
    try:
        with open_file(path) as handle, parquet.ParquetFile(handle, page_checksum_verification=True) as file:
            yield file
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: names of columns
        reason = getattr(error, "strerror", None) or "it is damaged"
        reason = "it is a folder" if isinstance(error, IsADirectoryError) else reason
        raise InputError(f"{path} cannot be read as Parquet: {reason}") from None
