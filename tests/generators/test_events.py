"""Events of cards: laws on every event, distributions, conjugates, seeds."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.generators.events import EventGenerator, GeneratedEvents
from yukawa.generators.reading import read_card
from yukawa.generators.sentences import read_plan
from yukawa.generators.writing import write_card

FIGURE = write_card(read_plan("psi(2S) -> pi pi J/psi in BOSS, J/psi to mu mu")).text


def generated(text: str, parent: str, count: int = 2000, seed: int = 1) -> GeneratedEvents:
    return EventGenerator(read_card(text), seed).generate(count, parent)


def check_laws(events: GeneratedEvents) -> None:
    """Momentum closes at every decay, masses are those of the momenta, mothers come first."""
    inside = np.flatnonzero(events.mother >= 0)
    sums = np.zeros_like(events.momenta)
    np.add.at(sums, events.mother[inside], events.momenta[inside])
    decayed = np.unique(events.mother[inside])
    assert np.abs(sums[decayed] - events.momenta[decayed]).max() < 1e-9
    squares = events.momenta[:, 0] ** 2 - (events.momenta[:, 1:] ** 2).sum(axis=1)
    assert np.abs(squares - events.masses**2).max() < 1e-9
    assert (events.mother[inside] < inside).all()
    assert (events.event[events.mother[inside]] == events.event[inside]).all()
    assert (events.status[decayed] == 2).all()


def test_own_cards_generate_and_obey_the_laws(own_card):
    card = read_card(own_card)
    parent = next(card.blocks()).parent
    try:
        events = generated(own_card, parent, 50)
    except InputError:  # quarks and inclusive states are left to EvtGen
        return
    check_laws(events)


def test_one_b0_of_a_pair_is_the_signal_and_either_may_be():
    text = write_card(read_plan("B0 -> K+ pi- at Belle II")).text
    events = generated(text, "Upsilon(4S)", 400)
    check_laws(events)
    decayed = events.number[np.unique(events.mother[events.mother >= 0])]
    signal = decayed[np.abs(decayed) == 511]
    assert len(signal) == 400
    assert 140 < (signal == 511).sum() < 260
    assert "VSS_BMIX: the pair is generated without mixing" in events.notes


def test_the_card_of_figure_1():
    events = generated(FIGURE, "psi(2S)", 4000)
    check_laws(events)
    assert "JPIPI: approximated by VVPIPI, (q^2 - 4 m_pi^2)^2" in events.notes
    pions = [events.momenta[events.number == number] for number in (211, -211)]
    total = pions[0] + pions[1]
    pairs = np.sqrt(total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=1))
    assert pairs.mean() == pytest.approx(0.5080, abs=4 * pairs.std() / len(pairs) ** 0.5)


def test_the_angle_of_muons_to_the_beam():
    events = generated("Decay J/psi\n1 mu+ mu- VLL;\nEnddecay\nEnd", "J/psi", 20_000)
    muons = events.momenta[events.number == -13]
    cosines = muons[:, 3] / np.sqrt((muons[:, 1:] ** 2).sum(axis=1))
    assert (cosines**2).mean() == pytest.approx(0.4, abs=0.01)


def test_a_scalar_makes_a_longitudinal_vector():
    """cos^2 of a pion in the frame of the K*, to the flight of the K*: its mean is 3/5."""
    events = generated(
        "Decay B0\n1 D*- pi+ SVS;\nEnddecay\nDecay D*-\n1 anti-D0 pi- VSS;\nEnddecay\nEnd", "B0", 8000
    )
    star, slow = (events.momenta[events.number == number] for number in (-413, -211))
    mass = np.sqrt(star[:, 0] ** 2 - (star[:, 1:] ** 2).sum(axis=1))
    flight = star[:, 1:] / np.sqrt((star[:, 1:] ** 2).sum(axis=1))[:, None]
    gamma, speed = star[:, 0] / mass, np.sqrt((star[:, 1:] ** 2).sum(axis=1)) / star[:, 0]
    along = gamma * ((slow[:, 1:] * flight).sum(axis=1) - speed * slow[:, 0])
    energy = gamma * (slow[:, 0] - speed * (slow[:, 1:] * flight).sum(axis=1))
    cosines = along / np.sqrt(energy**2 - 0.13957**2)
    assert (cosines**2).mean() == pytest.approx(0.6, abs=0.02)


def test_fractions_conjugates_and_seeds():
    card = (
        "Alias A D0\nAlias B anti-D0\nChargeConj A B\nDecay psi(3770)\n1 A B VSS;\nEnddecay\n"
        "Decay A\n0.75 K- pi+ PHSP;\n0.25 K+ K- PHSP;\nEnddecay\nCDecay B\nEnd"
    )
    events = generated(card, "psi(3770)", 4000)
    pions = [(events.number == number).sum() for number in (211, -211)]
    assert pions == pytest.approx([3000, 3000], abs=120)
    again = generated(card, "psi(3770)", 4000)
    assert (again.momenta == events.momenta).all()
    assert not (generated(card, "psi(3770)", 4000, seed=2).momenta == events.momenta).all()


def test_resonances_have_their_width():
    events = generated("Decay D+\n1 rho0 pi+ PHSP;\nEnddecay\nEnd", "D+", 4000)
    masses = events.masses[events.number == 113]
    assert 0.05 < masses.std() < 0.3
    assert np.median(masses) == pytest.approx(0.775, abs=0.02)


def test_a_resonance_decays_by_what_is_open_at_its_mass():
    """The tail of a rho begins at two pions, that of a phi at two kaons for those that decay to kaons."""
    card = (
        "Decay J/psi\n1 rho0 phi PHSP;\nEnddecay\nDecay rho0\n1 pi+ pi- VSS;\nEnddecay\n"
        "Decay phi\n0.5 K+ K- VSS;\n0.5 pi+ pi- pi0 PHSP;\nEnddecay\nEnd"
    )
    events = generated(card, "J/psi", 5000)
    check_laws(events)
    assert events.masses[events.number == 113].min() > 2 * 0.13957
    mothers = np.unique(events.mother[events.number == 321])
    assert events.masses[mothers].min() > 2 * 0.49367
    assert 0.4 < len(mothers) / 5000 < 0.5


@pytest.mark.parametrize(
    ("text", "parent", "reason"),
    [
        ("Decay J/psi\n1 mu+ mu- VLL;\nEnddecay\nEnd", "psi(2S)", "does not decay psi"),
        (
            "Decay chi_c0\n1 rndmflav anti-rndmflav PYTHIA 42;\nEnddecay\nEnd",
            "chi_c0",
            "needs its own program",
        ),
        ("Decay psi(2S)\n1 B0 anti-B0 PHSP;\nEnddecay\nEnd", "psi(2S)", "too heavy"),
        ("Decay J/psi\n0 mu+ mu- VLL;\nEnddecay\nEnd", "J/psi", "sum to 0"),
        ("Decay pi0\n1 pi0 PHSP;\nEnddecay\nEnd", "pi0", "in a row|too heavy"),
        ("Decay x\n1 mu+ mu- VLL;\nEnddecay\nEnd", "x", "unknown particle x"),
        ("Decay B+\n1 Xsu gamma PHSP;\nEnddecay\nEnd", "B+", "not one number"),
    ],
)
def test_what_cannot_be_generated(text, parent, reason):
    with pytest.raises(InputError, match=reason):
        generated(text, parent, 10)


def test_numbers_of_events():
    with pytest.raises(InputError, match="not between"):
        generated(FIGURE, "psi(2S)", 0)


def test_the_mass_that_a_card_gives_a_particle_is_used():
    text = "Particle vpho 4.26 0.0\nParticle h_c 3.6\nDecay vpho\n1.0 pi+ pi- h_c PHSP;\nEnddecay\nEnd\n"
    events = generated(text, "vpho", 20)
    assert np.allclose(events.masses[events.number == 10022], 4.26)
    assert np.allclose(events.masses[events.number == 10443], 3.6, atol=0.02)
    with pytest.raises(InputError, match="the tables give vpho no mass"):
        generated(text.replace("Particle vpho 4.26 0.0\n", ""), "vpho")
