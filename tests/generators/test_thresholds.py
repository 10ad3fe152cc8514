"""Closed decays: cards and events decide alike."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.events import EventGenerator
from yukawa.generators.plans import CardPlan, DecayStep
from yukawa.generators.reading import read_card
from yukawa.generators.sentences import read_plan
from yukawa.generators.thresholds import refuse_closed
from yukawa.generators.writing import write_card

CHAINS = (
    "psi(3770) -> D_s+ D_s-", "psi(3770) -> D0 anti-D0", "Upsilon(4S) -> B_s0 anti-B_s0", "Upsilon(4S) -> B0 anti-B0", "Z0 -> W+ W-",
    "f_0 -> K+ K-", "f_0 -> pi+ pi-", "phi -> K+ K-", "phi -> K_S0 K_L0", "psi(4040) -> D_s*+ D_s-", "X_1(3872) -> D0 anti-D*0",
    "psi(2S) -> gamma eta_c", "a_1+ -> rho0 pi+", "a_0+ -> anti-K0 K+", "D*+ -> D+ pi0", "h_1 -> rho0 pi0",
)  # fmt: skip


def generated(steps) -> bool:
    """Whether events are made of these steps alone, in flat phase space."""
    blocks = [f"Decay {step.parent}\n1.0 {' '.join(step.daughters)} PHSP;\nEnddecay" for step in steps]
    try:
        EventGenerator(read_card("\n".join((*blocks, "End")))).generate(20, steps[0].parent)
    except InputError as error:
        return "closed" not in str(error)
    return True


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_is_refused_if_and_only_if_no_event_of_it_is_made(chain):
    parent, daughters = chain.split(" -> ")
    steps = [DecayStep(parent, tuple(daughters.split()))]
    try:
        refuse_closed(steps)
    except InputError:
        assert not generated(steps)
    else:
        assert generated(steps)


def test_what_is_closed_at_rest_can_be_open_in_a_tail():
    steps = [DecayStep("J/psi", ("phi", "f_0")), DecayStep("f_0", ("K+", "K-"))]
    refuse_closed(steps)
    assert generated(steps)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("psi(3770) -> D_s+ D_s-", r"3.937 GeV, psi\(3770\) has 3.774 .*e\+ e- -> .* at ENERGY GeV"),
        ("Upsilon(4S) -> B_s0 anti-B_s0", "closed"),
        ("Z0 -> W+ W-", "closed"),
        ("f_0 -> K_S0 K_S0", "begin with the decay that produces the f_0"),
        ("phi -> K_S0 K_S0", "two identical bosons"),
        ("Z0 -> gamma gamma", "two photons"),
        ("J/psi -> K_S0 K_S0", "two identical bosons"),
    ],
)
def test_no_card_of_a_closed_or_forbidden_decay(sentence, reason):
    with pytest.raises(InputError, match=reason) as raised:
        write_card(read_plan(sentence))
    assert "\n" not in str(raised.value)


def test_the_energy_of_the_collision_opens():
    card = write_card(read_plan("e+ e- -> D_s+ D_s- at 4.0 GeV, BESIII"))
    assert "Particle vpho 4 0.0" in card.text
    with pytest.raises(InputError, match=r"need 3\.937 GeV, vpho has 3\.9"):
        write_card(CardPlan((DecayStep("vpho", ("D_s+", "D_s-")),), "besiii", energy=3.9))
