"""Guarded readers: what they read is what was written, and what is too deep, long or large is refused at once."""

from __future__ import annotations

import gzip
import io
import json
import math
import time
import tracemalloc
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.core.guarded import DEEPEST, LONGEST_LINE, lines_of, parse_json, parse_row, parse_toml

KEYS = st.lists(st.text("ab-_1", min_size=1, max_size=3), min_size=1, max_size=DEEPEST)


@given(KEYS)
def test_dotted_keys_are_read_to_their_depth(keys):
    found = parse_toml(".".join(keys) + " = 1", "here")
    for key in keys:
        found = found[key]
    assert found == 1


@pytest.mark.parametrize("part", ["a", ' "a" ', "'a'", '"\\""', "'\"'", '"a.b"'])
@pytest.mark.parametrize(
    "form", ["{} = 1", "[{}]", "[[{}]]", "x = {{ {} = 1 }}", "  {}=1 # a comment", 'y = "\\"" \n{} = 1']
)
def test_keys_deeper_than_allowed_are_refused_at_once_however_they_are_written(part, form):
    began = time.process_time()
    with pytest.raises(InputError, match=r"^here:\d is nested too deeply"):
        parse_toml(form.format(".".join([part] * 20_000)), "here")
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("text", [
    "x = '" + "a. " * 500 + "'", 'x = """\n' + "One word. Another one. " * 400 + '\n"""', 'x = "' + ".".join("ab" * 200) + '"',
])  # fmt: skip
def test_texts_with_many_full_stops_are_read(text):
    assert "x" in parse_toml(text, "here")


@pytest.mark.parametrize(
    "read", [parse_json, parse_row, lambda text, where: parse_toml(f"a = {text}", where)]
)
def test_a_huge_number_is_refused_without_advice_to_programmers(read):
    with pytest.raises(InputError, match="a whole number has more than 4,300 digits") as caught:
        read("9" * 5000, "here")
    assert "sys." not in str(caught.value)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-400, 400), st.integers(1, 400))
def test_a_number_of_json_is_finite_or_refused(number, power, digits):
    for written in (
        repr(number),
        f"{number}e{power}" if "e" not in repr(number) else "1",
        "7" * digits + ".5",
    ):
        try:
            assert math.isfinite(parse_json(f"[{written}]", "here")[0])
            assert parse_json(written, "here") == float(written)
        except InputError as error:
            assert math.isinf(float(written))
            assert "is too large" in str(error)  # noqa: PT017 -- either is right, each for its numbers


BOMBS = {
    "wide": ['{"a": "\U0001f600'.encode(), b"a" * 1_000_000, 10],
    "a text": [b'{"a": "', b"a" * (1 << 20), 300], "lists": [b'{"a": [', b"[]," * 100_000, 40],
    "tables": [b'{"a": [', b"{}," * 100_000, 36], "texts": [b'{"a": [', b'"ab",' * 100_000, 12],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOMBS)
def test_no_line_fills_the_memory(kind):
    begin, piece, times = BOMBS[kind]
    end = b'"}' if kind in ("a text", "wide") else b"0]}"
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as handle:
        for part in (begin, *[piece] * times, end):
            handle.write(part)
    packed.seek(0)
    tracemalloc.start()
    with nullcontext() if kind == "wide" else pytest.raises(InputError, match=r"^here:1 has"):
        for line in lines_of(gzip.GzipFile(fileobj=packed).readline, "here"):
            parse_row(line, "here")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6


def test_the_longest_text_that_can_be_taught_is_one_line():
    row = {"text": '"' * 5_000_000, "source": "x" * 1000}
    line = json.dumps(row).encode() + b"\n"
    assert len(line) < LONGEST_LINE
    assert [parse_row(one, "here") for one in lines_of(io.BytesIO(line * 2).readline, "here")] == [row, row]
