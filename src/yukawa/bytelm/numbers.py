"""Numbers and records as bytes and back, without loss: big-endian, in a code that sorts as the numbers do, and as text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from yukawa.core.errors import InputError, nearest

Array: TypeAlias = NDArray[Any]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
TYPES = INTEGERS + FLOATS  # the place in this row is the byte that says the type: append, never reorder

_ORDERED = {"ordered16": "float16", "ordered32": "float32", "ordered64": "float64"}
CODES = (*TYPES, *_ORDERED)

_LONGEST_TEXT = 64  # bytes of one number; the longest that is written has 24
_FOREIGN = {"i": re.compile(rb"[^ +\-0-9]"), "f": re.compile(rb"[^ +\-.0-9eE]")}


def to_bytes(values: Array) -> Array:
    """The big-endian bytes of N integers or floats (IEEE 754), uint8 of shape (N, width).

    12345 as int64 is [0, 0, 0, 0, 0, 0, 48, 57].

    Raises:
        InputError: the array is not one-dimensional, or of a type that is not in `TYPES`.
    """
    return _write(_bits(checked(values, TYPES)))


def from_bytes(bytes_NW: Array, dtype: DTypeLike) -> Array:
    """The numbers of type `dtype`, shape (N,), from the bytes (N, W) that `to_bytes` gave.

    Raises:
        InputError: the bytes are not those of such numbers.
    """
    return _read(bytes_NW, _type(dtype, TYPES)).view(dtype)


def to_ordered(floats: Array) -> Array:
    """N floats as uint8 of shape (N, width) whose bytes compare as the numbers do.

    The sign bit of positive numbers is flipped, of negative ones all bits. -0 lies just below 0, and NaNs lie
    beyond the infinities on the side of their sign bit: the usual ones, positive, above +inf. Every bit comes back.

    Raises:
        InputError: the array is not one-dimensional, or not of float16, float32 or float64.
    """
    bits = _bits(checked(floats, FLOATS))
    return _write(bits ^ (_where_negative(bits) | _sign(bits.dtype)))


def from_ordered(bytes_NW: Array, dtype: DTypeLike) -> Array:
    """The floats of type `dtype`, shape (N,), from the bytes (N, W) that `to_ordered` gave.

    Raises:
        InputError: the bytes are not those of such floats.
    """
    code = _read(bytes_NW, _type(dtype, FLOATS))
    bits: Array = code ^ (_where_negative(~code) | _sign(code.dtype))
    return bits.view(dtype)


def to_text(values: Array) -> Array:
    """N numbers in decimal, a space between them, as uint8 of shape (L,).

    Floats have the fewest digits that restore them exactly, integers all of theirs: `-0.0 1e-05 12.5`, `12345`.

    Raises:
        InputError: the array is not one-dimensional, of a type that is not in `TYPES`, or holds NaN or infinity.
    """
    values = checked(values, TYPES)
    check_finite(values)
    return np.frombuffer(bytearray(b" ".join(values.astype(np.bytes_).tolist())), np.uint8)


def from_text(text: Array, dtype: DTypeLike) -> Array:
    """The numbers of type `dtype` in `text`, uint8 of shape (L,), a space between them.

    Raises:
        InputError: the text is not that of finite numbers of this type, a single space between them.
    """
    kind = _type(dtype, TYPES)
    if not len(text):
        return np.empty(0, kind)
    given = text.tobytes()
    if foreign := _FOREIGN["f" if kind.kind == "f" else "i"].search(given):
        raise InputError(
            f"byte {foreign.start()} of the numbers is {foreign[0][0]}, which is not part of a {kind} in decimal"
        )
    words = given.split(b" ")
    for number, length in enumerate(map(len, words)):
        if not 0 < length <= _LONGEST_TEXT:
            raise InputError(
                f"number {number} has {length} characters, from 1 to {_LONGEST_TEXT} are expected",
                hint="separate the numbers by single spaces",
            )
    texts = np.array(words)
    try:
        values = _nearest_floats(texts, kind) if kind.kind == "f" else texts.astype(kind)
    except (ValueError, OverflowError) as error:
        raise InputError(f"the text is not that of numbers of type {kind}: {error}") from None
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise InputError(f"number {bad[0]}, {texts[bad[0]].decode()}, is beyond the largest {kind}")
    return values


def checked(values: Array, types: tuple[str, ...]) -> Array:
    """The same numbers, shape (N,), in the byte order of this machine and contiguous in memory.

    Raises:
        InputError: this is not a one-dimensional array of one of `types`.
    """
    if not isinstance(values, np.ndarray):
        raise InputError(f"the numbers are a {type(values).__name__}, a numpy array is expected")
    if values.ndim != 1:
        raise InputError(f"the numbers have the shape {values.shape}, one dimension is expected")
    kind = _type(values.dtype, types)
    if values.dtype.isnative:
        return np.ascontiguousarray(values)
    return np.ascontiguousarray(values).byteswap().view(kind)  # as bytes, so that every NaN survives


def check_finite(values: Array) -> None:
    """Refuse numbers (N,) that have no text.

    Raises:
        InputError: one is NaN or infinite.
    """
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise InputError(
            f"number {bad[0]} is {values[bad[0]]}, numbers as text must be finite",
            hint="give them as Floats or Ordered, which keep NaN and infinity",
        )


def type_code(dtype: np.dtype[Any]) -> int:
    """The byte that says the type in the header of a segment."""
    return TYPES.index(dtype.name)


def type_of(code: int, types: tuple[str, ...]) -> np.dtype[Any]:
    """The type that a segment's header says.

    Raises:
        InputError: the byte says no type, or none of `types`.
    """
    if code >= len(TYPES):
        raise InputError(f"its header gives number type {code}; types are 0 to {len(TYPES) - 1}")
    return _type(TYPES[code], types)


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
    def of(cls, **fields: str) -> "RecordFormat":
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
        """N records (structured, or one array (N,) per field) as uint8 of shape (N, size).

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
        """The records, a structured array (N,) of type `dtype`, from the bytes (N, S) that `to_bytes` gave.

        Raises:
            InputError: the bytes are not those of whole records.
        """
        _check_bytes(bytes_NS, self.size, "records", "the format")
        records = np.empty(len(bytes_NS), self.dtype)
        begin = 0
        for name, code in self.fields:
            kind = self.dtype[name]
            part = bytes_NS[:, begin : begin + kind.itemsize]
            records[name] = from_ordered(part, kind) if code in _ORDERED else from_bytes(part, kind)
            begin += kind.itemsize
        return records

    def pack(self, records: Array) -> Array:
        """The same records (N,) as an array of type `dtype`: this machine's byte order, no gaps.

        Raises:
            InputError: this is not a structured array with the fields of the format.
        """
        if not isinstance(records, np.ndarray) or records.dtype.names is None or records.ndim != 1:
            raise InputError("the records are not a structured numpy array of one dimension")
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


