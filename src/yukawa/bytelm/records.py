"""Formats of records: named fields, each with a code that says its bytes, the same number of bytes a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from yukawa.bytelm.numbers import (
    TYPES,
    Array,
    checked,
    from_bytes,
    from_ordered,
    to_bytes,
    to_ordered,
)
from yukawa.core.errors import InputError, nearest

_ORDERED = {"ordered16": "float16", "ordered32": "float32", "ordered64": "float64"}
CODES = (*TYPES, *_ORDERED)


@dataclass(frozen=True)
class RecordFormat:
    """How a record becomes bytes: its fields one after another, each in its code.

    Attributes:
        fields: (name, code) of each field; a code is a number type (`uint8`, `float32`, …: big-endian) or
            `ordered16`, `ordered32`, `ordered64` (floats of that many bits whose bytes sort as the numbers do).

    Raises:
        InputError: there is no field, two have one name, or a code is unknown.
    """

    fields: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        """Check the fields."""
        if not self.fields:
            raise InputError("a record format has no fields, at least one is expected")
        names = [name for name, _ in self.fields]
        for place, (name, code) in enumerate(self.fields):
            if not isinstance(name, str) or not name or name in names[:place]:
                raise InputError(f"field {place} of a record is named {name!r}, each needs a name of its own")
            if code not in CODES:
                meant = nearest(str(code), CODES)
                raise InputError(
                    f"field {name!r} of a record has the code {code!r}, allowed are {', '.join(CODES)}",
                    hint=f"did you mean {meant!r}?" if meant else "",
                )

    @classmethod
    def of(cls, **fields: str) -> RecordFormat:
        """A format by the codes of its fields, in order: `RecordFormat.of(energy="ordered32", charge="int8")`."""
        return cls(tuple(fields.items()))

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of such records, no gaps between fields."""
        return np.dtype([(name, _ORDERED.get(code, code)) for name, code in self.fields])

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return self.dtype.itemsize

    def to_bytes(self, records: Array | Mapping[str, Array]) -> Array:
        """N records (structured, or an array (N,) a field) as uint8 of shape (N, size).

        Raises:
            InputError: a field is missing, of another type than its code says, or longer than the others.
        """
        columns = [self._column(records, name) for name, _ in self.fields]
        bytes_NS = np.empty((len(columns[0]), self.size), np.uint8)
        begin = 0
        for (name, code), column in zip(self.fields, columns, strict=True):
            if len(column) != len(columns[0]):
                raise InputError(
                    f"field {name!r} has {len(column)} records, {self.fields[0][0]!r} has {len(columns[0])}"
                )
            part = to_ordered(column) if code in _ORDERED else to_bytes(column)
            bytes_NS[:, begin : begin + part.shape[1]] = part
            begin += part.shape[1]
        return bytes_NS

    def from_bytes(self, bytes_NS: Array) -> Array:
        """The N records, a structured array of type `dtype`, whose bytes `to_bytes` gave.

        Raises:
            InputError: the bytes are not those of whole records.
        """
        if bytes_NS.dtype != np.uint8 or bytes_NS.ndim != 2 or bytes_NS.shape[1] != self.size:
            raise InputError(
                f"the bytes have shape {bytes_NS.shape} and type {bytes_NS.dtype}, "
                f"(records, {self.size}) and uint8 are those of the format"
            )
        records = np.empty(len(bytes_NS), self.dtype)
        begin = 0
        for name, code in self.fields:
            kind = self.dtype[name]
            part = bytes_NS[:, begin : begin + kind.itemsize]
            records[name] = from_ordered(part, kind) if code in _ORDERED else from_bytes(part, kind)
            begin += kind.itemsize
        return records

    def pack(self, records: Array) -> Array:
        """The same records as an array of type `dtype`: this machine's byte order, no gaps.

        Raises:
            InputError: this is no structured array with the fields of the format.
        """
        if not isinstance(records, np.ndarray) or records.dtype.names is None or records.ndim != 1:
            raise InputError("the records are no structured numpy array of one dimension")
        if records.dtype.names != self.dtype.names:
            raise InputError(
                f"the records have the fields {', '.join(records.dtype.names)}, "
                f"the format has {', '.join(self.dtype.names or ())}"
            )
        packed = np.empty(len(records), self.dtype)
        for name, _ in self.fields:
            packed[name] = self._column(records, name)
        return packed

    def _column(self, records: Array | Mapping[str, Array], name: str) -> Array:
        names = (records.dtype.names or ()) if isinstance(records, np.ndarray) else records
        if name not in names:
            raise InputError(f"the records have no field {name!r}; they have {', '.join(names) or 'none'}")
        try:
            return checked(records[name], (self.dtype[name].name,))
        except InputError as error:
            raise InputError(f"field {name!r} of the records: {error.message}") from None
