"""Units in symbols and words: what is read, what is refused, and conversion by dimension."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing import units
from yukawa.knowledge.parsing.units import Unit, conversion, find_unit


def known(text: str) -> Unit:
    found = find_unit(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(("text", "shown", "size", "dimension"), [
    ("MeV", "MeV", 1e6, "energy"), ("meV", "meV", 1e-3, "energy"), ("mev", "MeV", 1e6, "energy"), ("GEV", "GeV", 1e9, "energy"),
    ("GeV/c^2", "GeV/c²", 1e9 / 299792458**2, "mass"), ("GeV/c²", "GeV/c²", 1e9 / 299792458**2, "mass"),
    ("microseconds", "μs", 1e-6, "time"), ("µs", "μs", 1e-6, "time"), ("us", "μs", 1e-6, "time"),
    ("Mikrosekunden", "μs", 1e-6, "time"),
    ("微秒", "μs", 1e-6, "time"), ("マイクロ秒", "μs", 1e-6, "time"), ("secondes", "s", 1.0, "time"), ("years", "yr", 31557600.0, "time"),
    ("mm", "mm", 1e-3, "length"), ("femtometres", "fm", 1e-15, "length"), ("fermi", "fm", 1e-15, "length"),
    ("kg", "kg", 6.241509e18, "mass"),
    ("atomic mass units", "u", 931.494e6 / 299792458**2, "mass"), ("inverse picoseconds", "ps⁻¹", 1e12, "rate"),
    ("ps**-1", "ps⁻¹", 1e12, "rate"),
    ("GeV**-1/2", "GeV^(-1/2)", 1e9**-0.5, "eV^-1/2"), ("eV**2", "eV²", 1.0, "eV^2"),
    ("hbar s**-1", "ħ/s", 6.582119569e-16, "energy"),
    ("e cm", "e cm", 0.01, "electric dipole moment"), ("mu(N)", "μ_N", 3.1524512e-8, "magnetic moment"),
    ("percent", "%", 0.01, "a pure number"),
    ("", "", 1.0, "a pure number"), ("degrees", "°", math.pi / 180, "angle"),
    ("J/mol/K", "J mol⁻¹ K⁻¹", 6.241509e18, "eV^1 K^-1 mol^-1"),
    ("electron volts", "eV", 1.0, "energy"), ("square metres", "m²", 1.0, "area"), ("兆电子伏", "MeV", 1e6, "energy"),
    ("pb", "pb", 1e-40, "area"),
])  # fmt: skip
def test_a_unit_is_read_in_symbols_and_words(text: str, shown: str, size: float, dimension: str) -> None:
    unit = known(text)
    assert (unit.text, unit.dimension) == (shown, dimension)
    assert unit.size == pytest.approx(size, rel=1e-6)


E = 1.602176634e-19  # the SI's: joules of an electronvolt, coulombs of an elementary charge
SI = {
    "eV": 1, "J": 1 / E, "erg": 1e-7 / E, "m": 1, "Å": 1e-10, "b": 1e-28, "s": 1, "min": 60, "h": 3600, "d": 86400,
    "yr": 31557600, "Hz": 1, "g": 1e-3 / E, "t": 1e3 / E, "u": 1.66053906892e-27 / E, "e": 1, "C": 1 / E, "K": 1, "mol": 1,
    "A": 1 / E, "V": 1, "W": 1 / E, "N": 1 / E, "Pa": 1 / E, "T": 1, "G": 1e-4, "Wb": 1, "F": 1 / E, "Ω": E, "S": 1 / E, "rad": 1,
    "°": math.pi / 180, "π": math.pi, "%": 1e-2, "‰": 1e-3, "ppm": 1e-6, "ppb": 1e-9, "μ_N": 5.0507837393e-27 / E,
    "μ_B": 9.2740100657e-24 / E, "c": 299792458, "ħ": 1.054571817e-34 / E, "m_e": 9.1093837139e-31 / E,
    "E_h": 4.3597447222060e-18 / E,
}  # fmt: skip
POWERS = dict(
    zip(
        "YZEPTGMkcmμunpfazy",
        (24, 21, 18, 15, 12, 9, 6, 3, -2, -3, -6, -6, -9, -12, -15, -18, -21, -24),
        strict=True,
    )
)


def test_every_unit_has_its_size_in_the_si() -> None:
    assert set(SI) == set(units._SYMBOLS)
    for symbol, size in SI.items():
        assert known(symbol).size == pytest.approx(size, rel=1e-8), symbol


def test_every_prefix_is_its_power_of_ten() -> None:
    assert set(POWERS) == set(units._PREFIXES)
    for prefix, power in POWERS.items():
        assert known(f"{prefix}eV").size == pytest.approx(10.0**power, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["foo", "GеV", "ΜeV", "tau", "the mass", "MeV MeV MeV " * 9, "/", "per", "**2", "10", "kelvinate"]
)
def test_what_is_not_a_unit_is_not_read(text: str) -> None:
    assert find_unit(text) is None


@pytest.mark.parametrize(
    "text",
    ["MeV", "GeV/c²", "ps⁻¹", "GeV^(-1/2)", "e cm", "ħ/s", "J mol⁻¹ K⁻¹", "μ_N", "m²", "%", "°", "π rad"],
)
def test_the_shown_form_is_read_again(text: str) -> None:
    unit = known(text)
    assert unit.text == text
    assert find_unit(unit.text) == unit


@given(
    st.sampled_from(["eV", "keV", "MeV", "GeV", "TeV", "J", "kg", "u", "MeV/c^2", "GeV/c"]),
    st.sampled_from(["eV", "g", "MeV", "u", "GeV/c^2"]),
)
def test_conversion_and_back_is_one(source: str, target: str) -> None:
    there, back = conversion(known(source), known(target)), conversion(known(target), known(source))
    assert there is not None
    assert back is not None
    assert there * back == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(("source", "target", "natural", "factor"), [
    ("MeV", "kg", False, 1.78266192e-30), ("MeV", "u", False, 1 / 931.49410372), ("MeV/c", "MeV", False, 1.0),
    ("MeV", "s", False, None),
    ("s", "m", False, None), ("s", "m", True, 299792458.0), ("s", "GeV^-1", True, 1.519267447e24), ("s", "GeV^-1", False, None),
    ("MeV", "1/fm", True, 1 / 197.3269804), ("fm", "1/GeV", True, 1 / 0.1973269804), ("MeV", "m", False, None),
    ("MeV", "m", True, None),
    ("rad", "°", False, 180 / math.pi), ("%", "", False, 0.01), ("", "GeV", False, None), ("e", "C", False, 1.602176634e-19),
    ("years", "s", False, 31557600.0), ("MeV", "Hz", True, 1e6 / 6.582119569e-16),
])  # fmt: skip
def test_dimensions_must_agree_up_to_c_for_masses_and_up_to_hbar_in_natural_units(
    source: str, target: str, natural: bool, factor: float | None
) -> None:
    found = conversion(known(source), known(target), natural=natural)
    assert found == (None if factor is None else pytest.approx(factor, rel=1e-8))
