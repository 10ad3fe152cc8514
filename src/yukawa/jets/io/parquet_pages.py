"""Values of list columns straight from the pages of Parquet files as we write them, which Arrow decodes slowly.

Arrow spends most of its time on the levels that tell where each list begins, anew for each column, though all
columns of particles have the same. Here they are only compared. What a page looks like is in the specification
of Parquet, https://github.com/apache/parquet-format; one that is not as we write it is left to Arrow, which also
finds the words for what is damaged.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np

from yukawa.core.optional import require
from yukawa.jets.table import Array

# Numbers of the specification: fields of a page's header, of its data page's header, and encodings.
_KIND, _SIZE, _PACKED, _CHECKSUM, _DATA = 1, 2, 3, 4, 5
_ENCODING, _DEFINITION, _REPETITION = 2, 3, 4
_PLAIN, _RLE, _SPLIT = 0, 3, 9


def list_values(file: Any, path: Path, group: int, names: Collection[str]) -> dict[str, Array]:
    """The values of list columns of one row group, of all lists together; truth values may have up to 7 more at the end.

    At least one column is left to Arrow, and all those that have not the same lists as it.

    Args:
        file: the open `pyarrow.parquet.ParquetFile`.
        path: where it lies.
        group: the number of the row group.
        names: the columns wanted.
    """
    metadata = file.metadata.row_group(group)
    found: dict[str, tuple[bytes, Array]] = {}
    with path.open("rb") as handle:
        for index in range(metadata.num_columns):
            kind, chunk = file.schema.column(index), metadata.column(index)
            name = chunk.path_in_schema.removesuffix(".list.element")
            if name in names and (kind.max_repetition_level, kind.max_definition_level) == (1, 1):
                page = _page(handle, chunk)
                if page is not None:
                    found[name] = page
    if not found:
        return {}
    left = min(found, key=lambda name: found[name][1].itemsize)  # truth values cost Arrow less
    levels, _ = found.pop(left)
    return {name: values for name, (its, values) in found.items() if its == levels}


def _page(handle: IO[bytes], chunk: Any) -> tuple[bytes, Array] | None:
    """The levels, still encoded, and the values of a column that is one page; None if that is not as we write it."""
    if chunk.compression != "ZSTD" or chunk.physical_type not in ("FLOAT", "BOOLEAN"):
        return None
    if chunk.has_dictionary_page:
        return None
    handle.seek(chunk.data_page_offset)
    data = handle.read(chunk.total_compressed_size)
    try:
        header, start = _struct(data, 0)
        page = header[_DATA]
        encodings = (header[_KIND], page[_DEFINITION], page[_REPETITION], page[_ENCODING])
        packed, size, checksum = header[_PACKED], header[_SIZE], header[_CHECKSUM] & 0xFFFFFFFF
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    whole = (start + packed, start + size) == (len(data), chunk.total_uncompressed_size)
    truths = chunk.physical_type == "BOOLEAN"
    if not whole or encodings != (0, _RLE, _RLE, _PLAIN if truths else _SPLIT):
        return None
    body = memoryview(data)[start:]
    if zlib.crc32(body) != checksum:
        return None
    content = require("pyarrow", "reading Parquet files").decompress(body, size, codec="zstd", asbytes=True)
    end = 0
    for _ in range(2):  # repetition levels, definition levels: each after its length
        end += 4 + int.from_bytes(content[end : end + 4], "little")
    stored = np.frombuffer(content, np.uint8, offset=end)
    values = np.unpackbits(stored, bitorder="little").view(bool) if truths else _joined(stored)
    values.flags.writeable = False  # as arrays over Arrow's memory
    return content[:end], values


def _joined(values: Array) -> Array:
    """Numbers of 32 bits from all their first bytes, all their second, and so on."""
    first, second, third, bits = values.reshape(4, -1)
    bits = bits.astype(np.uint32)
    for plane in (third, second, first):
        bits <<= 8
        bits |= plane
    return bits.view(np.float32)


def _struct(data: bytes, place: int) -> tuple[dict[int, Any], int]:
    """The fields of a structure in Thrift's compact protocol by their numbers, without texts, and where it ends.

    Raises:
        IndexError: it is cut off.
        ValueError: a field is of a kind that headers of pages do not have.
    """
    fields: dict[int, Any] = {}
    number = 0
    while head := data[place]:
        if not head >> 4:
            raise ValueError("a field that does not follow the last one closely")
        number += head >> 4
        place += 1
        match head & 15:
            case 1 | 2 as truth:
                fields[number] = truth == 1
            case 4 | 5 | 6:
                value, place = _number(data, place)
                fields[number] = (value >> 1) ^ -(value & 1)
            case 8:
                length, place = _number(data, place)
                place += length
            case 12:
                fields[number], place = _struct(data, place)
            case other:
                raise ValueError(f"a field of kind {other}")
    return fields, place + 1


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        shift, place = shift + 7, place + 1
        if byte < 128:
            return value, place
