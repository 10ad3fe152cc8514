"""Segments as the ids of a byte model, and back without loss."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from yukawa.bytelm import numbers
from yukawa.bytelm.numbers import Array, RecordFormat
from yukawa.bytelm.segments import (
    BYTES,
    VOCABULARY,
    Decimals,
    Floats,
    Formula,
    Image,
    Integers,
    Mark,
    Ordered,
    Records,
    Segment,
    Text,
)
from yukawa.core.errors import InputError
from yukawa.core.files import atomic_write, read_object

_KINDS = (Text, Formula, Decimals, Integers, Floats, Ordered, Image, Records)
_SIDES = np.dtype((">u4", 2))  # height and width in the header of an image


@dataclass(frozen=True)
class Batch:
    """Sequences side by side, padded on the right.

    Attributes:
        input_ids: int64, shape (B, L); L is a multiple of the patch size.
        attention_mask: int64, shape (B, L): 1 on a sequence (its patches whole), 0 on the padding behind it.
        sequence: int64, shape (B,): from which sequence a row comes.
        windowed: how many sequences were longer than the context and cut into windows.
    """

    input_ids: Array
    attention_mask: Array
    sequence: Array
    windowed: int


@dataclass(frozen=True)
class _Piece:
    """The ids of one segment: its mark, its bytes, and their places in the sequence (the mark's first)."""

    mark: Mark
    body: Array
    places: Array

    def refuse(self, reason: str, at: int = 0) -> NoReturn:
        """Say what is wrong, and where: at byte `at` of the body, counted from 1."""
        where = f" (id {self.places[at]})" if at else ""
        raise InputError(f"{self.mark.name} at id {self.places[0]}: {reason}{where}")


@dataclass(frozen=True)
class ByteTokenizer:
    """Turns segments into ids, `BOS segment … EOS`, and back.

    A segment is its mark, a short header of bytes where its kind needs one, and its bytes. With a patch size P > 1
    a segment fills whole patches, with `Mark.PAD` behind it; mark and header of numbers, images and records fill
    theirs, so that the numbers begin a patch, and each record begins one: a record of P bytes is one patch.
    BOS precedes the first mark in the same patch, EOS follows the last segment.

    Args:
        patch_size: bytes P of a patch.
        records: the formats of the records that may come; their order is part of the code.

    Raises:
        InputError: the patch size is below 1, a format is not a `RecordFormat`, there are more than 256, or one is there twice.
    """

    patch_size: int = 1
    records: Sequence[RecordFormat] = ()

    def __post_init__(self) -> None:
        """Check the patch size and the formats."""
        size, records = self.patch_size, self.records
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InputError(f"the patch size is {size!r}, a whole number of at least 1 is expected")
        if isinstance(records, RecordFormat) or not all(isinstance(each, RecordFormat) for each in records):
            raise InputError(f"records is {records!r}, a list of RecordFormat is expected")
        if len(records) > BYTES or len(set(records)) < len(records):
            raise InputError(f"{len(records)} record formats came, up to {BYTES} different ones are expected")
        object.__setattr__(self, "records", tuple(records))

    def encode(self, *segments: Segment, bos: bool = True, eos: bool = True, whole: bool = True) -> Array:
        """The ids of segments, int16 of shape (L,); with patches, L is a multiple of their size.

        Args:
            whole: whether padding fills the last patch; a prompt that a model shall continue has neither.

        Raises:
            InputError: a segment is of an unknown kind, or a record of a format that the tokenizer does not know.
        """
        row = _Row(self.patch_size)
        if bos:
            row.add([Mark.BOS])
        for place, segment in enumerate(segments):
            if place:
                row.fill()
            self._append(row, segment)
        if eos:
            row.add([Mark.EOS])
        if whole:
            row.fill()
        return row.ids()

    def decode(self, ids: Array | Sequence[int]) -> tuple[Segment, ...]:
        """The segments of ids (n,) that `encode` gave; BOS and EOS may be missing, padding may be anywhere.

        Raises:
            InputError: the ids are damaged; the message says where and how.
        """
        return tuple(self._segment(piece) for piece in _pieces(ids))

    def batch(
        self,
        sequences: Sequence[Sequence[Segment]],
        *,
        context: int | None = None,
        longer: Literal["refuse", "window"] = "refuse",
    ) -> Batch:
        """Sequences of segments as padded ids; see `collate`.

        Raises:
            InputError: as for `collate` and `encode`.
        """
        for place, segments in enumerate(sequences):
            if isinstance(segments, Segment):
                raise InputError(
                    f"sequence {place} is a {type(segments).__name__}, a list of segments is expected",
                    hint="type: batch([[SEGMENT, …], …])",
                )
        return self.collate(
            [self.encode(*segments) for segments in sequences], context=context, longer=longer
        )

    def collate(
        self,
        sequences: Sequence[Array],
        *,
        context: int | None = None,
        longer: Literal["refuse", "window"] = "refuse",
    ) -> Batch:
        """Put encoded sequences into one batch (rows, ids), padded on the right with `Mark.PAD`.

        Args:
            sequences: ids of each, shape (n,), of whole patches.
            context: the largest number of ids in a row, a multiple of the patch size; None sets no limit.
            longer: how a longer sequence is treated: `refuse` it, or cut it into `window`s of `context` ids, one
                behind another (the first begins with its BOS, the last may be shorter).

        Raises:
            InputError: there are no sequences, one is not a row of ids, is empty or not of whole patches, the context is
                not, or a sequence is longer than the context and `longer` is `refuse`.
        """
        sequences = [_row_of_ids(ids, f"sequence {place}") for place, ids in enumerate(sequences)]
        lengths = np.array([len(ids) for ids in sequences], np.int64)
        self._check_lengths(lengths, context, longer)
        limit = int(lengths.max()) if context is None else context
        windows = -(-lengths // limit)
        sequence = np.repeat(np.arange(len(lengths)), windows)
        nth = np.arange(len(sequence)) - np.repeat(np.cumsum(windows) - windows, windows)
        in_row = np.minimum(lengths[sequence] - nth * limit, limit)
        mask = np.arange(in_row.max()) < in_row[:, None]
        input_ids = np.full(mask.shape, int(Mark.PAD), np.int64)
        input_ids[mask] = np.concatenate(sequences)
        return Batch(input_ids, mask.astype(np.int64), sequence, int((windows > 1).sum()))

    def to_dict(self) -> dict[str, Any]:
        """The tokenizer as plain values, such as JSON holds."""
        formats = [[list(field) for field in each.fields] for each in self.records]
        return {"patch_size": self.patch_size, "records": formats}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ByteTokenizer":
        """The tokenizer whose plain values `to_dict` gave.

        Raises:
            InputError: they are not those of a tokenizer.
        """
        try:
            formats = [
                RecordFormat(tuple((name, code) for name, code in fields)) for fields in values["records"]
            ]
            return cls(values["patch_size"], formats)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"these are not the values of a byte tokenizer: {error!r}") from None

    def save(self, path: Path) -> None:
        """Write the tokenizer to a JSON file.

        Raises:
            StoreError: the disk refuses.
        """
        atomic_write(path, json.dumps(self.to_dict(), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "ByteTokenizer":
        """Read the tokenizer that `save` wrote.

        Raises:
            InputError: the file cannot be read, or does not hold a tokenizer.
        """
        return cls.from_dict(read_object(Path(path)))

    def _append(self, row: "_Row", segment: Segment) -> None:
        """Append the mark, the header and the bytes of a segment to a row."""
        match segment:
            case Text(text):
                row.add([Mark.TEXT], _utf8(text))
            case Formula(latex):
                row.add([Mark.FORMULA], _utf8(latex))
            case Decimals(values):
                row.add([Mark.DECIMALS, numbers.type_code(values.dtype)], numbers.to_text(values))
            case Integers(values):
                row.add_aligned([Mark.INTEGERS, numbers.type_code(values.dtype)], numbers.to_bytes(values))
            case Floats(values):
                row.add_aligned([Mark.FLOATS, numbers.type_code(values.dtype)], numbers.to_bytes(values))
            case Ordered(values):
                row.add_aligned([Mark.ORDERED, numbers.type_code(values.dtype)], numbers.to_ordered(values))
            case Image(pixels):
                mark = Mark.GREY if pixels.ndim == 2 else Mark.RGB
                row.add_aligned([mark, *np.array(pixels.shape[:2], ">u4").tobytes()], pixels)
            case Records(records, form):
                row.add_aligned([Mark.RECORDS, self._number(form)], row.each_a_patch(form.to_bytes(records)))
            case _:
                raise InputError(
                    f"a segment is of the kind {type(segment).__name__}, "
                    f"allowed are {', '.join(kind.__name__ for kind in _KINDS)}"
                )

    def _number(self, form: RecordFormat) -> int:
        if form not in self.records:
            raise InputError(
                f"the tokenizer does not know the record format {dict(form.fields)}",
                hint="name it at the start: ByteTokenizer(records=[…])",
            )
        return self.records.index(form)

    def _segment(self, piece: _Piece) -> Segment:
        readers: dict[Mark, Callable[[_Piece], Segment]] = {
            Mark.TEXT: lambda piece: Text(_string(piece)),
            Mark.FORMULA: _formula,
            Mark.DECIMALS: _decimals,
            Mark.INTEGERS: lambda piece: _numbers(piece, Integers, "integers"),
            Mark.FLOATS: lambda piece: _numbers(piece, Floats, "floats"),
            Mark.ORDERED: lambda piece: _numbers(piece, Ordered, "floats"),
            Mark.GREY: _image,
            Mark.RGB: _image,
            Mark.RECORDS: self._records,
        }
        if not len(piece.body):
            piece.refuse("the segment is empty")
        return readers[piece.mark](piece)

    def _records(self, piece: _Piece) -> Segment:
        number = int(piece.body[0])
        if number >= len(self.records):
            piece.refuse(
                f"its header says record format {number}, the tokenizer knows {len(self.records)}", 1
            )
        form = self.records[number]
        return Records(form.from_bytes(_whole(piece, form.size, "records")), form)

    def _check_lengths(self, lengths: Array, context: int | None, longer: str) -> None:
        """Refuse sequences that are empty, not in whole patches or longer than the context, as far as `longer` says."""
        if not len(lengths):
            raise InputError("there are no sequences, at least one is expected")
        if (bad := np.flatnonzero((lengths == 0) | (lengths % self.patch_size > 0))).size:
            raise InputError(
                f"sequence {bad[0]} has {lengths[bad[0]]} ids, whole patches of {self.patch_size} are expected"
            )
        if longer not in ("refuse", "window"):
            raise InputError(f"longer is {longer!r}, allowed are refuse, window")
        if context is None:
            return
        if not isinstance(context, (int, np.integer)):
            raise InputError(f"the context is {context!r}, a whole number is expected")
        if context < 1 or context % self.patch_size:
            raise InputError(
                f"the context is {context} ids, whole patches of {self.patch_size} are expected",
                hint=f"try {max(1, round(context / self.patch_size)) * self.patch_size}",
            )
        if longer == "refuse" and (bad := np.flatnonzero(lengths > context)).size:
            raise InputError(
                f"sequence {bad[0]} has {lengths[bad[0]]} ids, more than the context of {context} ({len(bad)} are longer)",
                hint="give a longer context, or longer='window' to cut them",
            )


class _Row:
    """The ids of a sequence while it grows."""

    def __init__(self, patch_size: int) -> None:
        self._patch_size = patch_size
        self._parts: list[Array] = []
        self._length = 0

    def add(self, head: Sequence[int], body: Array | None = None) -> None:
        """Append ids and the bytes behind them."""
        for part in (np.array(head, np.int16), body):
            if part is not None:
                self._parts.append(part.reshape(-1))
                self._length += part.size

    def add_aligned(self, head: Sequence[int], body: Array) -> None:
        """Append ids, fill their patch, and append the bytes behind them."""
        self.add(head)
        self.fill()
        self.add((), body)

    def fill(self) -> None:
        """Fill the last patch with padding."""
        if missing := -self._length % self._patch_size:
            self.add([Mark.PAD] * missing)

    def each_a_patch(self, rows_NS: Array) -> Array:
        """Rows with padding behind each, so that each fills whole patches."""
        missing = -rows_NS.shape[1] % self._patch_size
        return np.pad(rows_NS.astype(np.int16), ((0, 0), (0, missing)), constant_values=int(Mark.PAD))

    def ids(self) -> Array:
        if not self._parts:
            return np.empty(0, np.int16)
        return np.concatenate(self._parts, dtype=np.int16)


def _row_of_ids(ids: Array | Sequence[int], name: str) -> Array:
    given = np.asarray(ids)
    if given.size and (given.ndim != 1 or given.dtype.kind not in "iu"):
        raise InputError(
            f"{name} came with shape {given.shape} and type {given.dtype}, integers (L,) are expected"
        )
    return given.reshape(-1)


def _pieces(ids: Array | Sequence[int]) -> list[_Piece]:
    """The segments of a sequence, each still as ids; checked is all that lies between segments."""
    given = _row_of_ids(ids, "the ids")
    if not len(given):
        return []
    if (bad := np.flatnonzero((given < 0) | (given >= VOCABULARY))).size:
        raise InputError(f"unknown id {given[bad[0]]} (id {bad[0]}); ids are 0 to {max(Mark)}")
    if (bad := np.flatnonzero(given > max(Mark))).size:
        raise InputError(f"unknown mark {given[bad[0]]} (id {bad[0]}); marks are {min(Mark)} to {max(Mark)}")
    places = np.flatnonzero(given != Mark.PAD)
    found = given[places].astype(np.int16)
    first, last = 0, len(found)
    if last and found[0] == Mark.BOS:
        first = 1
    if last > first and found[-1] == Mark.EOS:
        last -= 1
    marks = first + np.flatnonzero(found[first:last] >= BYTES)
    if (bad := marks[found[marks] <= Mark.EOS]).size:
        name = Mark(int(found[bad[0]])).name
        where = "before the first id" if name == "BOS" else "behind the last one"
        raise InputError(f"{name} is within the sequence (id {places[bad[0]]}), it may only be {where}")
    if last > first and found[first] < BYTES:
        raise InputError(f"byte {found[first]} precedes the first mark (id {places[first]})")
    ends = np.append(marks, last)[1:]
    return [
        _Piece(Mark(int(found[begin])), found[begin + 1 : end].astype(np.uint8), places[begin:end])
        for begin, end in zip(marks, ends, strict=True)
    ]


def _utf8(text: str) -> Array:
    return np.frombuffer(text.encode("utf-8"), np.uint8)


def _string(piece: _Piece) -> str:
    try:
        return piece.body.tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        piece.refuse(f"its bytes are not UTF-8: {error.reason}", error.start + 1)


def _formula(piece: _Piece) -> Segment:
    latex = _string(piece)
    try:
        return Formula(latex)
    except InputError as error:
        piece.refuse(error.message)


def _whole(piece: _Piece, width: int, things: str) -> Array:
    """The bytes behind the header's byte, `width` of them a row."""
    body = piece.body[1:]
    if not len(body) or len(body) % width:
        piece.refuse(f"{len(body)} bytes are not whole {things} of {width} bytes", len(body) + 1)
    return body.reshape(-1, width)


def _header_type(piece: _Piece, types: tuple[str, ...]) -> np.dtype[Any]:
    try:
        return numbers.type_of(int(piece.body[0]), types)
    except InputError as error:
        piece.refuse(error.message, 1)


def _numbers(piece: _Piece, kind: type[Integers | Floats | Ordered], things: str) -> Segment:
    dtype = _header_type(piece, kind.types)
    read = numbers.from_ordered if kind is Ordered else numbers.from_bytes
    return kind(read(_whole(piece, dtype.itemsize, things), dtype))


def _decimals(piece: _Piece) -> Segment:
    kind = _header_type(piece, Decimals.types)
    try:
        return Decimals(numbers.from_text(piece.body[1:], kind))
    except InputError as error:
        piece.refuse(error.message)


def _image(piece: _Piece) -> Segment:
    header = _SIDES.itemsize
    if len(piece.body) < header:
        piece.refuse(f"its header has {len(piece.body)} bytes, {header} are expected", len(piece.body))
    height, width = (int(side) for side in np.frombuffer(piece.body[:header].tobytes(), ">u4"))
    shape = (height, width) if piece.mark is Mark.GREY else (height, width, 3)
    pixels, size = piece.body[header:], math.prod(shape)
    said = f"its header says {height} x {width} pixels"
    if len(pixels) != size:
        piece.refuse(f"{said}, {size} bytes, {len(pixels)} came", len(piece.body))
    if not size:
        piece.refuse(f"{said}, at least one is expected")
    return Image(pixels.reshape(shape))
