"""Jets in Parquet: a list column for each particle column, a plain column for each jet column."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.core.files import replacement, report_write_errors
from yukawa.jets.io.chunks import ChunkWriter, JetChunk, JetSource, check_lengths, report_damage
from yukawa.jets.table import Array, Jets

ROW_GROUP = 8192  # jets: large enough to decode fast, small enough to shuffle well


@dataclass(frozen=True)
class ParquetChunk(JetChunk):
    """The jets of one row group of a Parquet file; their arrays are read-only views of the decoded memory."""

    index: int

    def _read(self, columns: tuple[str, ...]) -> Jets:
        with _opened(self.path) as file:
            if self.index < file.num_row_groups:
                table = file.read_row_group(self.index, columns=columns)
            else:  # a file without jets has no row group
                table = file.schema_arrow.empty_table().select(columns)
        return _jets(table, self.path)


def open_parquet(path: Path) -> JetSource:
    """The jets of one Parquet file; a chunk is a row group.

    Raises:
        InputError: the file is damaged, or no column holds numbers.
    """
    with _opened(path) as file:
        names = _column_names(file)
        counts = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    if not names:
        raise InputError(f"{path} holds no column of numbers")
    chunks = (ParquetChunk(path, count, names, index) for index, count in enumerate(counts or [0]))
    return JetSource(names, tuple(chunks))


def parquet_jets(path: Path) -> int:
    """How many jets a Parquet file holds, from its footer.

    Raises:
        InputError: the file is damaged.
    """
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def write_parquet(path: Path, jets: Jets, metadata: Mapping[str, str] | None = None) -> None:
    """Write `jets` and the `metadata` of the file, whole or not at all; the same jets give the same bytes; see `parquet_writer`."""
    with parquet_writer(path, metadata) as append:
        append(jets)


@contextmanager
def parquet_writer(path: Path, metadata: Mapping[str, str] | None = None) -> Iterator[Callable[[Jets], None]]:
    """A function that appends jets to a new file, which is put at `path` when the block ends without an error.

    Raises:
        InputError: jets of other columns than the first are appended, or none are.
        StoreError: the disk refuses; an existing file is kept.
    """
    with replacement(path) as handle:
        writer: Any = None

        def write(jets: Jets) -> None:
            """Append a chunk of jets; the first one decides the columns."""
            nonlocal writer
            table = _table(jets)
            with report_write_errors(path):
                writer = writer or _writer(handle, table, jets, metadata or {})
                writer.write_table(table, row_group_size=ROW_GROUP)

        chunks = ChunkWriter(path, ROW_GROUP, write)
        try:
            yield chunks.append
            chunks.close()
        finally:
            if writer is not None:
                with report_write_errors(path):
                    writer.close()


def _writer(handle: IO[bytes], table: Any, jets: Jets, metadata: Mapping[str, str]) -> Any:
    """A Parquet writer for tables like this one.

    Measured on simulated jets: splitting the bytes of floats makes zstd both smaller and faster to decode, a
    dictionary does so for integers and only harms floats, and higher levels of zstd gain next to nothing.
    """
    parquet = require("pyarrow.parquet", "writing Parquet files", "jets")
    kinds = {f"{name}.list.element": column.dtype.kind for name, column in jets.particles.items()}
    kinds |= {name: column.dtype.kind for name, column in jets.scalars.items()}
    return parquet.ParquetWriter(
        handle,
        table.schema.with_metadata(dict(metadata)),
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name, kind in kinds.items() if kind in "iu"],
        column_encoding={name: "BYTE_STREAM_SPLIT" for name, kind in kinds.items() if kind == "f"},
        write_page_checksum=True,  # without it, a flipped bit in the middle of a file is read as another number
    )


def _table(jets: Jets) -> Any:
    """An Arrow table over the memory of `jets`; all list columns share one array of offsets."""
    arrow = require("pyarrow", "writing Parquet files", "jets")
    offsets = arrow.array(jets.offsets.astype(np.int32))
    fields, arrays = [], []
    for name, column in jets.particles.items():
        values = arrow.array(column)
        kind = arrow.list_(arrow.field("element", values.type, nullable=False))
        fields.append(arrow.field(name, kind, nullable=False))
        arrays.append(arrow.ListArray.from_arrays(offsets, values, type=kind))
    for name, column in jets.scalars.items():
        values = arrow.array(column)
        fields.append(arrow.field(name, values.type, nullable=False))
        arrays.append(values)
    return arrow.Table.from_arrays(arrays, schema=arrow.schema(fields))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The open Parquet file; see `report_damage`."""
    arrow = require("pyarrow", "reading Parquet files", "jets")
    parquet = require("pyarrow.parquet", "reading Parquet files", "jets")
    options = {"memory_map": True, "page_checksum_verification": True}
    damage = report_damage(path, "Parquet", (arrow.ArrowException, OSError))
    with damage, parquet.ParquetFile(path, **options) as file:
        yield file


def _column_names(file: Any) -> tuple[str, ...]:
    """The columns of numbers or truth values, one for each particle or one for each jet."""
    types = require("pyarrow.types", "reading Parquet files", "jets")

    def numbers(kind: Any) -> bool:
        return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)

    def lists(kind: Any) -> bool:
        return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)

    schema = file.schema_arrow
    return tuple(
        field.name
        for field in schema
        if numbers(field.type) or (lists(field.type) and numbers(field.type.value_type))
    )


def _jets(table: Any, path: Path) -> Jets:
    """The jets of a table of one row group."""
    types = require("pyarrow.types", "reading Parquet files", "jets")
    particles: dict[str, Array] = {}
    scalars: dict[str, Array] = {}
    first: tuple[str, Array] | None = None
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if not types.is_nested(array.type):
            scalars[name] = array.to_numpy(zero_copy_only=False)
            continue
        offsets, particles[name] = _lists(array)
        first = first or (name, offsets)
        check_lengths(path, first, (name, offsets))
    offsets = first[1] if first else np.zeros(table.num_rows + 1)
    return Jets(offsets.astype(np.int64), particles, scalars)


def _lists(array: Any) -> tuple[Array, Array]:
    """Offsets from 0 and the values of a list array, without copying the values."""
    types = require("pyarrow.types", "reading Parquet files", "jets")
    if types.is_fixed_size_list(array.type):
        size = array.type.list_size
        return np.arange(0, (len(array) + 1) * size, size), array.flatten().to_numpy(zero_copy_only=False)
    offsets = array.offsets.to_numpy()
    values = array.values.slice(offsets[0], offsets[-1] - offsets[0])
    return offsets - offsets[0], values.to_numpy(zero_copy_only=False)
