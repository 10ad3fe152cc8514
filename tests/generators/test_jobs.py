"""Job options of BOSS from sentences."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.checking import check
from yukawa.generators.jobs import write_job_options
from yukawa.generators.sentences import count_of_events


@pytest.mark.parametrize(
    ("sentence", "lines"),
    [
        (
            "50k psi(2S) events at BESIII, card jpsipipi.dec",
            ["KKMC.CMSEnergy = 3.686;", "KKMC.GeneratePsiPrime = true;", "ApplicationMgr.EvtMax = 50000;",
             'EvtDecay.userDecayTableName = "jpsipipi.dec";'],
        ),
        ("1000 J/psi events", ["KKMC.CMSEnergy = 3.097;", "KKMC.GenerateJPsi = true;", "KKMC.BeamEnergySpread = 0.0008;"]),
        ("psi(2S) -> J/psi pi pi in BOSS", ["KKMC.GeneratePsiPrime = true;", "KKMC.GenerateJPsi = false;"]),
        ("simulate BESIII data at 4.26 GeV", ["KKMC.CMSEnergy = 4.26;", "KKMC.GeneratePsi4260 = true;"]),
        ("e+ e- -> pi+ pi- J/psi at 4.26 GeV, beam energy spread: 1.5 MeV",
         ["KKMC.CMSEnergy = 4.26;", "KKMC.GeneratePsi4260 = true;", "KKMC.BeamEnergySpread = 0.0015;"]),
        ("用BOSS产生 psi(3770) 5万个事例", ["KKMC.GeneratePsi3770 = true;", "ApplicationMgr.EvtMax = 50000;"]),
    ],
)  # fmt: skip
def test_job_options(sentence, lines):
    text, notes = write_job_options(sentence)
    assert not [line for line in lines if line not in text.splitlines()]
    assert not check(text, name="jobOptions.txt")
    assert any("RunIdList is a placeholder" in note for note in notes)
    assert text.count("= true;") == 1


@pytest.mark.parametrize("sentence", ["some events", "psi(2S) events at 3.097 GeV", "events at 91 GeV"])
def test_options_that_cannot_be(sentence):
    with pytest.raises(InputError):
        write_job_options(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "psi(2S) at 3.686 GeV, energy spread {}", "energy spread of {} at the psi(2S), 3.686 GeV", "psi(2S) 3.686 GeV 能量展宽 {}",
        "psi(2S) with a beam energy spread of {}", "psi(2S) with {} energy spread",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("written", "spread"), [("1.3 MeV", "0.0013"), ("900 keV", "0.0009"), ("0.0011 GeV", "0.0011")]
)
def test_a_spread_is_used_and_is_no_energy(sentence, written, spread):
    text, notes = write_job_options(sentence.format(written))
    assert f"KKMC.BeamEnergySpread = {spread};" in text.splitlines()
    assert "KKMC.CMSEnergy = 3.686;" in text.splitlines()
    assert not any("BeamEnergySpread" in note for note in notes)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("psi(2S) with an energy spread of 0.05%", "whose value is not read"),
        ("psi(2S) with an energy spread of 1.3 GeV", "is not below 10 MeV"),
        ("continuum at 3.65 GeV", "the continuum is not written"),
        ("events at 3.2 GeV", "KKMC has no flag for a resonance at 3.2 GeV"),
        ("events at 91 GeV", "BEPCII makes no collisions at 91 GeV"),
        ("psi(2S) -> D0 anti-D0", "impossible: D0 anti-D0 need"),
        ("psi(3770) -> D_s+ D_s-, 1000 events", "closed"),
        ("J/psi -> K+ pi-, 5000 events", "impossible: strangeness"),
        ("J/psi -> pi0 pi0", "two identical bosons"),
        ("psi(2S) -> J/psi pi+ pi- with blurb", "blurb"),
    ],
)  # fmt: skip
def test_options_of_what_cannot_be_are_refused_with_the_true_reason(sentence, reason):
    with pytest.raises(InputError, match=reason):
        write_job_options(sentence)


@pytest.mark.parametrize(
    ("sentence", "events"),
    [
        ("psi(3770) 100k events", 100_000), ("job options for psi(2S) 100k events", 100_000), ("psi(4260) 5000 events", 5000),
        ("100k psi(3770) events", 100_000), ("1e6 J/psi", 1_000_000), ("J/psi, 50 million events", 50_000_000),
        ("10^6 psi(2S) decays at 3.686 GeV", 1_000_000), ("events: 2000 of J/psi", 2000), ("Upsilon(4S) events, 1000", 1000),
        ("5万个psi(2S)事例", 50_000), ("产生10000个J/psi事例", 10_000), ("1.5M events of J/psi", 1_500_000),
        ("psi(2S) at 3.686 GeV", None), ("e+ e- at 4.26 GeV", None), ("0.6 pi+ pi- J/psi", None), ("psi(3770)", None),
    ],
)  # fmt: skip
def test_the_number_of_events_is_never_that_of_a_name_or_an_energy(sentence: str, events: int | None) -> None:
    assert count_of_events(sentence) == events
