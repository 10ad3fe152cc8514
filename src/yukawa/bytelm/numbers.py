"""Numbers as bytes and back, without loss: big-endian, in a code that sorts as the numbers do, and as text."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from yukawa.core.errors import InputError

Array: TypeAlias = NDArray[Any]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
TYPES = INTEGERS + FLOATS  # the place in this row is the byte that says the type: append, never reorder

_SPACE = 0x20
_LONGEST_TEXT = 64  # bytes of one number; the longest that is written has 24
_MAY_STAND = {
    "i": np.isin(np.arange(256), np.frombuffer(b"+-0123456789", np.uint8)),
    "f": np.isin(np.arange(256), np.frombuffer(b"+-.0123456789eE", np.uint8)),
}


def to_bytes(values: Array) -> Array:
    """The big-endian bytes of N integers or floats (IEEE 754), uint8 of shape (N, width).

    12345 as int64 is [0, 0, 0, 0, 0, 0, 48, 57].

    Raises:
        InputError: the array is not one-dimensional, or of a type that is not in `TYPES`.
    """
    return _write(_bits(checked(values, TYPES)))


def from_bytes(bytes_NW: Array, dtype: DTypeLike) -> Array:
    """The N numbers of type `dtype` whose bytes `to_bytes` gave.

    Raises:
        InputError: the bytes are not those of such numbers.
    """
    return _read(bytes_NW, _type(dtype, TYPES)).view(dtype)


def to_ordered(floats: Array) -> Array:
    """N floats as uint8 of shape (N, width) whose bytes compare as the numbers do.

    The sign bit of positive numbers is flipped, of negative ones all bits. -0 lies just below 0, and NaNs lie
    beyond the infinities on the side of their sign bit: the usual ones, positive, above +inf. Every bit comes back.

    Raises:
        InputError: the array is not one-dimensional, or no float16, float32 or float64.
    """
    bits = _bits(checked(floats, FLOATS))
    return _write(bits ^ (_where_negative(bits) | _sign(bits.dtype)))


def from_ordered(bytes_NW: Array, dtype: DTypeLike) -> Array:
    """The N floats of type `dtype` whose bytes `to_ordered` gave.

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
    if not len(values):
        return np.empty(0, np.uint8)
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise InputError(
            f"number {bad[0]} is {values[bad[0]]}, numbers as text must be finite",
            hint="give them as Floats or Ordered, which keep NaN and infinity",
        )
    texts = values.astype(np.bytes_)
    cells = np.full((len(texts), texts.itemsize + 1), _SPACE, np.uint8)
    cells[:, :-1] = texts[:, None].view(np.uint8)  # zero where a text is shorter than the longest
    joined: Array = cells[cells != 0][:-1]
    return joined


def from_text(text: Array, dtype: DTypeLike) -> Array:
    """The numbers of type `dtype` in `text`, uint8 of shape (L,), a space between them.

    Raises:
        InputError: the text is not that of finite numbers of this type, a single space between them.
    """
    kind = _type(dtype, TYPES)
    if not len(text):
        return np.empty(0, kind)
    allowed = _MAY_STAND["f" if kind.kind == "f" else "i"]
    spaces = np.flatnonzero(text == _SPACE)
    if (bad := np.flatnonzero(~allowed[text] & (text != _SPACE))).size:
        raise InputError(
            f"byte {bad[0]} of the numbers is {int(text[bad[0]])}, no part of a {kind} in decimal"
        )
    begins = np.concatenate([[0], spaces + 1])
    lengths = np.concatenate([spaces, [len(text)]]) - begins
    if (bad := np.flatnonzero((lengths == 0) | (lengths > _LONGEST_TEXT))).size:
        raise InputError(
            f"number {bad[0]} has {lengths[bad[0]]} characters, from 1 to {_LONGEST_TEXT} are expected",
            hint="a single space stands between two numbers",
        )
    cells = np.zeros((len(begins), int(lengths.max())), np.uint8)
    cells[np.arange(cells.shape[1]) < lengths[:, None]] = text[text != _SPACE]
    texts = cells.view(f"S{cells.shape[1]}")[:, 0]
    try:
        values = _nearest_floats(texts, kind) if kind.kind == "f" else texts.astype(kind)
    except (ValueError, OverflowError) as error:
        raise InputError(f"the text is not that of numbers of type {kind}: {error}") from None
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise InputError(f"number {bad[0]}, {texts[bad[0]].decode()}, is beyond the largest {kind}")
    return values


def checked(values: Array, types: tuple[str, ...]) -> Array:
    """The same numbers in the byte order of this machine, close together in memory.

    Raises:
        InputError: this is no one-dimensional array of one of `types`.
    """
    if not isinstance(values, np.ndarray):
        raise InputError(f"the numbers are a {type(values).__name__}, a numpy array is expected")
    if values.ndim != 1:
        raise InputError(f"the numbers have the shape {values.shape}, one dimension is expected")
    kind = _type(values.dtype, types)
    if values.dtype.isnative:
        return np.ascontiguousarray(values)
    return np.ascontiguousarray(values).byteswap().view(kind)  # as bytes, so that every NaN survives


def type_code(dtype: np.dtype[Any]) -> int:
    """The byte that says the type in the header of a segment."""
    return TYPES.index(dtype.name)


def type_of(code: int, types: tuple[str, ...]) -> np.dtype[Any]:
    """The type that a segment's header says.

    Raises:
        InputError: the byte says no type, or none of `types`.
    """
    if code >= len(TYPES):
        raise InputError(f"its header says number type {code}, there are 0 to {len(TYPES) - 1}")
    return _type(TYPES[code], types)


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
    if bytes_NW.dtype != np.uint8 or bytes_NW.ndim != 2 or bytes_NW.shape[1] != width:
        raise InputError(
            f"the bytes have shape {bytes_NW.shape} and type {bytes_NW.dtype}, "
            f"(numbers, {width}) and uint8 are those of {kind}"
        )
    return np.ascontiguousarray(bytes_NW).reshape(-1).view(f">u{width}").astype(f"u{width}")


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
