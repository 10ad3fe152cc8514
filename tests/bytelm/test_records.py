"""Record formats: fields one after another, each in its code, no bit lost."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.bytelm.numbers import to_bytes, to_ordered
from yukawa.bytelm.records import CODES, RecordFormat
from yukawa.core.errors import InputError

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
        (np.zeros(1), "no structured numpy array of one dimension"),
        ([(1.0, 1, 1.0, 1)], "no structured numpy array"),
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
def test_bytes_of_another_width(data: np.ndarray[Any, Any]) -> None:
    with pytest.raises(InputError, match=r"\(records, 8\) and uint8 are those of the format"):
        PARTICLE.from_bytes(data)
