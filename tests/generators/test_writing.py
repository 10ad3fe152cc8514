"""Cards from plans pass the check and hold the chain, for every experiment."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.checking import check
from yukawa.generators.plans import EXPERIMENTS, CardPlan, DecayStep
from yukawa.generators.sentences import read_plan
from yukawa.generators.writing import missing_steps, write_card

SENTENCES = (
    "psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu-",
    "B0 -> K*0 mu+ mu-, K*0 -> K+ pi-",
    "B+ -> anti-D0 pi+, anti-D0 -> K+ pi-",
    "B_s0 -> J/psi phi, J/psi -> mu+ mu-, phi -> K+ K-",
    "Lambda_b0 -> Lambda_c+ pi-, Lambda_c+ -> p+ K- pi+",
    "D*+ -> D0 pi+, D0 -> K- pi+",
    "tau- -> pi- pi0 nu_tau, pi0 -> gamma gamma",
    "psi(3770) -> D+ D-, D+ -> K- pi+ pi+",
)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_card_passes_the_check_and_holds_its_chain(sentence, experiment):
    plan = read_plan(sentence, experiment)
    card = write_card(plan)
    assert not [each for each in check(card.text, name="card.dec") if each.level != "note"]
    assert not missing_steps(card.text, plan)
    assert len(card.notes) >= len(plan.steps)


def test_the_card_of_figure_1():
    assert write_card(read_plan("simulate psi(2S) -> pi pi J/psi in BOSS, J/psi to mu mu")).text == (
        "# psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu-\nDecay psi(2S)\n1.0000 J/psi pi+ pi- JPIPI;\nEnddecay\n"
        "Decay J/psi\n1.0000 mu+ mu- PHOTOS VLL;\nEnddecay\nEnd\n"
    )


def test_a_chain_that_is_not_held():
    plan = read_plan("psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu-")
    text = write_card(CardPlan(plan.steps[:1], "besiii")).text
    assert missing_steps(text, plan) == [DecayStep("J/psi", ("mu+", "mu-"))]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_modes_share_the_decays_equally(experiment):
    states = (("e+", "e-"), ("mu+", "mu-"), ("pi+", "pi-"))
    card = write_card(CardPlan(tuple(DecayStep("J/psi", state) for state in states), experiment))
    assert card.text.count("\n0.3333 ") == 3
    assert not missing_steps(card.text, CardPlan(tuple(DecayStep("J/psi", state) for state in states)))
    assert "J/psi: 3 modes with equal fractions; put measured ones in" in card.notes


def test_the_conjugate_mode_and_its_daughters_are_decayed_alike():
    text = write_card(read_plan("J/psi -> K*0 K- pi+ + c.c., K*0 -> K+ pi-")).text
    assert "0.5000 Myanti-K*0 K+ pi- PHSP;" in text
    assert "CDecay Myanti-K*0" in text


def test_a_collision_has_its_energy():
    card = write_card(read_plan("e+ e- -> pi+ pi- J/psi at 4260 MeV, BESIII"))
    assert "Particle vpho 4.26 0.0\nDecay vpho\n1.0000 J/psi pi+ pi- VVPIPI;" in card.text
    assert any(
        "gives no energy" in note for note in write_card(read_plan("e+ e- -> pi+ pi- J/psi at BESIII")).notes
    )
    assert "Particle vpho 10.58 0.0" in write_card(read_plan("e+ e- -> mu+ mu- at Belle II")).text


def test_the_half_that_decays_freely_is_not_copied():
    sentence = "D_s+ -> phi pi+, phi -> K+ K-"
    card = write_card(read_plan(sentence))
    assert "D_s-" not in card.text
    assert any(note.startswith("D_s- decays by the table") for note in card.notes)
    assert "CDecay D_s-" in write_card(read_plan(f"{sentence} and c.c.")).text
    assert "D_s-" not in write_card(read_plan(f"{sentence}, D_s- -> anything")).text


@pytest.mark.parametrize(
    "sentence", ["B0 -> pi+ pi-", "anti-B0 -> pi+ pi-", "B0 -> pi+ pi-, the other B0 generic"]
)
def test_one_b0_of_an_entangled_pair_is_the_signal(sentence):
    card = write_card(read_plan(f"{sentence} at Belle II"))
    assert (
        "Define dm 0.507e12\nDecay Upsilon(4S)\n1.0000 B0sig anti-B0sig B0 anti-B0 VSS_BMIX dm;" in card.text
    )
    assert "pi+ pi- SSD_CP" in card.text  # of the decay table
    assert "CDecay" in card.text


@pytest.mark.parametrize(
    ("sentence", "mode"),
    [
        ("B0 -> D- pi+", "MyB0 Myanti-B0 B0 anti-B0 VSS_BMIX dm;"),
        ("B0 -> D- pi+ and c.c.", "MyB0 Myanti-B0 VSS_BMIX dm;"),
        ("B0 -> D- pi+, anti-B0 -> D+ K-", "MyB0 Myanti-B0 VSS;"),
    ],
)
def test_a_pair_of_b0_mixes_unless_each_is_forced_to_a_decay_of_its_own(sentence, mode):
    plan = read_plan(f"Upsilon(4S) -> B0 anti-B0, {sentence}")
    card = write_card(plan)
    assert f"1.0000 {mode}" in card.text
    assert not missing_steps(card.text, plan)
    assert not [each for each in check(card.text, name="card.dec") if each.level != "note"]


def test_two_of_a_kind_decay_differently():
    text = write_card(read_plan("B0 -> pi0 pi0, one pi0 -> e+ e- gamma, the other -> gamma gamma")).text
    assert "1.0000 Mypi0_1 Mypi0_2 PHSP;" in text
    assert "Decay Mypi0_2\n1.0000 gamma gamma PHSP;" in text
    alone = write_card(read_plan("B0 -> pi0 pi0, one pi0 -> e+ e- gamma")).text
    assert "1.0000 Mypi0_1 pi0 PHSP;" in alone
    pair = write_card(read_plan("psi(2S) -> tau tau, one tau -> e nu nu, the other -> mu nu nu", "fcc")).text
    assert "0.5000 Mytau+_1 Mytau-_2 VLL;\n0.5000 Mytau+_2 Mytau-_1 VLL;" in pair


def test_what_pythia_makes_before_is_left_out_of_the_card():
    card = write_card(read_plan("Z -> tau+ tau-, tau- -> pi- nu at FCC-ee"))
    assert "Z0" not in card.text
    assert 'Pythia makes Z0 -> tau+ tau- before EvtGen: yukawa write pythia "Z0 -> tau+ tau-"' in card.notes


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("H -> b bbar", "quarks and gluons need a parton shower"),
        (
            "Z -> tau tau, one tau -> pi nu, the other tau -> mu nu nu at FCC-ee",
            "a card cannot say which is the other",
        ),
        ("Z -> mu+ mu- at FCC-ee", "Pythia decays the Z0 before EvtGen sees it"),
        (
            "Z -> b bbar, B0 -> K*0 gamma, B_s0 -> phi gamma at FCC-ee",
            "a card begins with one particle or pair",
        ),
        (
            "e+ e- -> Lambda_c+ Lambda_c- at 4.5 GeV, Lambda_c+ -> p K- pi+, BESIII",
            "need 4.573 GeV, vpho has 4.5",
        ),
        ("Upsilon -> gamma A0", "the tables give A0 no mass"),
    ],
)
def test_what_evtgen_does_not_make_is_refused(sentence, reason):
    with pytest.raises(InputError, match=reason):
        write_card(read_plan(sentence))


def test_a_card_that_fails_the_check_is_not_given():
    with pytest.raises(InputError, match="no card for B0 -> K\\+ pi\\+: charge"):
        write_card(CardPlan((DecayStep("B0", ("K+", "pi+")),)))


def test_at_besiii_a_particle_that_the_table_may_also_make_has_an_alias():
    tagged = write_card(
        read_plan("psi(3770) -> D0 anti-D0, D0 -> K_S0 pi0, K_S0 -> pi+ pi-, anti-D0 generic")
    ).text
    assert "Decay MyK_S0\n1.0000 pi+ pi- PHSP;" in tagged
    both = write_card(read_plan("psi(3770) -> D+ D-, D+ -> K_S0 pi+, D- -> K+ pi- pi-, K_S0 -> pi+ pi-")).text
    assert "Decay K_S0\n" in both
    assert "Alias MyJ/psi" not in write_card(read_plan("psi(2S) -> pi+ pi- J/psi, J/psi -> mu+ mu-")).text


def test_photons_are_left_out_and_put_in():
    assert "PHOTOS" not in write_card(read_plan("J/psi -> mu+ mu- without FSR")).text
    assert "K+ pi- PHOTOS PHSP" in write_card(read_plan("B0 -> K+ pi- with PHOTOS")).text


def test_collisions_before_the_decays_of_evtgen_are_named_by_their_beams():
    card = write_card(
        read_plan("e+ e- -> Z H at 240 GeV, H -> tau tau, tau+ -> pi+ nu, tau- -> pi- nu at FCC-ee")
    )
    assert card.text.startswith("# tau+ -> pi+ anti-nu_tau, tau- -> pi- nu_tau\n")
    assert (
        'Pythia makes e+ e- -> Z0 Higgs0 before EvtGen: yukawa write pythia "e+ e- -> Z0 Higgs0"'
        in card.notes
    )
