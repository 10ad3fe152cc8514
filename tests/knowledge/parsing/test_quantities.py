"""Numbers with errors are read alike in every notation, and comparing them is fair."""

from __future__ import annotations

import dataclasses
import math
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing import Quantity, find_quantities

SUPERSCRIPT = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")

decimals = st.integers(1, 10**7).flatmap(
    lambda n: st.integers(0, 5).map(lambda places: Decimal(n).scaleb(-places))
).map(lambda d: format(d, "f"))  # fmt: skip
powers = st.integers(-30, 30)


def one(text: str) -> Quantity:
    found = find_quantities(text)
    assert len(found) == 1, (text, found)
    return found[0]


def same(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-12))


# ---- laws: reading ----------------------------------------------------------------------------------


@given(decimals, decimals, st.booleans(), powers)
def test_symmetric_errors_in_every_notation(value: str, error: str, negative: bool, power: int) -> None:
    value = "-" + value if negative else value
    expected = float(value) * 10.0**power, float(error) * 10.0**power
    raised = str(power).translate(SUPERSCRIPT)
    for text in (
        f"({value} ± {error}) × 10{raised}", f"({value} +- {error}) x 10^{power}", f"({value}±{error})·10{raised}",
        rf"$({value} \pm {error}) \times 10^{{{power}}}$", f"({value} +/- {error}) * 10**{power}", f"{value}e{power} ± {error}e{power}",
        f"{value.replace('-', '−')}E{power} +- {error}E{power}", rf"({value} \pm {error}) \cdot 10^{{{power}}}",
    ):  # fmt: skip
        read = one(f"it is {text}.")
        assert same(read.value, expected[0]), text
        assert same(read.error_plus, expected[1]), text
        assert same(read.error_minus, expected[1]), text
        assert (read.unit, read.bound) == ("", None)


@given(decimals, decimals, decimals)
def test_asymmetric_errors_in_every_notation(value: str, plus: str, minus: str) -> None:
    for text in (
        f"{value} +{plus} -{minus}", f"{value} +{plus} −{minus}", f"{value}^{{+{plus}}}_{{-{minus}}}",
        f"{value}_{{-{minus}}}^{{+{plus}}}", f"${value} ^{{+{plus}}}_{{-{minus}}}$", f"({value} + {plus} - {minus})",
    ):  # fmt: skip
        read = one(f"{text} MeV")
        assert same(read.value, float(value) * 1e6), text
        assert same(read.error_plus, float(plus) * 1e6), text
        assert same(read.error_minus, float(minus) * 1e6), text
        assert read.unit == "eV"


@given(decimals, st.integers(1, 99))
def test_errors_in_brackets_count_last_digits(value: str, digits: int) -> None:
    places = len(value.partition(".")[2])
    read = one(f"{value}({digits}) ps")
    assert same(read.error_plus, digits * 10.0**-places * 1e-12)
    assert read.error_plus == read.error_minus
    assert same(read.resolution, 10.0**-places * 1e-12)


@given(decimals, decimals)
def test_percent_is_a_hundredth(value: str, error: str) -> None:
    for text in (
        f"({value} ± {error}) %",
        f"({value} ± {error})%",
        f"{value} ± {error} %",
        f"({value} +- {error}) percent",
    ):
        read = one(text)
        assert same(read.value, float(value) / 100), text
        assert same(read.error_plus, float(error) / 100), text


@given(decimals)
@pytest.mark.parametrize(("small", "large", "factor"), [
    ("MeV", "GeV", 1000), ("keV", "MeV", 1000), ("eV", "TeV", 10**12), ("ps", "ns", 1000), ("fs", "s", 10**15),
    ("MeV/c^2", "GeV/c²", 1000), ("mm", "cm", 10), ("fb", "pb", 1000), ("μs", "ms", 1000), ("µs", "us", 1),
])  # fmt: skip
def test_units_convert(small: str, large: str, factor: int, value: str) -> None:
    a, b = one(f"{format(Decimal(value) * factor, 'f')} {small}"), one(f"{value} {large}")
    assert same(a.value, b.value)
    assert a.unit == b.unit != ""


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["1", "12 345", "1,000", "0.5", ".5", "e", "E9", "999999", "±", "+-", "+", "-", "(", ")", "×10", "^", "⁻¹⁵",
    "{", "}", "\\pm", "MeV", "%",
     " ", "<", "less than ", "$", "x 10^400", "٣", "²", "10", "\\mathrm{s}"]), max_size=10).map("".join))  # fmt: skip
def test_whatever_is_read_is_finite_and_lies_in_the_text_in_order(text: str) -> None:
    end = 0
    for q in find_quantities(text):
        assert end <= q.start < q.end <= len(text)
        end = q.end
        assert all(math.isfinite(n) for n in (q.value, q.error_plus or 0, q.error_minus or 0, q.resolution))


