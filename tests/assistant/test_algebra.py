"""Arithmetic with errors: laws first, then values worked out by hand and the `pdg` package's own lifetimes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Measured, Unanswerable
from yukawa.assistant.rounding import text
from yukawa.knowledge.facts import Fact

TAU = Measured(1776.93246513409, "MeV", {"S035M": (0.0849, -0.0876)})
MUON = Measured(105.6583755, "MeV", {"S004M": (2.3e-6, -2.3e-6)})
LIFETIME = Measured(2.902908481725749e-13, "s", {"S035T": (5.25e-16, -5.25e-16)})
HIGGS = Measured(3.035493483037885, "MeV", {"S126W": (1.452973690017683, -0.7150119194099107)})
LIMIT = Measured(4.2e-8, "", {}, "upper")

values = st.floats(0.01, 1e6)
errors = st.floats(1e-6, 1.0)


def measured(value: float, plus: float, minus: float, name: str = "a", unit: str = "MeV") -> Measured:
    return Measured(value, unit, {name: (plus * value, -minus * value)})


# ---- laws -------------------------------------------------------------------------------------------


@given(values, errors, errors)
def test_a_quantity_less_itself_is_exactly_nothing_and_divided_by_itself_exactly_one(
    v: float, p: float, m: float
) -> None:
    x = measured(v, p, m)
    zero, one = algebra.difference(x, x), algebra.ratio(x, x)
    assert (zero.value, zero.plus, zero.minus) == (0.0, None, None)
    assert (one.value, one.plus, one.minus) == (1.0, None, None)


@given(values, values, errors, errors)
def test_independent_errors_add_in_quadrature_and_sides_swap_in_differences(
    a: float, b: float, p: float, m: float
) -> None:
    x, y = measured(a, p, m), measured(b, p, m, "b")
    both, less = algebra.total([x, y]), algebra.difference(x, y)
    assert both.plus == pytest.approx(math.hypot(a * p, b * p))
    assert both.minus == pytest.approx(math.hypot(a * m, b * m))
    assert less.plus == pytest.approx(math.hypot(a * p, b * m))
    assert less.minus == pytest.approx(math.hypot(a * m, b * p))


@given(values, values, errors, errors)
def test_a_ratio_has_relative_errors_in_quadrature(a: float, b: float, p: float, m: float) -> None:
    found = algebra.ratio(measured(a, p, m), measured(b, p, m, "b"))
    assert found.plus == pytest.approx(found.value * math.hypot(p, m))
    assert found.minus == pytest.approx(found.value * math.hypot(m, p))
    assert found.unit == ""


@given(values, errors, errors)
def test_width_and_lifetime_are_inverse(v: float, p: float, m: float) -> None:
    x = measured(v, p, m)
    there = algebra.width_of(algebra.lifetime_of(x)[0])[0]
    back = algebra.convert(there, "MeV")
    assert back.value == pytest.approx(v)
    assert (back.plus, back.minus) == (pytest.approx(v * p), pytest.approx(v * m))


@given(values, errors, st.floats(-100, 100).filter(lambda f: abs(f) > 1e-3))
def test_a_multiple_is_a_repeated_sum_and_a_negative_one_turns_the_errors(
    v: float, p: float, factor: float
) -> None:
    x = measured(v, p, 2 * p)
    found = algebra.multiple(x, factor)
    assert found.value == pytest.approx(factor * v)
    assert found.plus == pytest.approx(abs(factor) * v * (p if factor > 0 else 2 * p))
    assert algebra.multiple(x, 2).plus == pytest.approx(algebra.total([x, x]).plus)


@given(values, errors)
def test_units_do_not_change_a_comparison(v: float, p: float) -> None:
    x, y = measured(v, p, p), algebra.convert(measured(2 * v, p, p, "b"), "kg")
    assert algebra.compare(x, y).sign == -1
    assert algebra.compare(y, x).sign == 1
    assert algebra.compare(x, y).sigmas == pytest.approx(algebra.compare(y, x).sigmas)


@given(values, errors, errors)
def test_a_square_is_a_product_with_itself_and_a_root_undoes_it(v: float, p: float, m: float) -> None:
    x = measured(v, p, m)
    square, both = algebra.power(x, 2), algebra.product(x, x)
    assert square.value == pytest.approx(both.value)
    assert (square.plus, square.minus) == (pytest.approx(both.plus), pytest.approx(both.minus))
    assert square.unit == both.unit == "MeV²"
    root = algebra.power(algebra.power(replace(x, unit=""), 2), 0.5)
    assert (root.value, root.plus) == (pytest.approx(v), pytest.approx(x.plus))


@given(values, errors, errors)
def test_an_inverse_turns_the_errors_and_times_itself_it_is_one(v: float, p: float, m: float) -> None:
    x = measured(v, p, m)
    inverse = algebra.power(x, -1)
    assert inverse.plus == pytest.approx(m / v)
    assert inverse.minus == pytest.approx(p / v)
    one = algebra.product(x, inverse)
    assert one.value == pytest.approx(1.0)
    assert one.plus is None or one.plus < 1e-9


# ---- limits -----------------------------------------------------------------------------------------


def test_limits_keep_or_turn_their_direction() -> None:
    one = Measured(1.0)
    assert algebra.multiple(LIMIT, 2).bound == "upper"
    assert algebra.multiple(LIMIT, -2).bound == "lower"
    assert algebra.ratio(one, LIMIT).bound == "lower"
    assert algebra.ratio(LIMIT, one).bound == "upper"
    assert algebra.lifetime_of(Measured(2.0, "MeV", {}, "upper"))[0].bound == "lower"
    assert algebra.total([LIMIT, one]).bound == "upper"
    assert algebra.difference(one, LIMIT).bound == "lower"
    assert algebra.product(LIMIT, TAU).bound == "upper"
    assert algebra.power(LIMIT, 2).bound == "upper"
    assert algebra.power(LIMIT, -1).bound == "lower"


def test_what_limits_leave_open_is_refused() -> None:
    lower = Measured(1.0, "", {}, "lower")
    for open_ended in (
        lambda: algebra.ratio(LIMIT, LIMIT), lambda: algebra.difference(LIMIT, LIMIT), lambda: algebra.total([LIMIT, lower]),
        lambda: algebra.ratio(Measured(-1.0), LIMIT), lambda: algebra.ratio(LIMIT, Measured(0.0)),
        lambda: algebra.total([LIMIT, Measured(1.0, "", {}, "range", 0.5, 1.5)]), lambda: algebra.lifetime_of(Measured(0.0, "eV")),
        lambda: algebra.product(LIMIT, Measured(-1.0)),
        lambda: algebra.power(Measured(-1.0), 0.5), lambda: algebra.power(Measured(0.0), -1),
    ):  # fmt: skip
        with pytest.raises(Unanswerable):
            open_ended()


def test_limits_decide_only_what_they_exclude() -> None:
    assert algebra.compare(LIMIT, Measured(1e-6)).sign == -1
    assert algebra.compare(LIMIT, Measured(1e-9)).sign is None
    assert (
        algebra.compare(Measured(475.0, "MeV", {}, "range", 400.0, 550.0), Measured(500.0, "MeV")).sign
        is None
    )
    assert (
        algebra.compare(Measured(475.0, "MeV", {}, "range", 400.0, 550.0), Measured(600.0, "MeV")).sign == -1
    )


# ---- dimensions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "unit", "said"), [
    (TAU, "s", "is an energy, which cannot be given in s, a unit of time"), (LIFETIME, "GeV", "is a time"),
    (LIFETIME, "mm", "in natural units"),
    (LIMIT, "GeV", "a pure number"), (TAU, "", "as a pure number"), (TAU, "zorks", "'zorks' is not a unit"),
    (TAU, "GеV", "is not a unit"),
])  # fmt: skip
def test_an_impossible_unit_is_one_clear_line(x: Measured, unit: str, said: str) -> None:
    with pytest.raises(Unanswerable) as failed:
        algebra.convert(x, unit, what="mass of the tau")
    assert said in str(failed.value)
    assert "\n" not in str(failed.value)


def test_different_dimensions_are_neither_added_nor_compared() -> None:
    for combine in (algebra.difference, algebra.ratio, algebra.compare):
        with pytest.raises(Unanswerable, match="cannot be combined or compared"):
            combine(TAU, LIFETIME)


def test_natural_units_are_used_where_they_are_named() -> None:
    assert text(algebra.convert(LIFETIME, "natural units")) == "(4.410 ± 0.008) × 10¹¹ GeV⁻¹"
    assert text(algebra.convert(LIFETIME, "mm in natural units")) == "0.08703 ± 0.00016 mm"
    assert text(algebra.convert(TAU, "natural units")) == "1.77693 ± 0.00009 GeV"


# ---- values -----------------------------------------------------------------------------------------


def test_a_fact_becomes_a_value() -> None:
    fact = Fact(
        "S035M", ("tau-",), "mass", "tau mass", 1776.93, error_plus=0.09, error_minus=0.08, unit="MeV"
    )
    found = algebra.of_fact(fact)
    assert found is not None
    assert (found.value, found.plus, found.minus) == (1776.93, pytest.approx(0.09), pytest.approx(0.08))
    assert algebra.of_fact(Fact("x", (), "spin", "spin", words="1/2")) is None
    limit = algebra.of_fact(
        Fact("x", (), "mass", "mass", 0.8, unit="eV", bound="upper", error_plus=0.1, error_minus=0.1)
    )
    assert limit is not None
    assert (limit.bound, limit.plus) == ("upper", None)


@pytest.mark.parametrize(("value", "claimed", "same"), [
    (Measured(80.3625, "GeV", {"W": (0.0077, -0.0077)}), 80.4, True),
    (Measured(80.3625, "GeV", {"W": (0.0077, -0.0077)}), 81.0, False),
    (Measured(80.3625, "GeV", {"W": (0.0077, -0.0077)}), 80.368, True), (LIMIT, 1e-9, None), (LIMIT, 1e-3, False),
    (Measured(1.0, "e"), -1.0, False),
    # Nothing is exact: 0.004 is not a rounded zero, and what may be zero within its error is left open.
    (Measured(0.004, "", {"B": (0.0001, -0.0001)}), 0.0, False), (Measured(0.004, "", {"A": (0.003, -0.003)}), 0.0, None),
    (Measured(0.0, "e"), 0.0, True), (Measured(0.105, "GeV"), 0.0, False),
    (Measured(475.0, "MeV", {}, "range", 400.0, 550.0), 450.0, True), (Measured(1e29, "yr", {}, "lower"), 5.0, False),
])  # fmt: skip
def test_a_claimed_number_is_compared_to_its_own_digits(
    value: Measured, claimed: float, same: bool | None
) -> None:
    assert algebra.equal(value, claimed) is same


def test_derived_lifetimes_agree_with_the_pdg_package() -> None:
    pdg = pytest.importorskip("pdg")
    api = pdg.connect()
    seen = 0
    for name in (
        "H",
        "Z0",
        "W+",
        "eta",
        "omega(782)",
        "phi(1020)",
        "J/psi(1S)",
        "Upsilon(1S)",
        "pi0",
        "Sigma0",
    ):
        particle = api.get_particle_by_name(name)
        if particle.has_lifetime_entry or not particle.has_width_entry or particle.width_error is None:
            continue
        width = Measured(particle.width, "GeV", {name: (particle.width_error, -particle.width_error)})
        ours = algebra.lifetime_of(width)[0]
        # Its hbar is rounded to 6.582e-25 GeV s.
        assert ours.value == pytest.approx(particle.lifetime, rel=2e-5)
        assert ours.plus == pytest.approx(particle.lifetime_error, rel=2e-5)
        seen += 1
    assert seen >= 4


@pytest.mark.parametrize(("value", "printed", "rounded"), [
    (1776.93246513409, "1776.93 ± 0.09 MeV", 1776.93), (2.902908481725749e-13, "(290.3 ± 0.5) × 10⁻¹⁵ s", 2.903e-13),
    (0.635579, "(63.56 ± 0.11) %", 0.6356), (-1.91304276, "−1.9130428 ± 0.0000005 μ_N", -1.9130428),
    (0.0012, "(1.230 ± 0.004) × 10⁻⁴", 0.0012), (3.0, "seen", 3.0),
])  # fmt: skip
def test_a_value_is_taken_as_printed_where_that_is_its_rounding(
    value: float, printed: str, rounded: float
) -> None:
    assert algebra.as_printed(Measured(value), printed).value == pytest.approx(rounded, rel=1e-12)
