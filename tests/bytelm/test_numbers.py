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
    CODES,
    FLOATS,
    INTEGERS,
    TYPES,
    RecordFormat,
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
        ("1 2,3", "int8", "byte 3 of the numbers is 44, which is not part of a int8"),
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
    with pytest.raises(InputError, match="type 11; types are 0 to 10"):
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
        with pytest.raises(InputError, match=r"shape \(numbers, 4\) and type uint8 are expected for float32"):
            read(data, np.float32)


PARTICLE = RecordFormat.of(energy="ordered32", charge="int8", d0="float16", kind="uint8")


@st.composite
def formats(draw: st.DrawFn) -> RecordFormat:
    names = draw(
        st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5, unique=True)
    )
    return RecordFormat(tuple((name, draw(st.sampled_from(CODES))) for name in names))


@st.composite
def tables(draw: st.DrawFn, least: int = 0) -> tuple[RecordFormat, np.ndarray[Any, Any]]:
    """Formats with records of any bits."""
    form = draw(formats())
    count = draw(st.integers(least, 5))
    data = draw(st.binary(min_size=count * form.size, max_size=count * form.size))
    return form, np.frombuffer(data, form.dtype)


@given(tables())
def test_records_round_trip(table: tuple[RecordFormat, np.ndarray[Any, Any]]) -> None:
    form, records = table
    data = form.to_bytes(records)
    assert data.shape == (len(records), form.size)
    back = form.from_bytes(data)
    assert back.dtype == records.dtype == form.dtype
    assert back.tobytes() == records.tobytes()


@given(tables())
def test_columns_give_the_bytes_of_records(table: tuple[RecordFormat, np.ndarray[Any, Any]]) -> None:
    form, records = table
    columns = {name: records[name] for name, _ in reversed(form.fields)} | {"other": np.zeros(1)}
    np.testing.assert_array_equal(form.to_bytes(columns), form.to_bytes(records))


def test_fields_lie_one_after_another() -> None:
    records = np.array([(-1.5, -1, 2.0, 7), (3.0, 1, np.nan, 0)], PARTICLE.dtype)
    data = PARTICLE.to_bytes(records)
    assert PARTICLE.size == 8
    np.testing.assert_array_equal(data[:, :4], to_ordered(records["energy"]))
    np.testing.assert_array_equal(data[:, 5:7], to_bytes(records["d0"]))
    assert bytes(data[0, 4:]) == struct.pack(">beB", -1, 2.0, 7)


@given(tables())
def test_packing_changes_no_bit(table: tuple[RecordFormat, np.ndarray[Any, Any]]) -> None:
    form, records = table
    swapped = np.empty(len(records), np.dtype(records.dtype.descr, align=True).newbyteorder())
    for name, _ in form.fields:
        swapped[name] = records[name].byteswap().view(swapped.dtype[name])
    packed = form.pack(swapped)
    assert packed.dtype == form.dtype
    assert packed.tobytes() == records.tobytes()


def test_formats_are_equal_when_their_fields_are() -> None:
    assert RecordFormat((("a", "int8"), ("b", "uint8"))) == RecordFormat.of(a="int8", b="uint8")
    assert RecordFormat.of(a="int8", b="uint8") != RecordFormat.of(b="uint8", a="int8")
    assert len({RecordFormat.of(a="int8"), RecordFormat.of(a="int8")}) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "no fields"),
        ((("a", "int8"), ("a", "int8")), "field 1 of a record is named 'a'"),
        ((("", "int8"),), "field 0 of a record is named ''"),
        (((1, "int8"),), "field 0 of a record is named 1"),
        ((("a", "ordred32"),), "code 'ordred32', allowed are int8.*did you mean 'ordered32'"),
        ((("a", None),), "code None"),
    ],
)
def test_what_are_no_formats(fields: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RecordFormat(fields)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ({"energy": np.zeros(1, "f4")}, "no field 'charge'; they have energy"),
        (np.zeros(1), "no field 'energy'; they have none"),
        (np.zeros(1, [("energy", "f8")]), "field 'energy' of the records: .* type float64, allowed are float32"),
        (np.zeros(1, [("energy", "f4", 2)]), r"field 'energy' of the records: .* shape \(1, 2\)"),
        (
            {"energy": np.zeros(2, "f4"), "charge": np.zeros(3, "i1"), "d0": np.zeros(2, "f2"),
             "kind": np.zeros(2, "u1")},
            "field 'charge' has 3 records, 'energy' has 2",
        ),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit(records: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PARTICLE.to_bytes(records)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (np.zeros(1), "not a structured numpy array of one dimension"),
        ([(1.0, 1, 1.0, 1)], "not a structured numpy array"),
        (np.zeros((1, 1), PARTICLE.dtype), "one dimension"),
        (np.zeros(1, [("energy", "f4")]), "the fields energy, the format has energy, charge, d0, kind"),
    ],
)
def test_records_of_another_shape(records: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PARTICLE.pack(records)


@pytest.mark.parametrize(
    "data", [np.zeros((2, 7), np.uint8), np.zeros(8, np.uint8), np.zeros((1, 8), np.int16)]
)
def test_records_of_another_width(data: np.ndarray[Any, Any]) -> None:
    with pytest.raises(InputError, match=r"shape \(records, 8\) and type uint8 are expected for the format"):
        PARTICLE.from_bytes(data)
