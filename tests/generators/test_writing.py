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
    assert "CDecay D_s-" in write_card(read_plan(sentence)).text
    assert "D_s-" not in write_card(read_plan(f"{sentence}, D_s- -> anything")).text


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("H -> b bbar", "quarks and gluons need a parton shower"),
        (
            "Z -> tau+ tau-, tau- -> pi- nu at FCC-ee",
            "Pythia decays the Z0 before EvtGen sees it.*begin the card with tau-",
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
