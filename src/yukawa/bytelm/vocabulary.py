"""The ids of a byte model: the 256 bytes, and beyond them padding, sequence ends and the marks of segments."""

from __future__ import annotations

from enum import IntEnum

BYTES = 256


class Mark(IntEnum):
    """Ids outside the byte range. A segment begins with the mark of its kind and ends before the next mark.

    Padding may stand anywhere and means nothing; it fills a segment up to a whole patch.
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
