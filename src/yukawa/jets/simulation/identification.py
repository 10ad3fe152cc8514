"""Which kind of particle a track or a calorimeter object is taken for: by truth, or by energy loss and flight time."""

from __future__ import annotations

import numpy as np

from yukawa.jets.simulation.cards import Card
from yukawa.jets.simulation.generation import Particles
from yukawa.jets.simulation.helix import LIGHT
from yukawa.jets.table import Array

# PDG codes of what objects can be taken for; OTHER is a charged hadron that is none of the three.
ELECTRON, MUON, PION, KAON, PROTON, PHOTON, NEUTRAL, OTHER = 11, 13, 211, 321, 2212, 22, 130, 0
HADRONS = (PION, KAON, PROTON)
MASSES = {ELECTRON: 0.00051099895, MUON: 0.1056583755, PION: 0.13957039, KAON: 0.493677, PROTON: 0.93827209}


def flags(taken_for: Array) -> dict[str, Array]:
    """The identification flags of jets' particles by what each is taken for (one of the codes above)."""
    kaon, pion, proton = taken_for == KAON, taken_for == PION, taken_for == PROTON
    return {
        "isElectron": taken_for == ELECTRON,
        "isMuon": taken_for == MUON,
        "isChargedKaon": kaon,
        "isChargedPion": pion,
        "isProton": proton,
        "isChargedHadron": kaon | pion | proton | (taken_for == OTHER),
        "isNeutralHadron": taken_for == NEUTRAL,
        "isPhoton": taken_for == PHOTON,
    }


def true_kind(pdg: Array) -> Array:
    """What tracks with these PDG codes are in truth: lepton, pion, kaon, proton or OTHER."""
    size = np.abs(pdg)
    return np.where(np.isin(size, (ELECTRON, MUON, *HADRONS)), size, OTHER)


def mass_of(taken_for: Array) -> Array:
    """The mass in GeV of what tracks are taken for; 0 where that says nothing of it."""
    mass = np.zeros(len(taken_for))
    for kind, value in MASSES.items():
        mass[taken_for == kind] = value
    return mass


def measured_kind(
    particles: Particles,
    true_momentum: Array,
    momentum: Array,
    path: Array,
    card: Card,
    rng: np.random.Generator,
) -> Array:
    """What tracks are taken for by energy loss and time of flight: the hadron with the least chi2.

    chi2 = ((dE/dx - expected) / (resolution expected))^2 + ((t - expected) / resolution)^2 for each of pion,
    kaon and proton (the method of arXiv:2209.14486). Leptons, which the calorimeter and the muon chambers
    tell, are taken for what they are.

    Args:
        particles: that left the tracks, N of them.
        true_momentum: shape (N,), GeV.
        momentum: as measured, shape (N,), GeV.
        path: mm to the clock; infinite where the track does not reach it, and no time is measured.
        card: resolutions.
        rng: random numbers.
    """
    count = len(particles)
    loss = energy_loss(true_momentum / particles.mass) * particles.charge**2
    loss *= 1 + card.dedx_resolution * rng.standard_normal(count)
    timed = np.isfinite(path)
    length = np.where(timed, path, 0.0)
    time = length / LIGHT * np.hypot(1.0, particles.mass / true_momentum)
    time += card.time_of_flight.resolution * rng.standard_normal(count)
    chi2 = []
    for hadron in HADRONS:
        expected = energy_loss(momentum / MASSES[hadron])
        by_loss = (loss - expected) / (card.dedx_resolution * expected)
        flight = length / LIGHT * np.hypot(1.0, MASSES[hadron] / momentum)
        by_time = np.where(timed, (time - flight) / card.time_of_flight.resolution, 0.0)
        chi2.append(by_loss**2 + by_time**2)
    hadrons = np.array(HADRONS)[np.argmin(chi2, axis=0)]
    kind = true_kind(particles.pdg)
    return np.where((kind == ELECTRON) | (kind == MUON), kind, hadrons)


def energy_loss(beta_gamma: Array) -> Array:
    """Mean energy loss in a gas, relative to that at the minimum, of a particle of unit charge.

    The form is the one that W. Blum, W. Riegler and L. Rolandi give in "Particle Detection with Drift
    Chambers" (2008) after ALEPH; its five numbers are those of the ALICE time projection chamber.
    """
    p1, p2, p3, p4, p5 = 0.076176, 10.632, 1.3279e-5, 1.8631, 1.9479
    beta = beta_gamma / np.hypot(1.0, beta_gamma)
    power = beta**p4
    return (p2 - power - np.log(p3 + beta_gamma**-p5)) * p1 / power