# ---- laws: comparing --------------------------------------------------------------------------------

numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))
errors = st.none() | st.floats(0, 1e4).map(lambda x: round(x, 3))


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    bound = draw(st.sampled_from([None, None, "upper", "lower"]))
    plus = None if bound else draw(errors)
    minus = plus if plus is None or draw(st.booleans()) else abs(draw(numbers))
    unit = draw(st.sampled_from(["eV", "eV", "s"]))
    return Quantity(draw(numbers), plus, minus, unit, bound, draw(st.sampled_from([1.0, 0.1, 0.001])), 0, 1)


@given(quantities(), quantities())
def test_contradiction_is_symmetric(a: Quantity, b: Quantity) -> None:
    assert a.contradicts(b) == b.contradicts(a)
    if a.unit != b.unit:
        assert not a.contradicts(b)


@given(quantities())
def test_nothing_contradicts_itself(a: Quantity) -> None:
    assert not a.contradicts(a)


@given(quantities(), quantities())
def test_a_larger_error_never_makes_a_contradiction(a: Quantity, b: Quantity) -> None:
    plus, minus = a.error_plus or 0.0, a.error_minus or 0.0
    stated = dataclasses.replace(a, bound=None, error_plus=plus, error_minus=minus)
    wider = dataclasses.replace(stated, error_plus=2 * plus + 1, error_minus=2 * minus + 1)
    assert stated.contradicts(b) or not wider.contradicts(b)


@pytest.mark.parametrize(("apart", "contradict"), [(2.9, False), (3.1, True)])
def test_three_standard_deviations_are_the_limit(apart: float, contradict: bool) -> None:
    first = one("1.000000 ± 0.030000 GeV")
    for error in (0.03, 0.04):
        value = 1 + apart * math.hypot(0.03, error)
        assert first.contradicts(one(f"{value:.6f} ± {error:.6f} GeV")) is contradict
    assert first.contradicts(one(f"{1 + apart * 0.03:.6f} GeV")) is contradict
    assert first.contradicts(one(f"< {1 - apart * 0.03:.6f} GeV")) is contradict


@pytest.mark.parametrize(("a", "b", "contradict"), [
    ("1776.93 ± 0.09 MeV", "1777.0 MeV", False), ("1776.93 ± 0.09 MeV", "1.77693 GeV", False), ("1776.93 ± 0.09 MeV", "1785 ± 1 MeV", True),
    ("1776.93 ± 0.09 MeV", "1700 MeV", True), ("5.0 MeV", "5.05 MeV", False), ("5.0 MeV", "5.2 MeV", True), ("80 %", "0.8", False),
    ("80 %", "20 %", True), ("< 5 MeV", "4 ± 1 MeV", False), ("< 5 MeV", "9 ± 1 MeV", True), ("< 5 MeV", "7 ± 1 MeV", False),
    ("> 5 MeV", "1 ± 1 MeV", True), ("> 5 MeV", "7 MeV", False), ("< 5 MeV", "< 7 MeV", False), ("< 5 MeV", "> 7 MeV", True),
    ("< 7 MeV", "> 5 MeV", False), ("< 5 MeV", "> 5 MeV", False), ("5 MeV", "9 s", False),
    ("10 +1 -5 MeV", "0 ± 0.1 MeV", False), ("10 +5 -1 MeV", "0 ± 0.1 MeV", True),
])  # fmt: skip
def test_contradictions(a: str, b: str, contradict: bool) -> None:
    assert one(a).contradicts(one(b)) is contradict
    assert one(b).contradicts(one(a)) is contradict


# ---- examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "bound"), [
    ("< 3 MeV", "upper"), ("≤ 3 MeV", "upper"), ("less than 3 MeV", "upper"), ("below (3) MeV", "upper"), ("at most 3 MeV", "upper"),
    ("smaller than 3 MeV", "upper"), ("an upper limit of 3 MeV", "upper"), ("> 3 MeV", "lower"), ("more than 3 MeV", "lower"),
    ("at least 3 MeV", "lower"), ("LARGER THAN 3 MeV", "lower"), ("a lower limit of 3 MeV", "lower"),
    ("is 3 MeV", None), ("near 3 MeV", None),
])  # fmt: skip
def test_bounds(text: str, bound: str | None) -> None:
    assert one(text).bound == bound


def test_a_bare_power_of_ten_is_a_number() -> None:
    for text in ("below 10^-12", "< 10⁻¹²", "< 10^{-12}", "less than 10**-12"):
        assert (one(text).value, one(text).bound) == (pytest.approx(1e-12), "upper")


