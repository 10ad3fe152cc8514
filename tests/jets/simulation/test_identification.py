from __future__ import annotations

import numpy as np
import pytest

from yukawa.jets.columns import PARTICLE_COLUMNS
from yukawa.jets.simulation.cards import load_card
from yukawa.jets.simulation.identification import (
    HADRONS,
    KAON,
    MASSES,
    NEUTRAL,
    OTHER,
    PHOTON,
    PION,
    PROTON,
    energy_loss,
    flags,
    mass_of,
    measured_kind,
    true_kind,
)

CARD = load_card()


def kinds(particles, path=2000.0, card=CARD, seed=1):
    momentum = np.linalg.norm(particles.momenta[:, :3], axis=1)
    length = np.full(len(particles), path)
    return measured_kind(particles, momentum, momentum, length, card, np.random.default_rng(seed))


def test_every_object_has_one_kind_and_the_flags_are_those_of_the_columns():
    codes = np.array([11, 13, PION, KAON, PROTON, OTHER, NEUTRAL, PHOTON])
    found = flags(codes)
    columns = {column.name.removeprefix("part_") for column in PARTICLE_COLUMNS if "_is" in column.name}
    assert set(found) == columns
    disjoint = ("isElectron", "isMuon", "isChargedHadron", "isNeutralHadron", "isPhoton")
    assert np.array_equal(sum(found[name].astype(int) for name in disjoint), np.ones(8))
    of_hadrons = [found[name] for name in ("isChargedPion", "isChargedKaon", "isProton")]
    assert np.array_equal(np.any(of_hadrons, axis=0), found["isChargedHadron"] & (codes != OTHER))
    assert np.sum(of_hadrons, axis=0).max() == 1


def test_truth_does_not_know_charge():
    assert np.array_equal(
        true_kind(np.array([211, -211, -321, 2212, -2212, 11, -13, 3112, -3312])),
        [PION, PION, KAON, PROTON, PROTON, 11, 13, OTHER, OTHER],
    )
    assert mass_of(np.array([KAON, OTHER])) == pytest.approx([0.493677, 0])


def test_energy_loss_falls_to_a_minimum_and_rises_again():
    beta_gamma = np.geomspace(0.1, 1e4, 400)
    loss = energy_loss(beta_gamma)
    least = np.argmin(loss)
    assert 3 < beta_gamma[least] < 4.5
    assert loss[least] == pytest.approx(1, abs=0.05)
    assert np.all(np.diff(loss[: least + 1]) < 0)
    assert np.all(np.diff(loss[least:]) > 0)
    assert loss[-1] < 1.8  # the density effect ends the rise


@pytest.mark.parametrize("pdg", HADRONS)
def test_a_sharp_measurement_gives_the_truth(gun, pdg):
    sharp = CARD.model_copy(
        update={
            "dedx_resolution": 1e-6,
            "time_of_flight": CARD.time_of_flight.model_copy(update={"resolution": 1e-3}),
        }
    )
    assert (kinds(gun(pdg, 500, (0.2, 30)), card=sharp) == pdg).all()


@pytest.mark.parametrize("pdg", [11, -13])
def test_leptons_are_taken_for_what_they_are(gun, pdg):
    assert (kinds(gun(pdg, 100)) == abs(pdg)).all()


def test_the_two_measurements_help_each_other(gun):
    kaons = gun(321, 4000, (0.9, 1.1))  # near 1 GeV kaons lose as much energy as pions
    with_clock, without = kinds(kaons), kinds(kaons, path=np.inf)
    assert (with_clock == KAON).mean() > 0.99
    assert (without == KAON).mean() < 0.8
    slow = CARD.model_copy(
        update={"time_of_flight": CARD.time_of_flight.model_copy(update={"resolution": 1e6})}
    )
    fast = gun(321, 4000, (8, 12))  # here the clock is of little help
    assert (kinds(fast) == KAON).mean() == pytest.approx((kinds(fast, card=slow) == KAON).mean(), abs=0.08)


def test_a_better_detector_confuses_less(gun):
    protons = gun(2212, 4000, (4, 20))
    right = [
        (kinds(protons, card=CARD.model_copy(update={"dedx_resolution": r})) == PROTON).mean()
        for r in (0.1, 0.05, 0.03, 0.02)
    ]
    assert right == sorted(right)


def test_what_is_none_of_the_three_is_taken_for_the_nearest(gun):
    assert np.isin(kinds(gun(3112, 200, (1, 2))), HADRONS).all()
    assert (kinds(gun(3112, 200, (0.8, 1.2))) == PROTON).mean() > 0.9
    assert MASSES[PROTON] > MASSES[KAON]
