"""The ids of a byte model, and the kinds of data that make a sequence: text, formulas, numbers, images and records."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np

from yukawa.bytelm.numbers import FLOATS, INTEGERS, TYPES, Array, RecordFormat, check_finite, checked
from yukawa.core.errors import InputError

BYTES = 256


class Mark(IntEnum):
    """Ids outside the byte range. A segment begins with the mark of its kind and ends before the next mark.

    Padding may be anywhere and means nothing; it fills a segment up to a whole patch.
    """

    PAD = 256
    BOS = 257
    EOS = 258
    TEXT = 259  # UTF-8
    FORMULA = 260  # LaTeX source in UTF-8
    DECIMALS = 261  # numbers as text, after one byte that says the type
    INTEGERS = 262  # big-endian, after one byte that says the type
    FLOATS = 263  # IEEE 754 big-endian, after one byte that says the type
    ORDERED = 264  # floats whose bytes sort as the numbers do, after one byte that says the type
    GREY = 265  # an image: height and width, then a byte a pixel
    RGB = 266  # an image: height and width, then three bytes a pixel
    RECORDS = 267  # records of one format, after one byte that says which


# A multiple of 16, which matrix products like; the last ids are never used.
VOCABULARY = 272
# Where a brace does not count: in a control symbol such as \{, or a comment.
_BRACES = re.compile(r"\\.|%[^\n]*|[{}]", re.DOTALL)
_LARGEST_SIDE = 2**32 - 1


class Segment:
    """A piece of a sequence. Two are equal when their bits are: NaN equals itself, -0 is not 0.

    Raises:
        InputError: the piece is empty, or the data have another type or shape than its kind.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._bits() == other._bits()

    def __hash__(self) -> int:
        return hash((type(self), self._bits()))

    def _bits(self) -> tuple[Any, ...]:
        """The fields, arrays as type, shape and bytes."""
        return tuple(
            (field.dtype, field.shape, field.tobytes()) if isinstance(field, np.ndarray) else field
            for field in vars(self).values()
        )


@dataclass(frozen=True, eq=False)
class Text(Segment):
    """Text; every Unicode string that is not empty.

    Raises:
        InputError: the text is empty, or holds half a character (a lone surrogate).
    """

    text: str

    def __post_init__(self) -> None:
        """Check the text."""
        _check_text("Text", self.text)


@dataclass(frozen=True, eq=False)
class Formula(Segment):
    r"""A formula as LaTeX source, kept to the byte; its structure is that of `{`, `}`, `^` and `_`.

    Raises:
        InputError: the source is empty or its braces do not match (`\{` and comments do not count).
    """

    latex: str

    def __post_init__(self) -> None:
        """Check the source."""
        _check_text("Formula", self.latex)
        opened = []
        for found in _BRACES.finditer(self.latex):
            if found[0] == "{":
                opened.append(found.start())
            elif found[0] == "}" and not opened:
                raise InputError(f"Formula: the brace closed at character {found.start()} was never opened")
            elif found[0] == "}":
                opened.pop()
        if opened:
            raise InputError(f"Formula: the brace opened at character {opened[-1]} is never closed")


@dataclass(frozen=True, eq=False)
class _Numbers(Segment):
    """One-dimensional numbers with their type."""

    values: Array
    types: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        """Check the numbers, and bring them into the byte order of this machine."""
        with _named(self):
            object.__setattr__(self, "values", checked(self.values, self.types))
        if not len(self.values):
            raise InputError(f"{type(self).__name__} is empty, at least one number is expected")


class Decimals(_Numbers):
    """Numbers written out in decimal, a space between them: integers, and floats that are finite.

    Raises:
        InputError: there are no numbers, they have another type or shape, or one is NaN or infinite.
    """

    types = TYPES

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        with _named(self):
            check_finite(self.values)


class Integers(_Numbers):
    """Integers of 8 to 64 bits, signed or not, as big-endian bytes."""

    types = INTEGERS


class Floats(_Numbers):
    """Floats of 16, 32 or 64 bits as big-endian IEEE 754 bytes."""

    types = FLOATS


class Ordered(_Numbers):
    """Floats of 16, 32 or 64 bits in a code whose bytes sort as the numbers do."""

    types = FLOATS


@dataclass(frozen=True, eq=False)
class Image(Segment):
    """An image, uint8: grey of shape (H, W) or red, green and blue of shape (H, W, 3).

    Raises:
        InputError: the array has another type or shape, or no pixels.
    """

    pixels: Array

    def __post_init__(self) -> None:
        """Check the pixels."""
        pixels = self.pixels
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
            came = pixels.dtype if isinstance(pixels, np.ndarray) else type(pixels).__name__
            raise InputError(f"Image holds {came}, a numpy array of uint8 is expected")
        if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
            raise InputError(
                f"Image has the shape {pixels.shape}, (height, width) or (height, width, 3) is expected"
            )
        if not pixels.size:
            raise InputError(f"Image is empty: its shape is {pixels.shape}")
        if max(pixels.shape) > _LARGEST_SIDE:
            raise InputError(f"Image has the shape {pixels.shape}, a side may have {_LARGEST_SIDE} pixels")
        object.__setattr__(self, "pixels", np.ascontiguousarray(pixels))


@dataclass(frozen=True, eq=False)
class Records(Segment):
    """Records of one format, such as the particles of a jet.

    Attributes:
        records: structured array, shape (N,), with the fields of the format.
        format: how a record becomes bytes.

    Raises:
        InputError: there are no records, or their fields are not those of the format.
    """

    records: Array
    format: RecordFormat

    def __post_init__(self) -> None:
        """Check the records, and close the gaps between their fields."""
        with _named(self):
            object.__setattr__(self, "records", self.format.pack(self.records))
        if not len(self.records):
            raise InputError("Records is empty, at least one record is expected")


def _check_text(kind: str, text: Any) -> None:
    if not isinstance(text, str):
        raise InputError(f"{kind} holds {type(text).__name__}, a string is expected")
    if not text:
        raise InputError(f"{kind} is empty, at least one character is expected")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{kind}: character {error.start} is half a character (U+{ord(text[error.start]):04X}), "
            "which UTF-8 cannot hold"
        ) from None


@contextmanager
def _named(segment: Segment) -> Iterator[None]:
    """In this block, errors begin with the kind of the segment."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{type(segment).__name__}: {error.message}", hint=error.hint) from None
