"""Floats with a fixed number of decimals: as Python prints them, whatever the float."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.bytelm.decimals import fixed_decimals
from yukawa.core.errors import InputError


def texts(values: np.ndarray, places: int) -> list[str]:
    cells = fixed_decimals(values, places)
    assert cells.dtype == np.uint8
    assert cells.shape[:-1] == values.shape
    assert cells.shape[-1] % 4 == 0
    return [bytes(cell[cell != 0]).decode() for cell in cells.reshape(-1, cells.shape[-1])]


def printed(values: np.ndarray, places: int) -> list[str]:
    return [f"{value:.{places}f}" for value in values.ravel().tolist()]


@given(st.lists(st.floats(), max_size=20), st.integers(1, 9))
def test_every_float_is_as_python_prints_it(values: list[float], places: int):
    array = np.array(values, np.float64)
    assert texts(array, places) == printed(array, places)


@given(st.lists(st.tuples(st.integers(-(2**53), 2**53), st.integers(0, 60)), max_size=20), st.integers(1, 9))
def test_halves_are_rounded_as_python_rounds_them(pairs: list[tuple[int, int]], places: int):
    array = np.array([math.ldexp(mantissa, -exponent) for mantissa, exponent in pairs], np.float64)
    assert texts(array, places) == printed(array, places)


@given(st.lists(st.integers(-(10**15), 10**15), max_size=20), st.integers(1, 9))
def test_neighbours_of_a_decimal_half(units: list[int], places: int):
    half = (np.array(units, np.float64) + 0.5) / 10**places
    array = np.stack([np.nextafter(half, -np.inf), half, np.nextafter(half, np.inf)])
    assert texts(array, places) == printed(array, places)


@pytest.mark.parametrize("places", range(1, 10))
def test_all_sizes(places: int):
    rng = np.random.default_rng(places)
    array = rng.normal(size=(50, 40)) * 10.0 ** rng.integers(-10, 25, (50, 40))
    assert texts(array, places) == printed(array, places)
    assert texts(array.astype(np.float32), places) == printed(array.astype(np.float32), places)


def test_examples():
    array = np.array([0.0, -0.0, 12.5, -3.0000005, 999.9999999, 1234567.0, math.nan, -math.inf, 1e22])
    assert texts(array, 6) == [
        "0.000000", "-0.000000", "12.500000", "-3.000001", "1000.000000", "1234567.000000", "nan", "-inf",
        "10000000000000000000000.000000",
    ]  # fmt: skip
    assert texts(np.array([0.125, 0.375]), 2) == ["0.12", "0.38"]
    assert fixed_decimals(np.empty((0, 3)), 6).shape[:-1] == (0, 3)


@pytest.mark.parametrize("places", [0, -1, 10])
def test_too_few_and_too_many_decimals(places: int):
    with pytest.raises(InputError, match=f"{places} decimals are asked for, 1 to 9 can be written"):
        fixed_decimals(np.zeros(1), places)
