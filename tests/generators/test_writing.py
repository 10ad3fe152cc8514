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


def test_a_particle_that_decays_in_two_ways_is_refused():
    steps = (DecayStep("B0", ("K+", "pi-")), DecayStep("B0", ("pi+", "pi-")))
    with pytest.raises(InputError, match="decays in two ways"):
        write_card(CardPlan(steps))


def test_a_card_that_fails_the_check_is_not_given():
    with pytest.raises(InputError, match="no card for B0 -> K\\+ pi\\+: charge"):
        write_card(CardPlan((DecayStep("B0", ("K+", "pi+")),)))
