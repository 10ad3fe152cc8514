"""Segments: what may be one, and which are equal."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.bytelm.numbers import RecordFormat
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
    Text,
)
from yukawa.core.errors import InputError

FORM = RecordFormat.of(x="float32", n="int8")


def record(bits: int) -> Records:
    return Records(np.array([(np.uint32(bits).view(np.float32), 1)], FORM.dtype), FORM)


def floats(kind: Any, bits: int) -> Any:
    return kind(np.array([bits], np.uint32).view(np.float32))


@pytest.mark.parametrize("make", [lambda b: floats(Floats, b), lambda b: floats(Ordered, b), record])
def test_equality_compares_bits(make: Any) -> None:
    nan, other_nan, zero, minus_zero = 0x7FC00000, 0x7FC00001, 0, 0x80000000
    assert make(nan) == make(nan)
    assert hash(make(nan)) == hash(make(nan))
    assert make(nan) != make(other_nan)
    assert make(zero) != make(minus_zero)


def test_kinds_types_and_shapes_differ() -> None:
    values = np.array([1, 2], np.int16)
    grey = Image(np.arange(6, dtype=np.uint8).reshape(2, 3))
    different = [
        Integers(values), Integers(values.astype(np.int32)), Decimals(values), Floats(values.astype(np.float16)),
        Ordered(values.astype(np.float16)), Text("1 2"), Formula("1 2"), grey, Image(grey.pixels.reshape(3, 2)),
        Image(grey.pixels.reshape(1, 2, 3)),
        Records(np.ones(1, FORM.dtype), FORM),
        Records(np.ones(1, [("x", "f4")]), RecordFormat.of(x="float32")),
        Records(np.ones(1, [("x", "f4")]), RecordFormat.of(x="ordered32")),
    ]  # fmt: skip
    assert len(set(different)) == len(different)
    for place, one in enumerate(different):
        assert [one == other for other in different] == [place == each for each in range(len(different))]


def test_byte_order_and_layout_are_no_difference() -> None:
    values = np.array([1.5, -0.0, np.nan])
    assert Floats(values) == Floats(values.astype(">f8")) == Floats(np.repeat(values, 2)[::2])
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert Image(pixels) == Image(np.asfortranarray(pixels))
    packed = np.ones(3, FORM.dtype)
    assert Records(packed, FORM) == Records(packed.astype(np.dtype(FORM.dtype.descr, align=True)), FORM)


def test_a_segment_cannot_be_changed() -> None:
    for segment, name in ((Text("a"), "text"), (Integers(np.array([1])), "values")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(segment, name, None)


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(inner, inner).map(lambda pair: f"{{{pair[0]}}}{pair[1]}")


@given(st.recursive(st.text("ab^_\\,"), nested))
def test_matched_braces_are_a_formula(source: str) -> None:
    source = source.replace("\\", r"\}") + "x"
    assert Formula(source).latex == source


@pytest.mark.parametrize(
    "source", [r"\frac{a}{b}", r"\{", r"a \} b", "{a}% {\n", r"\\{x}", r"E = mc^2", "\\"]
)
def test_braces_that_do_not_count(source: str) -> None:
    assert Formula(source).latex == source


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a^{2", "brace opened at character 2 is never closed"),
        ("{{a}", "brace opened at character 0 is never closed"),
        ("a}{", "brace closed at character 1 was never opened"),
        (r"\\}", "brace closed at character 2 was never opened"),
        (r"\%{", "brace opened at character 2 is never closed"),
    ],
)
def test_unbalanced_braces(source: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Formula(source)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Text(""), "Text is empty"),
        (lambda: Formula(""), "Formula is empty"),
        (lambda: Decimals(np.zeros(0)), "Decimals is empty"),
        (lambda: Integers(np.zeros(0, int)), "Integers is empty"),
        (lambda: Floats(np.zeros(0)), "Floats is empty"),
        (lambda: Ordered(np.zeros(0)), "Ordered is empty"),
        (lambda: Image(np.zeros((0, 3), np.uint8)), r"Image is empty: its shape is \(0, 3\)"),
        (lambda: Image(np.zeros((2, 0, 3), np.uint8)), "Image is empty"),
        (lambda: Records(np.zeros(0, FORM.dtype), FORM), "Records is empty"),
    ],
)
def test_empty_segments(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Text(b"a"), "Text holds bytes, a string is expected"),
        (lambda: Formula(None), "Formula holds NoneType"),
        (lambda: Text("ab\ud800"), r"Text: character 2 is half a character \(U\+D800\)"),
        (lambda: Integers(np.array([1.0])), "Integers: .* type float64, allowed are int8"),
        (lambda: Floats(np.array([1])), "Floats: .* type int64, allowed are float16"),
        (lambda: Ordered(np.array([1])), "Ordered: .* type int64"),
        (lambda: Ordered(np.zeros((1, 1))), r"Ordered: .* shape \(1, 1\)"),
        (lambda: Decimals([1]), "Decimals: the numbers are a list"),
        (
            lambda: Decimals(np.array([0, np.nan])),
            "Decimals: number 1 is nan, numbers as text must be finite",
        ),
        (lambda: Decimals(np.array([-np.inf])), "Decimals: number 0 is -inf"),
        (lambda: Image(np.zeros((2, 2))), "Image holds float64, a numpy array of uint8"),
        (lambda: Image([[1]]), "Image holds list"),
        (lambda: Image(np.zeros(4, np.uint8)), r"Image has the shape \(4,\), \(height, width\) or"),
        (lambda: Image(np.zeros((2, 2, 4), np.uint8)), r"Image has the shape \(2, 2, 4\)"),
        (lambda: Image(np.zeros((1, 2, 2, 3), np.uint8)), r"Image has the shape \(1, 2, 2, 3\)"),
        (lambda: Image(np.broadcast_to(np.uint8(0), (1, 2**32))), "a side may have 4294967295 pixels"),
        (lambda: Records(np.zeros(1), FORM), "Records: the records are not a structured"),
        (lambda: Records(np.zeros(1, [("x", "f8"), ("n", "i1")]), FORM), "Records: field 'x'.*float64"),
    ],
)
def test_what_is_no_segment(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_marks_follow_the_bytes_without_a_gap() -> None:
    assert [int(mark) for mark in Mark] == list(range(BYTES, BYTES + len(Mark)))
    assert max(Mark) < VOCABULARY
    assert VOCABULARY % 16 == 0


def test_the_ids_of_trained_models_stay() -> None:
    assert {mark.name: int(mark) for mark in Mark} == {
        "PAD": 256, "BOS": 257, "EOS": 258, "TEXT": 259, "FORMULA": 260, "DECIMALS": 261, "INTEGERS": 262,
        "FLOATS": 263, "ORDERED": 264, "GREY": 265, "RGB": 266, "RECORDS": 267,
    }  # fmt: skip
