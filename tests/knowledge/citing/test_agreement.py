"""A value agrees with its source exactly if it is the source's value, rightly rounded, with its error, unit and limit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yukawa.knowledge.citing.agreement import departures
from yukawa.knowledge.parsing.statements import Assertion, statements

decimals = st.integers(100, 10**7).flatmap(
    lambda n: st.integers(0, 4).map(lambda places: Decimal(n).scaleb(-places))
)


def one(text: str) -> Assertion:
    (found,) = statements(text)
    return found


def rules(said: str, source: str) -> list[str]:
    return sorted({d.rule for d in departures(one(said), one(source), one(source).others)})


@given(decimals, st.integers(-5, 1))
def test_a_rounding_passes_and_its_neighbours_do_not(value: Decimal, places: int) -> None:
    step = Decimal(1).scaleb(places)
    assume(step >= Decimal(1).scaleb(int(value.as_tuple().exponent)) and step <= 1)
    source = f"The mass of the Z is {value} GeV"
    rounded = value.quantize(step, ROUND_HALF_EVEN)
    assume(rounded)
    assert rules(f"The mass of the Z is {rounded} GeV", source) == []
    for other in (rounded + step, rounded - step):
        if abs(other - value) * 2 > step and other:  # a half may be rounded either way
            assert rules(f"The mass of the Z is {other} GeV", source) == ["value"]


@given(
    decimals,
    st.sampled_from(["eV", "keV", "MeV", "GeV", "TeV"]),
    st.sampled_from(["eV", "keV", "MeV", "GeV", "TeV"]),
)
def test_units_are_converted_exactly(value: Decimal, unit: str, other: str) -> None:
    power = dict(zip(("eV", "keV", "MeV", "GeV", "TeV"), range(0, 15, 3), strict=True))
    source = f"The mass of the Z is {value} {unit}"
    shifted = value.scaleb(power[unit] - power[other])
    assert rules(f"The mass of the Z is {shifted:f} {other}", source) == []
    assert rules(f"The mass of the Z is {value} {other}", source) == ([] if unit == other else ["value"])


@pytest.mark.parametrize(("said", "source", "broken"), [
    ("1776.93 ± 0.09 MeV", "1776.93 ± 0.09 MeV", []), ("1.77693(9) GeV", "1776.93 ± 0.09 MeV", []), ("1777 MeV", "1776.93 ± 0.09 MeV", []),
    ("1776.9 MeV", "1776.93 ± 0.09 MeV", []), ("1776.93 MeV", "1776.93 ± 0.09 MeV", ["error"]),
    ("1776.9 ± 0.1 MeV", "1776.93 ± 0.09 MeV", []),
    ("1776.93 ± 0.9 MeV", "1776.93 ± 0.09 MeV", ["error"]), ("1776.93 ± 0 MeV", "1776.93 ± 0.09 MeV", ["error"]),
    ("0.09 MeV", "1776.93 ± 0.09 MeV", ["value"]),
    ("1776.93 ± 0.09", "1776.93 ± 0.09 MeV", ["unit"]), ("1776.93 ± 0.09 s", "1776.93 ± 0.09 MeV", ["unit"]),
    ("1776.930 ± 0.09 MeV", "1776.93 ± 0.09 MeV", []),
    ("1776.931 ± 0.09 MeV", "1776.93 ± 0.09 MeV", ["value"]), ("5 ± 1 MeV", "5 MeV", ["error"]), ("5 +2 −1 MeV", "5 +2 −1 MeV", []),
    ("5 +1 −2 MeV", "5 +2 −1 MeV", ["error"]),
    ("5 ± 2 MeV", "5 +2 −1 MeV", ["error"]), ("80.360 ± 0.010 GeV", "80.3602 ± 0.0024 ± 0.0096 GeV", []),
    ("80.3602 ± 0.0024 GeV", "80.3602 ± 0.0024 ± 0.0096 GeV", ["error"]),
    ("less than 5 MeV", "less than 5 MeV", []), ("5 MeV", "less than 5 MeV", ["limit"]),
    ("greater than 5 MeV", "less than 5 MeV", ["limit"]),
    ("less than 5 MeV at 95 % CL", "less than 5 MeV at 90 % confidence level", ["confidence level"]),
    ("< 5 MeV", "less than 5 MeV at 90 % confidence level", []),
    ("about 5 MeV", "5 MeV", []), ("5 MeV", "about 5 MeV", ["limit"]), ("0.8 %", "0.8", ["value"]), ("80 %", "0.80", []),
    ("−5 MeV", "5 MeV", ["value"]),
    ("80.4 GеV", "80.4 GeV", ["unit", "words"]),
])  # fmt: skip
def test_values(said: str, source: str, broken: list[str]) -> None:
    assert rules(f"The mass of the tau is {said}", f"The mass of the tau is {source}") == broken


@pytest.mark.parametrize(("said", "source", "broken"), [
    ("mass of the tau", "mass of the tau lepton (τ, tau)", []), ("mass of the tau-", "mass of the tau", []),
    ("mass of the muon", "mass of the tau", ["subject"]),
    ("mass of the muon", "mass of the mu-", []), ("mass of the antiproton", "mass of the proton", ["subject"]),
    ("charge of the tau", "charge of the tau-", ["subject"]),
    ("width of the tau", "mass of the tau", ["property"]), ("mass of the pion", "mass of the pi0", ["subject"]),
    ("mass of the pi+", "mass of the charged pion", []),
    ("mass of the top quark", "pole mass of the top quark", ["words"]), ("pole mass of the top quark", "mass of the top quark", ["words"]),
    ("mass of the tau", "mass of the tau and the muon", ["subject"]),
    ("branching fraction of tau- → pi- nu_tau", "branching fraction of tau- → nu_tau pi-", []),
    ("branching fraction of tau- → K- nu_tau", "branching fraction of tau- → nu_tau pi-", ["subject"]),
    ("branching ratio of Z → e+ e-", "B(Z → e+ e-)", []),
    ("Γ(D0 → K- pi+)/Γ(D0 → pi+ pi-)", "Γ(D0 → pi+ pi-)/Γ(D0 → K- pi+)", ["subject"]),
])  # fmt: skip
def test_subjects_and_properties(said: str, source: str, broken: list[str]) -> None:
    assert rules(f"The {said} is 5", f"The {source} is 5") == broken


@pytest.mark.parametrize(("said", "source", "broken"), [
    ("The decay Z → e+ e- has been seen", "The decay Z → e+ e- (Z --> e+ e-) has been seen", []),
    ("The decay Z → e+ e- has not been seen", "The decay Z → e+ e- has been seen", ["negation"]),
    ("The decay Z → mu+ mu- has been seen", "The decay Z → e+ e- has been seen", ["subject"]),
    ("The tau is stable", "The tau is a lepton", ["words"]),
    ("The tau has no mass", "The mass of the tau is 1776.93 MeV", ["negation"]),
])  # fmt: skip
def test_words(said: str, source: str, broken: list[str]) -> None:
    found = statements(source)[0]
    assert sorted({d.rule for d in departures(one(said), found, found.words | found.others)}) == broken
