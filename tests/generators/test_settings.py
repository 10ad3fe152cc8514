"""Settings of Pythia from sentences: collisions, signs of W and t, and what Pythia lacks."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.checking import check
from yukawa.generators.requests import write_request
from yukawa.generators.sentences import read_plan
from yukawa.generators.settings import write_pythia


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
        ("t -> b W+", "fcc", ["Beams:eCM = 365", "6:onMode = 3", "6:onIfMatch = 5 24"]),
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
    ("sentence", "lines"),
    [
        ("e+e- -> ZH at 240 GeV, Z -> e+ e-", ["HiggsSM:ffbar2HZ = on", "23:onIfMatch = -11 11"]),
        ("e+ e- -> WW at 240 GeV", ["Beams:eCM = 240", "WeakDoubleBoson:ffbar2WW = on"]),
        ("e+ e- -> Z H at 240 GeV", ["Beams:idA = 11", "Beams:eCM = 240", "HiggsSM:ffbar2HZ = on"]),
        ("e+ e- -> Z H at 365 GeV, Z -> mu+ mu-, H -> b bbar",
         ["Beams:eCM = 365", "HiggsSM:ffbar2HZ = on", "23:onIfMatch = -13 13", "25:onIfMatch = 5 -5"]),
        ("e+ e- -> W+ W- at 163 GeV, W+ -> mu+ nu_mu",
         ["WeakDoubleBoson:ffbar2WW = on", "24:onMode = 3", "24:onIfMatch = -13 14"]),
        ("e+ e- -> W+ W-, W+ -> mu+ nu_mu, W- -> e- anti-nu_e",
         ["24:onMode = off", "24:onPosIfMatch = -13 14", "24:onNegIfMatch = -11 12"]),
        ("e+ e- -> W+ W-, W- -> e- anti-nu_e", ["24:onMode = 2", "24:onIfMatch = -11 12"]),
        ("e+ e- -> W+ W-, W+ -> mu+ nu_mu and c.c.", ["24:onMode = off", "24:onIfMatch = -13 14"]),
        ("pp collisions at 13.6 TeV with ttbar", ["Beams:idA = 2212", "Beams:eCM = 13600", "Top:gg2ttbar = on"]),
        ("pp collisions at 13 TeV", ["Beams:eCM = 13000", "SoftQCD:inelastic = on"]),
        ("pp -> J/psi at 8 TeV", ["Beams:eCM = 8000", "Charmonium:all = on"]),
        ("settings: pp -> ttbar at 14 TeV", ["Beams:eCM = 14000", "Top:gg2ttbar = on"]),
        ("pp -> Z at 13 TeV, 2000 events", ["Beams:idB = 2212", "WeakSingleBoson:ffbar2gmZ = on", "Main:numberOfEvents = 2000"]),
        ("pp collisions at 14 TeV, H -> gamma gamma", ["Beams:eCM = 14000", "HiggsSM:gg2H = on", "25:onIfMatch = 22 22"]),
        ("D0 -> K- pi+ (25%) or K- pi+ pi0 (75%)", ["421:oneChannel = 1 0.25 0 -321 211", "421:addChannel = 1 0.75 0 -321 211 111"]),
        ("psi(3770) -> D0 anti-D0, D0 -> K- pi+, anti-D0 -> K+ pi- pi0",
         ["421:oneChannel = 2 1.0 0 -321 211", "421:addChannel = 3 1.0 0 -321 211 111"]),
    ],
)  # fmt: skip
def test_collisions_and_signs(sentence, lines):
    text = write_request("pythia", sentence).text
    assert not [line for line in lines if line not in text.splitlines()], text
    assert not [each for each in check(text, name="run.cmnd") if each.level == "error"]
    assert "10022:" not in text


def test_the_note_on_amplitudes_is_true():
    chosen, forced = (write_request("pythia", each).notes for each in ("Z -> mu+ mu-", "D0 -> K- pi+"))
    assert not any("meMode 0" in note for note in chosen)
    assert any("keep the amplitudes" in note for note in chosen)
    assert any("meMode 0" in note for note in forced)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("e+ e- -> pi+ pi- J/psi at 4.26 GeV", "no process of Pythia for e\\+ e- -> pi\\+ pi- J/psi"),
        ("B+ -> K+ X(3872)", "Pythia has no X_1\\(3872\\)"),
        ("Z -> W+ W-", "closed"),
        ("B0 -> pi0 pi0, one pi0 -> e+ e- gamma", "in Pythia every pi0 has the same channels"),
        ("Z -> gamma gamma", "impossible"),
    ],
)
def test_what_pythia_does_not_make_is_refused_in_words(sentence, reason):
    pytest.importorskip("pythia8mc")
    with pytest.raises(InputError, match=reason) as raised:
        write_request("pythia", sentence)
    assert "line " not in str(raised.value)


@pytest.mark.parametrize(
    ("decays", "positive", "negative"),
    [
        ("W+ -> mu+ nu_mu", {13}, None), ("W- -> e- anti-nu_e", None, {11}), ("W+ -> mu+ nu_mu, W- -> e- anti-nu_e", {13}, {11}),
        ("W+ -> mu+ nu_mu, W- -> mu- anti-nu_mu", {13}, {13}), ("W+ -> mu+ nu_mu and c.c.", {13}, {13}),
        ("W+ -> e+ nu_e or mu+ nu_mu, W- -> mu- anti-nu_mu", {11, 13}, {13}),
    ],
)  # fmt: skip
def test_pythia_opens_to_each_sign_what_the_sentence_says(decays, positive, negative):
    """Law: the channels of a sign that decays are those of the sentence; a sign that is not named keeps all."""
    program = pytest.importorskip("pythia8mc").Pythia("", False)
    text = write_request("pythia", f"e+ e- -> W+ W-, {decays}").text
    assert all(program.readString(line) for line in text.splitlines() if line.startswith("24:"))
    entry = program.particleData.particleDataEntryPtr(24)
    channels = [entry.channel(at) for at in range(entry.sizeChannels())]
    for expected, switches in ((positive, (1, 2)), (negative, (1, 3))):
        open_ = [each for each in channels if each.onMode() in switches]
        if expected is None:
            assert len(open_) == len(channels)
        else:
            assert {min(abs(each.product(0)), abs(each.product(1))) for each in open_} == expected
