"""Questions of kinematics: what moves how, which product of which decay is meant, which reaction; and near misses, refused."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan

QUESTIONS = [
    # in flight: one thing, one amount that says how it moves
    ("What is the mean decay length of a muon with a momentum of 10 GeV?", "decay-length", "momentum 10 GeV"),
    ("What is the lifetime of a 10 GeV muon in the lab frame?", "lifetime", "bare-energy 10 GeV"),
    ("A charged pion moves with a Lorentz factor of 30. What is its mean decay length?", "decay-length", "lorentz-factor 30"),
    ("How far does a muon travel at 0.998 c?", "decay-length", "speed 0.998 c"),
    ("What is the momentum of a proton with 2 GeV kinetic energy?", "momentum", "kinetic-energy 2 GeV"),
    ("What is the Lorentz factor of a 7 TeV proton?", "lorentz-factor", "bare-energy 7 TeV"),
    ("What is the de Broglie wavelength of a 100 eV electron?", "wavelength", "bare-energy 100 eV"),
    # products of a decay at rest
    ("What is the momentum of the muon when a charged pion at rest decays to mu nu?", "momentum", "rest"),
    ("In the decay pi+ -> mu+ nu_mu with the pion at rest, what is the energy of the muon?", "energy", "rest"),
    ("A K0_S at rest decays to pi+ pi-. What's the momentum of each pion?", "momentum", "rest"),
    ("What is the energy of each photon when a pi0 at rest decays?", "energy", "rest"),
    ("What's the photon energy in Sigma0 -> Lambda gamma?", "energy", "rest"),
    ("What is the speed of the muon emitted in the decay of a pion at rest?", "speed", "rest"),
    ("What is the maximum energy of the electron in mu- -> e- nubar_e nu_mu?", "energy", "most"),
]  # fmt: skip
THRESHOLDS = [
    (
        "What is the threshold energy for p p -> p p pi0 with a proton at rest as target?",
        "threshold-energy",
        ("p", "p"),
    ),
    (
        "What is the threshold kinetic energy of the pion for pi- p -> K0 Lambda?",
        "threshold-kinetic-energy",
        ("pi-", "p"),
    ),
    ("At what beam momentum does pi- p -> K+ Sigma- become possible?", "threshold-momentum", ("pi-", "p")),
    ("What's the threshold for e+ e- -> mu+ mu-?", "threshold-cm", ("e+", "e-")),
    ("What is the minimum centre-of-mass energy to produce a W+ W- pair?", "threshold-cm", ("e-", "e+")),
]
ALONE = {
    "to make a Z in e+ e- collisions": (("Z0",),),
    "to make a tau pair in e+ e- collisions": (("tau-",), ("tau+",)),
}
RELEASED = [
    "How much kinetic energy is available to the products in K+ -> pi+ pi0?",
    "How much energy is left over in D*+ -> D0 pi+?",
    "How much energy is released when a free neutron beta-decays?",
]
REFUSED = [
    "What is the mean decay length of a muon with a momentum of 10 GeV in iron?",
    "What is the mean decay length of a muon with a momentum of 10 GeV and a spin of 7?",
    "What is the energy of the muon?",
    "What is the energy of the axion in pi+ -> mu+ nu_mu at rest?",
    "What is the threshold energy for p p -> p p pi0 in a lead nucleus with Fermi motion?",
    "What is the threshold energy for pion production in proton-proton collisions?",
]


@pytest.mark.parametrize(("question", "name", "given"), QUESTIONS)
def test_what_moves_is_read_with_how_it_moves(question: str, name: str, given: str) -> None:
    found = plan(question)
    assert found.complete, reading(found)
    (wanted,) = (w for goal in found.goals for w in goal.operands)
    assert (wanted.property, wanted.qualifiers) == (name, {"given": given})


@pytest.mark.parametrize(("question", "name", "pair"), THRESHOLDS)
def test_a_threshold_is_that_of_a_reaction(question: str, name: str, pair: tuple[str, str]) -> None:
    found = plan(question)
    assert found.complete, reading(found)
    (wanted,) = (w for goal in found.goals for w in goal.operands)
    assert (wanted.property, wanted.thing.names) == (name, pair)
    assert wanted.channel is not None


@pytest.mark.parametrize(("made", "products"), ALONE.items())
def test_what_is_its_own_antiparticle_is_made_alone(made: str, products: tuple[tuple[str, ...], ...]) -> None:
    (goal,) = plan(f"What is the threshold {made}?").goals
    assert goal.operands[0].channel is not None
    assert goal.operands[0].channel.products == products
    assert not plan("What is the threshold to make a pion in e+ e- collisions?").complete


@pytest.mark.parametrize("question", RELEASED)
def test_energy_that_a_decay_sets_free(question: str) -> None:
    found = plan(question)
    assert found.complete, reading(found)
    assert [w.property for goal in found.goals for w in goal.operands] == ["energy-release"]


@pytest.mark.parametrize("question", REFUSED)
def test_what_changes_the_kinematics_is_not_dropped(question: str) -> None:
    assert not plan(question).complete
