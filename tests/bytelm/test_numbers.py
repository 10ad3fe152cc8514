"""Numbers as bytes: no bit is lost, the bytes are those of `struct`, and the ordered code sorts."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.bytelm.numbers import (
    FLOATS,
    INTEGERS,
    TYPES,
    from_bytes,
    from_ordered,
    from_text,
    to_bytes,
    to_ordered,
    to_text,
    type_code,
    type_of,
)
from yukawa.core.errors import InputError

LETTERS = dict(zip(TYPES, "bhiqBHIQefd", strict=True))  # of struct


@st.composite
def arrays(draw: st.DrawFn, types: tuple[str, ...] = TYPES, least: int = 0) -> np.ndarray[Any, Any]:
    """Arrays of any bits: every NaN, -0, infinities and subnormals among floats."""
    kind = np.dtype(draw(st.sampled_from(types)))
    largest = 2 ** (8 * kind.itemsize) - 1
    sign = 1 << (8 * kind.itemsize - 1)
    limits = [0, 1, largest, largest - 1, sign, sign - 1, sign + 1]
    if kind.kind == "f":
        bits = np.array([np.inf, -np.inf, np.nan, 1, -1], kind).view(f"u{kind.itemsize}")
        limits += [int(each) for each in bits] + [int(each) + 1 for each in bits[:2]]
    numbers = draw(st.lists(st.sampled_from(limits) | st.integers(0, largest), min_size=least, max_size=20))
    return np.array(numbers, f"u{kind.itemsize}").view(kind)


def same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@given(arrays())
def test_bytes_round_trip(values: np.ndarray[Any, Any]) -> None:
    data = to_bytes(values)
    assert data.dtype == np.uint8
    assert data.shape == (len(values), values.itemsize)
    assert same(from_bytes(data, values.dtype), values)


@given(arrays(INTEGERS))
def test_bytes_are_those_of_struct(values: np.ndarray[Any, Any]) -> None:
    letter = LETTERS[values.dtype.name]
    assert to_bytes(values).tobytes() == b"".join(struct.pack(f">{letter}", int(each)) for each in values)


@given(st.lists(st.floats(width=16), max_size=20), st.sampled_from(FLOATS))
def test_bytes_of_floats_are_those_of_struct(numbers: list[float], kind: str) -> None:
    values = np.array([each for each in numbers if each == each], kind)
    assert to_bytes(values).tobytes() == b"".join(
        struct.pack(f">{LETTERS[kind]}", float(each)) for each in values
    )


def test_the_example_of_the_paper_put_right() -> None:
    assert to_bytes(np.array([12345])).tolist() == [[0, 0, 0, 0, 0, 0, 48, 57]]
    assert to_text(np.array([12345])).tolist() == [49, 50, 51, 52, 53]


@given(arrays(FLOATS))
def test_ordered_round_trip(values: np.ndarray[Any, Any]) -> None:
    assert same(from_ordered(to_ordered(values), values.dtype), values)


@given(arrays(FLOATS))
def test_ordered_bytes_compare_as_the_numbers(values: np.ndarray[Any, Any]) -> None:
    data = [bytes(row) for row in to_ordered(values)]
    for one, code in zip(values, data, strict=True):
        for other, beyond in zip(values, data, strict=True):
            if one < other:
                assert code < beyond
            if code < beyond:
                assert not one > other


def test_ordered_bytes_of_every_half() -> None:
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    data = to_ordered(values)
    code = data[:, 0].astype(int) * 256 + data[:, 1]
    assert len(np.unique(code)) == 2**16
    finite = ~np.isnan(values)
    ordered = values[np.argsort(code)]
    assert (np.diff(ordered[~np.isnan(ordered)].astype(float)) >= 0).all()
    minus = np.signbit(values)
    assert code[~finite & minus].max() < code[values == -np.inf].min()
    assert code[~finite & ~minus].min() > code[values == np.inf].max()
    zeros = np.flatnonzero(values == 0)  # 0, -0
    assert code[zeros[0]] == code[zeros[1]] + 1


@given(arrays())
def test_text_round_trip(values: np.ndarray[Any, Any]) -> None:
    values = values[np.isfinite(values)]
    assert same(from_text(to_text(values), values.dtype), values)


@given(arrays(FLOATS))
def test_text_is_the_shortest(values: np.ndarray[Any, Any]) -> None:
    values = values[np.isfinite(values)]
    words = to_text(values).tobytes().decode().split()
    assert words == [str(each) for each in values]


def test_every_half_as_text() -> None:
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    values = values[np.isfinite(values)]
    assert same(from_text(to_text(values), np.float16), values)


# Shortest texts that lie, in float64, just in the middle of two floats of 32 bits; rounded twice they come out wrong.
@pytest.mark.parametrize("text", ["7.038531e-26", "-7.038531e-26"])
def test_a_text_in_the_middle_of_two_floats(text: str) -> None:
    twice = np.array([float(text)]).astype(np.float32)
    near = [np.nextafter(twice, np.float32(side)) for side in (-1, 1)]
    nearest = min([twice, *near], key=lambda value: abs(Fraction(float(value[0])) - Fraction(text)))
    assert nearest != twice
    assert same(from_text(to_text(nearest), np.float32), nearest)


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("-1 +2 0", "int8", [-1, 2, 0]),
        ("-9223372036854775808 9223372036854775807", "int64", [-(2**63), 2**63 - 1]),
        ("18446744073709551615", "uint64", [2**64 - 1]),
        ("-1.5e-3 +2E+4 5 .25", "float64", [-0.0015, 2e4, 5.0, 0.25]),
        ("16777217 3.4028235e+38", "float32", [16777216.0, 3.4028234663852886e38]),
    ],
)
def test_signs_and_exponents(text: str, kind: str, values: list[float]) -> None:
    assert same(from_text(np.frombuffer(text.encode(), np.uint8), kind), np.array(values, kind))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_text_refuses_what_is_not_finite(value: float) -> None:
    with pytest.raises(InputError, match=r"number 1 is -?(nan|inf), numbers as text must be finite.*Ordered"):
        to_text(np.array([1, value], np.float32))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("1 2,3", "int8", "byte 3 of the numbers is 44, no part of a int8"),
        ("1_000", "int64", "byte 1 of the numbers is 95"),
        ("nan", "float64", "byte 0 of the numbers is 110"),
        ("1.5", "int8", "byte 1 of the numbers is 46"),
        ("1  2", "int8", "number 1 has 0 characters.*single space"),
        ("1 ", "float32", "number 1 has 0 characters"),
        (" ", "float32", "number 0 has 0 characters"),
        ("1" * 65, "float64", "number 0 has 65 characters"),
        ("1-2", "int8", "not that of numbers of type int8"),
        ("1.2.3", "float16", "not that of numbers of type float16"),
        ("1 128", "int8", "not that of numbers of type int8"),
        ("-1", "uint64", "not that of numbers of type uint64"),
        ("18446744073709551616", "uint64", "not that of numbers of type uint64"),
        ("1 1e39", "float32", "number 1, 1e39, is beyond the largest float32"),
        ("65520", "float16", "number 0, 65520, is beyond the largest float16"),
    ],
)
def test_damaged_text(text: str, kind: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_text(np.frombuffer(text.encode(), np.uint8), kind)


def test_other_byte_orders_and_gaps_in_memory() -> None:
    values = np.frombuffer(np.array([0x7F800001, 0xFFC12345, 1], ">u4").tobytes(), ">f4")
    native = np.array([0x7F800001, 0xFFC12345, 1], np.uint32).view(np.float32)
    for each in (values, native, np.repeat(native, 2)[::2], np.repeat(values, 2)[::2]):
        assert same(from_bytes(to_bytes(each), each.dtype.newbyteorder("=")), native)
        assert same(from_ordered(to_ordered(each), np.float32), native)
    cells = np.zeros((3, 8), np.uint8)
    cells[:, ::2] = to_bytes(native)
    assert same(from_bytes(cells[:, ::2], np.float32), native)


def test_the_byte_that_says_the_type() -> None:
    for code, name in enumerate(TYPES):
        assert type_code(np.dtype(name)) == code
        assert type_of(code, TYPES) == np.dtype(name)
    with pytest.raises(InputError, match="type 11, there are 0 to 10"):
        type_of(11, TYPES)
    with pytest.raises(InputError, match="type float16, allowed are int8"):
        type_of(8, INTEGERS)


@pytest.mark.parametrize("write", [to_bytes, to_text])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "a list, a numpy array is expected"),
        (np.zeros((2, 2)), r"shape \(2, 2\), one dimension"),
        (np.array(1.0), r"shape \(\), one dimension"),
        (np.array([True]), "type bool, allowed are int8"),
        (np.array(["1"]), "allowed are int8"),
        (np.array([1j]), "type complex128"),
        (np.array([1], object), "type object"),
        (np.array(["2026"], "datetime64[Y]"), "type datetime64"),
    ],
)
def test_what_are_no_numbers(write: Any, values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write(values)


def test_the_ordered_code_is_for_floats() -> None:
    with pytest.raises(InputError, match="type int64, allowed are float16, float32, float64"):
        to_ordered(np.array([1]))
    with pytest.raises(InputError, match="type int16, allowed are float16"):
        from_ordered(np.zeros((1, 2), np.uint8), np.int16)


@pytest.mark.parametrize(
    "data", [np.zeros((2, 3), np.uint8), np.zeros(4, np.uint8), np.zeros((1, 4), np.int16)]
)
def test_bytes_of_another_width(data: np.ndarray[Any, Any]) -> None:
    for read in (from_bytes, from_ordered):
        with pytest.raises(InputError, match=r"\(numbers, 4\) and uint8 are those of float32"):
            read(data, np.float32)