def _type(dtype: DTypeLike, types: tuple[str, ...]) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind.name not in types:
        raise InputError(f"the numbers are of type {kind}, allowed are {', '.join(types)}")
    return kind.newbyteorder("=")


def _bits(values: Array) -> Array:
    return values.view(f"u{values.itemsize}")


def _sign(bits: np.dtype[Any]) -> Any:
    return bits.type(1 << (8 * bits.itemsize - 1))


def _where_negative(bits: Array) -> Array:
    """All ones where the sign bit is set, else zero: an arithmetic shift spreads the sign bit."""
    shifted = bits.view(f"i{bits.itemsize}") >> (8 * bits.itemsize - 1)
    return shifted.view(bits.dtype)


def _write(bits: Array) -> Array:
    width = bits.itemsize
    return bits.astype(f">u{width}").view(np.uint8).reshape(-1, width)


def _read(bytes_NW: Array, kind: np.dtype[Any]) -> Array:
    width = kind.itemsize
    _check_bytes(bytes_NW, width, "numbers", kind)
    return np.ascontiguousarray(bytes_NW).reshape(-1).view(f">u{width}").astype(f"u{width}")


def _check_bytes(rows_NW: Array, width: int, things: str, code: object) -> None:
    if rows_NW.dtype != np.uint8 or rows_NW.ndim != 2 or rows_NW.shape[1] != width:
        raise InputError(
            f"the bytes have shape {rows_NW.shape} and type {rows_NW.dtype}, "
            f"shape ({things}, {width}) and type uint8 are expected for {code}"
        )


def _nearest_floats(texts: Array, kind: np.dtype[Any]) -> Array:
    """Texts as floats of a type, each the one whose shortest text it is.

    Rounding goes through float64, and a shortest text may lie so near to the middle of two narrower floats that
    float64 shows exactly the middle (7.038531e-26 in float32): there the text decides.
    """
    wide = texts.astype(np.float64)
    with np.errstate(over="ignore"):
        values = wide.astype(kind)
        away = np.nextafter(values, np.where(wide > values, np.inf, -np.inf).astype(kind))
        middle = np.flatnonzero(
            np.isfinite(away) & (wide != values) & (wide - values == away.astype(np.float64) - wide)
        )
    other = away[middle]
    shortest = other.astype(np.bytes_)
    values[middle] = np.where(shortest == texts[middle], other, values[middle])
    return values
