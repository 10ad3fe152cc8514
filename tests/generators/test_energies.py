"""Energies of a sentence: read with their unit, for one beam or for both, or refused; none is dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.generators.energies import energy_of, spread_of

UNITS = {"MeV": 1e-3, "GeV": 1.0, "TeV": 1e3}
BEFORE = (
    "at ",
    "at sqrt(s) = ",
    "at √s=",
    "$\\sqrt{s}=",
    "energy of ",
    "Ecm = ",
    "@ ",
    "在能量",
    "E_{\\rm cm} = ",
    "",
)


@given(
    st.sampled_from(BEFORE),
    st.decimals(1, 9999, places=3),
    st.sampled_from(sorted(UNITS)),
    st.sampled_from(["", " ", "\\,"]),
)
def test_an_energy_with_its_unit_is_read(before, value, unit, space):
    sentence = f"e+ e- -> Z H {before}{value}{space}{unit}"
    assert energy_of(sentence) == pytest.approx(float(value) * UNITS[unit])


@given(
    st.sampled_from(BEFORE[:-1]),
    st.sampled_from(["13.6", "3.773", "240", "1e3"]),
    st.sampled_from(["kg", "keV", "eV", "PeV", "GeVV", "gram", "K", "m", "mTeV", ""]),
)
def test_no_energy_is_dropped_for_its_unit(before, value, unit):
    """Law: behind a word that wants an energy there is one, or the sentence is refused with the units that are read."""
    with pytest.raises(InputError, match="MeV, GeV or TeV"):
        energy_of(f"e+ e- -> Z H {before}{value} {unit}")


@pytest.mark.parametrize(
    ("sentence", "energy"),
    [
        ("a beam energy of 2.089 GeV", 4.178),
        ("2.3 GeV per beam", 4.6),
        ("束流能量为1.5485 GeV", 3.097),
        ("at 4.178 GeV", 4.178),
        ("at 3.773 GeV with a beam energy spread of 1 MeV", 3.773),
    ],
)
def test_the_energy_of_a_beam_is_half_of_that_of_the_collision(sentence, energy):
    assert energy_of(sentence) == pytest.approx(energy)


@pytest.mark.parametrize("sentence", ["pp collisions at 13,6 TeV", "e+ e- at 3,773GeV", "at 10,580 MeV"])
def test_an_energy_with_a_comma_is_refused(sentence):
    with pytest.raises(InputError, match="write a decimal point"):
        energy_of(sentence)


@pytest.mark.parametrize(
    ("sentence", "energy"), [("10,000 events at 3.773 GeV", 3.773), ("J/psi, 13.6 TeV", 13600.0)]
)
def test_a_comma_elsewhere_is_none_of_its_energy(sentence, energy):
    assert energy_of(sentence) == pytest.approx(energy)


@pytest.mark.parametrize(
    ("sentence", "energy"),
    [
        ("e+ e- -> Z H at 1e3 GeV", 1000), ("pp at 2x6.8 TeV", 13600), ("pp at 2 × 6.8 TeV", 13600), (r"\\SI{3.773}{\\GeV}", 3.773),
        (r"at $\\sqrt{s}=3.773~\\mathrm{GeV}$", 3.773), ("J/psi at BESIII in 2012", None), ("50k events of psi(3770)", None),
        ("two beams of 1.8865 GeV per beam, energy 3.773 GeV", 3.773), ("at 95% confidence", None), ("at 1000 events", None),
        ("D0 -> K- pi+ pi0, 3.773 GeV", 3.773), ("with K*0, 4.6 GeV", 4.6), ("10^6, 3.097 GeV", 3.097), ("at 50k events", None),
    ],
)  # fmt: skip
def test_more_forms(sentence, energy):
    assert energy_of(sentence.replace("\\\\", "\\")) == (None if energy is None else pytest.approx(energy))


@pytest.mark.parametrize(
    "sentence",
    [
        "at 3.8-4.6 GeV", "at 3.8 to 4.6 GeV", "from 4.18 GeV to 4.23 GeV", "at 13 600 GeV", "7 on 4 GeV", "7 GeV e- and 4 GeV e+",
        "at 3x1.2 GeV", "pT > 3 GeV", "above 4 GeV", "at least 3.7 GeV", "动量大于 1 GeV", "at 4.18, 4.23 GeV",
    ],
)  # fmt: skip
def test_what_may_be_another_energy_is_refused(sentence):
    with pytest.raises(InputError, match="write one energy in MeV, GeV or TeV"):
        energy_of(sentence)


@pytest.mark.parametrize(("sentence", "spread"), [("spread of 900 keV", 0.0009), ("at 3.773 GeV", None)])
def test_a_spread_is_no_energy(sentence, spread):
    assert spread_of(sentence) == (None if spread is None else pytest.approx(spread))
    assert energy_of(sentence) == (3.773 if spread is None else None)
