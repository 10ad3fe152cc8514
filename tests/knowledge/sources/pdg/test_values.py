"""The PDG's notation of values: traps of the data file, each with its reading."""

from __future__ import annotations

import pytest

from yukawa.knowledge.sources.pdg.values import quantity, unit_text


@pytest.mark.parametrize(
    ("display", "full", "power", "percent", "value", "unit", "text"),
    [
        ("290.3+-0.5", "(2.903+-0.005)E-13", -15, False, 2.9029e-13, "s", "(290.3 ± 0.5) × 10⁻¹⁵ s"),
        ("1776.93+-0.09", "1776.93+-0.09", 0, False, 1776.932, "MeV", "1776.93 ± 0.09 MeV"),
        ("1.2+0.4-0.3", "1.2+0.4-0.3", 0, False, 1.2, "", "1.2 +0.4 −0.3"),
        ("-6+10-13", "-6+10-13", 0, False, -6.0, "degrees", "−6 +10 −13 degrees"),
        ("17.37+-0.04", "(17.37+-0.04)E-2", -2, True, 0.17366, "", "(17.37 ± 0.04) %"),
        ("97.30+-0.22", "(97.30+-0.22)E-2", -2, False, 0.97304, "", "(97.30 ± 0.22) × 10⁻²"),
        ("<4.2E-8", "<4.2 E-8", 0, False, 4.2e-8, "", "less than 4.2 × 10⁻⁸"),
        (">5E-4", ">5 E-4", 30, False, None, "years", "greater than 5 × 10²⁶ years"),
        (">9E29", ">9 E29", 0, False, 9e29, "years", "greater than 9 × 10²⁹ years"),
        ("<6.8", "<6.8 E-2", -2, True, 0.068, "", "less than 6.8 %"),
        ("55--75", "(55 -- 75) E-2", -2, True, None, "", "between 55 % and 75 %"),
        ("1360 to 1380 (~1370)", "1360 to 1370 to 1380", 0, False, None, "MeV",
         "between 1360 MeV and 1380 MeV (about 1370 MeV)"),
        ("~100", "~100E-2", -2, True, 1.0, "", "about 100 %"),
        ("(1637+-4)E-3", "1637+-4E-15", -12, False, 1.637e-12, "s", "(1637 ± 4) × 10⁻¹⁵ s"),
        ("9859.44+-0.42+-0.31", "9859.44+-0.42+-0.31", 0, False, 9859.44, "MeV", "9859.44 ± 0.42 ± 0.31 MeV"),
        # The display text has a wrong power of ten, or half of a range or of a pole: the full text counts.
        ("(0+-1200)E-3", "0.0000+-0.0012", -3, False, 2.3e-5, "", "0.0000 ± 0.0012"),
        ("<4.1", "< 4.1 E-30", -28, False, 4.1e-30, "e cm", "less than 4.1 × 10⁻³⁰ e cm"),
        ("-1.85", "-1.85E-17 to 6.1E-18", -16, False, -6.5e-18, "e cm",
         "between −1.85 × 10⁻¹⁷ e cm and 0.61 × 10⁻¹⁷ e cm"),
        ("890+-14", "(890+-14) - i (26+-6)", 0, False, None, "MeV", "(890 ± 14) − i (26 ± 6) MeV"),
        (">5300(n),>24000(p)", ">5300 n, >24000 p", 30, False, None, "years",
         "greater than 5300 × 10³⁰ years (for n) and greater than 24000 × 10³⁰ years (for p)"),
    ],
)  # fmt: skip
def test_reading(
    display: str, full: str, power: int, percent: bool, value: float | None, unit: str, text: str
) -> None:
    shown = quantity(display, full, power, percent, value, unit)
    assert shown is not None
    assert shown.text == text


def test_numbers_of_an_asymmetric_value() -> None:
    shown = quantity("2.0+0.6-0.8", "(2.0+0.6-0.8)E-7", -7, False, 2.04e-7, "")
    assert shown is not None
    assert (shown.kind, shown.value) == ("number", 2.04e-7)
    assert shown.plus == pytest.approx(6e-8)
    assert shown.minus == pytest.approx(8e-8)


def test_a_value_that_only_the_text_has_is_read_from_it() -> None:
    shown = quantity(">65", ">65 E-2", -2, True, None, "")
    assert shown is not None
    assert (shown.kind, shown.value) == ("lower", pytest.approx(0.65))


def test_rounding_to_tens_is_no_contradiction() -> None:
    assert quantity("350+-50", "350+-50", 0, False, 345.0, "MeV") is not None
    assert quantity("351+-50", "351+-50", 0, False, 345.0, "MeV") is None


@pytest.mark.parametrize("full", [None, "", "3 or 1", "rubbish"])
def test_no_value(full: str | None) -> None:
    assert quantity(full or "", full, 0, False, None, "MeV") is None


def test_text_that_contradicts_the_number_is_refused() -> None:
    assert quantity("<0.01", "<0.01 E-2", -2, True, 0.01, "") is None


@pytest.mark.parametrize(
    ("unit", "shown"), [("eV**2", "eV²"), ("s**-1", "s⁻¹"), ("mu(N)", "μ_N"), ("yr", "years"), ("MeV", "MeV")]
)
def test_units(unit: str, shown: str) -> None:
    assert unit_text(unit) == shown