@pytest.mark.parametrize(
    "text",
    [
        "K*(892)",
        "psi(2S)",
        "f_0(980)",
        "K_1",
        "ρ(770)",
        "η′(958)",
        "D^*(2007)0",
        "ρ⁰(770)",
        "B2B",
        "",
        "no number",
        "v1.2.3",
    ],
)
def test_numbers_inside_names_are_passed_over(text: str) -> None:
    assert [q.value for q in find_quantities(text)] == []


def test_a_unit_raised_to_a_power_is_another_unit() -> None:
    assert (one("5.3 GeV⁻²").unit, one("5.3 eV^2").unit, one("5.3 s⁻¹").unit) == ("eV^-2", "eV^2", "Hz")
    assert one("5.3 GeV⁻²").value == pytest.approx(5.3e-18)
    assert one("5 meV").value == pytest.approx(5e-3)


@pytest.mark.parametrize(("text", "value", "error", "unit"), [
    (".8954e-10 s", 0.8954e-10, None, "s"), ("(290.3 ± 0.5) × 10⁻¹⁵ s", 290.3e-15, 0.5e-15, "s"), ("2.903(5)e-13 s", 2.903e-13, 5e-16, "s"),
    ("(290.3 ± 0.5)e-15 s", 290.3e-15, 0.5e-15, "s"), ("2.903(5) × 10^{-13} s", 2.903e-13, 5e-16, "s"),
    ("1776.93 MeV ± 0.09 MeV", 1776.93e6, 9e4, "eV"),
    ("91.1879 GeV ± 2.0 MeV", 91.1879e9, 2e6, "eV"), ("17.39 ± 0.04 %", 0.1739, 4e-4, ""),
    ("1.5 ± 0.3 (stat) ± 0.4 (syst) ps", 1.5e-12, 5e-13, "s"),
    ("12.3(3)(4) GeV/c²", 12.3e9, 5e8, "eV"), ("2.197 microseconds", 2.197e-6, None, "s"), ("2 mega electronvolts", 2e6, None, "eV"),
    ("3.334 ± 0.013 ħ s⁻¹", 3.334 * 6.582119569e-16, 0.013 * 6.582119569e-16, "eV"), ("−1/3 e", -1 / 3, None, "e"),
    ("spin 3/2", 1.5, None, ""),
    ("−2.02 ± 0.05 μ_N", -2.02 * 3.15245125417e-8, 0.05 * 3.15245125417e-8, "m^2 s^-1 e"),
    ("0.012 GeV^(-1/2)", 0.012 / 1e9**0.5, None, "eV^-1/2"),
    ("74 ± 6 degrees", math.radians(74), math.radians(6), "rad"), ("65 × 10³⁰ years", 65e30 * 31557600, None, "s"),
])  # fmt: skip
def test_notations(text: str, value: float, error: float | None, unit: str) -> None:
    read = one(f"It is {text}, they say.")
    assert math.isclose(read.value, value, rel_tol=1e-9)
    assert (read.error_plus is None) == (error is None)
    assert error is None or math.isclose(read.error_plus or 0.0, error, rel_tol=1e-9)
    assert read.unit == unit


@pytest.mark.parametrize("text", ["80.4 GеV", "80.1 ΜeV", "2.2 μѕ", "5 a", "2 an hour", "2 e+", "3 K mesons"])
def test_words_that_look_like_units_are_none(text: str) -> None:
    assert one(text).unit == ""


def test_errors_are_kept_one_by_one() -> None:
    read = one("80.3602 ± 0.0024 ± 0.0096 GeV")
    assert [round(e.plus / 1e6, 6) for e in read.errors] == [2.4, 9.6]
    assert read.error_plus == pytest.approx(math.hypot(2.4e6, 9.6e6))
    assert [(e.plus, e.minus, e.resolution) for e in one("4.5 +1.3 −0.25").errors] == [(1.3, 0.25, 0.1)]


def test_numbers_no_float_can_hold_are_passed_over() -> None:
    for text in (
        "1e999",
        "5 x 10^400",
        "5 x 10^" + "9" * 5000,
        "1(" + "9" * 5000 + ")",
        "1 ± 1e999",
        "9" * 400,
        "5 x 10^-400",
    ):
        assert find_quantities(text) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "K_S^0 ",
        "1 000 ",
        "1,000",
        "1 ± 1 ",
        " ",
        "\n",
        "(",
        "-",
        "1+1-",
        "[1",
        "less 1 than ",
        "x 10",
        "9",
        "\\,",
        "10^",
    ],
)
def test_time_is_in_proportion_to_the_length(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    find_quantities(text)
    assert time.process_time() - start < 2
