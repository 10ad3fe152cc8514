"""Floats written out with a fixed number of decimals, whole arrays at once."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError

Array: TypeAlias = NDArray[Any]

_MOST_PLACES = 9
_GROUP = 3  # digits of a group, which is one look-up
_EXACT = 2.0**52  # below it float64 shows halves
_MARGIN = 2.0**-51  # relative; the rounding of one product is a quarter of it
_MINUS = np.frombuffer(b"-\0\0\0", np.uint32)[0]


def fixed_decimals(values: Array, places: int) -> Array:
    """Floats as `"%.6f" % value` prints them (`places` = 6): characters, uint8 of shape (*values.shape, W).

    W is a multiple of 4. A text shorter than W is filled up with zero bytes, which may stand anywhere in it: the
    text is what is left without them. Every double comes out as Python prints it, to the last digit; NaN and
    infinities are `nan`, `inf` and `-inf`.

    Raises:
        InputError: `places` is not from 1 to 9.
    """
    if not 1 <= places <= _MOST_PLACES:
        raise InputError(f"{places} decimals are asked for, 1 to {_MOST_PLACES} can be written")
    numbers = np.ascontiguousarray(values, np.float64).reshape(-1)
    sizes = np.abs(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = sizes * 10.0**places
        rounded = np.rint(scaled)
        # Python rounds the exact value. The product is rounded itself, and may end on the wrong side of a half.
        certain = (np.abs(scaled - rounded) < 0.5 - scaled * _MARGIN) & (scaled < _EXACT)
    odd = np.flatnonzero(~certain)
    rounded[odd] = 0
    words = _digits(rounded.astype(np.int64), np.signbit(numbers), places)
    if not len(odd):
        return words.view(np.uint8).reshape(*values.shape, 4 * words.shape[1])
    texts = np.array([f"{value:.{places}f}" for value in numbers[odd].tolist()], np.bytes_)
    width = max(4 * words.shape[1], -(-texts.itemsize // 4) * 4)
    characters = np.zeros((len(numbers), width), np.uint8)
    characters[:, : 4 * words.shape[1]] = words.view(np.uint8)
    characters[odd] = 0
    characters[odd, : texts.itemsize] = texts[:, None].view(np.uint8)
    return characters.reshape(*values.shape, width)


def _digits(units: Array, negative: Array, places: int) -> Array:
    """Whole numbers of the last decimal as text, (N, words) of four characters each."""
    groups = -(-places // _GROUP)
    units = units * 10 ** (groups * _GROUP - places)
    words: list[Array] = []
    for group in range(groups):
        digits = places - (groups - 1) * _GROUP if group == 0 else _GROUP
        units, rest = _split(units)
        words.append(_table(b".%03d" if group == groups - 1 else b"\0%03d", digits)[rest])
    units, rest = _split(units)
    words.append(_table(b"%4d", _GROUP)[rest])
    while units.any():
        words[-1] = np.where(units > 0, _table(b"\0%03d", _GROUP)[rest], words[-1])
        above, rest = _split(units)
        words.append(np.where(units > 0, _table(b"%4d", _GROUP)[rest], np.uint32(0)))
        units = above
    words[-1] |= negative * _MINUS  # the first character of a group of digits is free
    return np.stack(words[::-1], axis=1)


def _split(units: Array) -> tuple[Array, Array]:
    above = units // 1000
    return above, units - above * 1000


@cache
def _table(form: bytes, digits: int) -> Array:
    """The numbers 0 to 999 as words of four characters; fewer than three `digits` leave out the last ones."""
    texts = [(form % number).replace(b" ", b"\0")[: 1 + digits].ljust(4, b"\0") for number in range(1000)]
    return np.frombuffer(b"".join(texts), np.uint32)
