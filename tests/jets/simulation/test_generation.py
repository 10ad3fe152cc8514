from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.simulation.cards import Volume, load_card, load_process
from yukawa.jets.simulation.generation import EventBatch, generate

TRACKER = load_card().tracker
PROCESS = load_process()
BB = (*PROCESS.settings, *PROCESS.sample("bb").settings)
Z_RETURN = (
    "Beams:idA = 11", "Beams:idB = -11", "Beams:eCM = 240.", "WeakSingleBoson:ffbar2gmZ = on",
    "23:onMode = off", "23:onIfAny = 1 2 3",
)  # fmt: skip


def made(settings, events, seed=1, tracker=TRACKER) -> list[EventBatch]:
    return list(generate(settings, tracker, events, seed))


def sums(batch: EventBatch):
    """Visible four-momentum of each event."""
    events = np.repeat(np.arange(len(batch)), np.diff(batch.offsets))
    return np.stack(
        [np.bincount(events, column, minlength=len(batch)) for column in batch.particles.momenta.T], axis=1
    )


@pytest.fixture(scope="module")
def bb() -> EventBatch:
    (batch,) = made(BB, 300)
    return batch


def test_what_is_visible_and_what_is_not_add_up_to_the_beams(bb):
    total = sums(bb) + bb.invisible
    assert total == pytest.approx(np.tile([0, 0, 0, 240.0], (300, 1)), abs=1e-4)


def test_the_charges_of_an_event_add_up_to_zero(bb):
    assert np.array_equal(np.rint(np.add.reduceat(bb.particles.charge, bb.offsets[:-1])), np.zeros(300))


def test_the_partons_are_the_daughters_of_the_higgs_boson(bb):
    from_higgs = bb.partons.mother == 25
    assert np.array_equal(from_higgs.nonzero()[0], np.isin(abs(bb.partons.pdg), [5]).nonzero()[0])
    pairs = bb.partons.momenta[from_higgs].reshape(-1, 2, 4).sum(axis=1)
    higgs = bb.partons.momenta[bb.partons.pdg == 25]
    assert pairs == pytest.approx(higgs, abs=1e-6)
    assert np.sqrt(pairs[:, 3] ** 2 - (pairs[:, :3] ** 2).sum(1)) == pytest.approx(np.full(300, 125), abs=0.2)
    assert bb.partons.resonance.sum() == 2 * 300  # the Higgs and the Z boson
    assert np.array_equal(np.diff(bb.partons.offsets), np.full(300, 6))


def test_particles_are_on_their_mass_shell_and_neutrinos_are_not_among_them(bb):
    p = bb.particles
    assert p.momenta[:, 3] == pytest.approx(
        np.sqrt(p.mass**2 + (p.momenta[:, :3] ** 2).sum(1)), rel=1e-6, abs=1e-6
    )
    assert not np.isin(abs(p.pdg), (12, 14, 16)).any()
    assert set(np.unique(p.charge)) == {-1.0, 0.0, 1.0}


def test_the_same_seed_makes_the_same_events_whatever_came_before():
    first = made(BB, 50, seed=7)[0]
    other = made((*PROCESS.settings, *PROCESS.sample("gg").settings), 30, seed=7)[0]
    again = made(BB, 50, seed=7)[0]
    assert np.array_equal(first.particles.momenta, again.particles.momenta)
    assert np.array_equal(first.particles.vertices, again.particles.vertices)
    assert np.array_equal(first.offsets, again.offsets)
    assert len(other) == 30
    assert not np.array_equal(first.particles.momenta[:50], made(BB, 50, seed=8)[0].particles.momenta[:50])


def test_as_many_events_come_as_were_asked_for():
    batches = made(BB, 1010)
    assert [len(batch) for batch in batches] == [1000, 10]
    assert len(np.unique(np.concatenate([batch.particles.momenta[:10, 0] for batch in batches]))) == 20


def test_decays_are_limited_to_the_tracker(bb):
    radius = np.hypot(*bb.particles.vertices[:, :2].T)
    assert 50 < radius.max() < TRACKER.radius + 1e-6
    assert abs(bb.particles.vertices[:, 2]).max() < TRACKER.half_length + 1e-6
    (small,) = made(BB, 300, tracker=Volume(radius=5, half_length=5))
    assert np.hypot(*small.particles.vertices[:, :2].T).max() < 5 + 1e-6
    # What would have decayed farther out is there as it is.
    assert (small.particles.pdg == 310).sum() > 10 * (bb.particles.pdg == 310).sum() + 100


def test_a_setting_of_ones_own_goes_before_the_limit_on_decays():
    (batch,) = made((*BB, "ParticleDecays:limitCylinder = off", "310:mayDecay = on"), 300)
    assert (batch.particles.pdg == 310).sum() == 0


def test_photons_of_the_initial_state_are_not_visible():
    (batch,) = made((*Z_RETURN, "PDF:lepton = on"), 300)
    assert (sums(batch) + batch.invisible)[:, 3] == pytest.approx(np.full(300, 240.0), abs=1e-3)
    # Many events return to the Z boson by one photon of about 100 GeV along a beam.
    along = np.abs(batch.invisible[:, 2])
    assert 50 < (along > 60).sum() < 290
    photons = batch.particles.momenta[batch.particles.pdg == 22]
    forward = np.abs(photons[:, 2]) > 0.99999 * photons[:, 3]
    assert not (forward & (photons[:, 3] > 5)).any()
    without = made((*Z_RETURN, "PDF:lepton = off"), 100)[0]
    assert np.abs(without.invisible[:, 2]).max() < 60


def test_nothing_is_printed(capfd):
    made((*BB, "Print:quiet = off", "Next:numberShowEvent = 3"), 5)
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "HiggsSM:ffbar2HX = on",
            "refuses the setting 'HiggsSM:ffbar2HX = on': PYTHIA Error: input string not",
        ),
        (
            "PhaseSpace:pTHatMin = -5",
            "refuses the setting 'PhaseSpace:pTHatMin = -5': PYTHIA Error.*out of range",
        ),
        ("hello world", "refuses the setting 'hello world'"),
        ("25:m9 = 1", "refuses the setting '25:m9 = 1': PYTHIA Error: input property not found"),
        ("Beams:eCM = 100.", "Pythia cannot start: PYTHIA Error.*vanishing cross sections"),
        ("Beams:idA = 4444", "Pythia cannot start: PYTHIA Error"),
    ],
)
def test_what_pythia_refuses_is_one_line_in_its_own_words(line, message, capfd):
    with pytest.raises(InputError, match=message) as caught:
        made((*BB, line), 5)
    assert "\n" not in str(caught.value)
    printed = capfd.readouterr()
    assert printed.out == ""
