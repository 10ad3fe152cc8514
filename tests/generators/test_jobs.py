"""Job options of BOSS and settings of Pythia from sentences."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.checking import check
from yukawa.generators.jobs import write_job_options, write_pythia
from yukawa.generators.sentences import count_of_events, read_plan


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


@pytest.mark.parametrize("experiment", ["lhcb", "fcc", "evtgen"])
def test_settings_of_pythia_pass_the_check(experiment):
    text, notes = write_pythia(read_plan("anti-B0 -> D+ pi-, D+ -> K- pi+ pi+", experiment))
    assert not check(text, name="run.cmnd")
    assert "511:oneChannel = 1 1.0 0 -411 211" in text
    assert "411:oneChannel = 1 1.0 0 -321 211 211" in text
    assert notes


def test_a_resonance_without_a_hard_process_is_said():
    text, notes = write_pythia(read_plan("psi(2S) -> J/psi pi+ pi-"))
    assert "ProcessLevel:all = off" in text
    assert "event record" in notes[0]


@pytest.mark.parametrize(
    ("sentence", "experiment", "lines"),
    [
        ("H -> b bbar", "fcc", ["Beams:eCM = 240", "HiggsSM:ffbar2HZ = on", "25:onMode = off", "25:onIfMatch = 5 -5"]),
        ("H -> b bbar at 365 GeV", "fcc", ["Beams:eCM = 365", "HiggsSM:ffbar2HZ = on"]),
        ("D0 -> K- pi+", "fcc", ["Beams:eCM = 91.188", "23:onIfAny = 4"]),
        ("t -> b W+", "fcc", ["Beams:eCM = 365", "6:onIfMatch = 5 24"]),
        ("tau- -> pi- nu_tau", "fcc", ["23:onIfAny = 15"]),
        ("B0 -> K+ pi- at 13.6 TeV", "lhcb", ["Beams:eCM = 13600", "HardQCD:hardbbbar = on"]),
        ("Xi_cc++ -> Lambda_c+ K- pi+ pi+", "lhcb", ["ProcessLevel:all = off"]),
        ("B_c+ -> J/psi pi+", "lhcb", ["ProcessLevel:all = off"]),
        ("K_S0 -> pi+ pi-", "lhcb", ["SoftQCD:inelastic = on"]),
        ("B0 -> K+ pi-", "belle2", ["ProcessLevel:all = off"]),
        ("J/psi -> e e or mu mu", "lhcb",
         ["Charmonium:all = on", "443:oneChannel = 1 0.5 0 -11 11", "443:addChannel = 1 0.5 0 -13 13"]),
    ],
)  # fmt: skip
def test_what_makes_the_first_particle(sentence, experiment, lines):
    text, notes = write_pythia(read_plan(sentence, experiment))
    assert not [line for line in lines if line not in text.splitlines()]
    assert not check(text, name="run.cmnd")
    assert "a pair of" not in notes[0]


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
