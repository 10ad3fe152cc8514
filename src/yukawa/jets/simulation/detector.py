"""The detector: what it measures of each visible particle of a batch, at the resolutions of a card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yukawa.jets.simulation.cards import Calorimeter, Card, ImpactParameter, Tracking
from yukawa.jets.simulation.generation import Particles
from yukawa.jets.simulation.helix import curvature, path_to_cylinder, perigee
from yukawa.jets.simulation.identification import (
    ELECTRON,
    MUON,
    NEUTRAL,
    OTHER,
    PHOTON,
    mass_of,
    measured_kind,
    true_kind,
)
from yukawa.jets.table import Array

_MICRON = 1e-3  # mm
_LEAST_PT = 1e-99  # GeV; keeps the pseudorapidity along the beam finite
_LEAST = 1e-3  # a measured momentum is at least this part of the true one


@dataclass(frozen=True)
class Measured:
    """What the detector gives, N objects in the order of the particles.

    Attributes:
        truth: int64, shape (N,): the row of the particle that each is; it rises.
        momenta: float64, shape (N, 4): px, py, pz, energy in GeV; those of tracks at the perigee.
        charge: float64, shape (N,): in e; 0 for what only a calorimeter saw.
        impact: float64, shape (N, 4): d0, its error, z0, its error in mm; 0 for what has no track. The sign of
            d0 is that of `helix.Perigee`.
        taken_for: int64, shape (N,): what each is identified as, a code of `identification`.
    """

    truth: Array
    momenta: Array
    charge: Array
    impact: Array
    taken_for: Array

    def __len__(self) -> int:
        return len(self.truth)


def measure(particles: Particles, card: Card, rng: np.random.Generator) -> Measured:
    """Measure visible particles.

    A charged particle in the acceptance leaves a track as often as the card says. Photons are measured by the
    electromagnetic calorimeter, neutral hadrons by the hadronic one, along their true direction and as if
    without mass; electrons by track and electromagnetic calorimeter, whichever is better at their momentum;
    muons by their track alone. An electron or charged hadron that left no track, but reaches the calorimeter,
    is seen there as a photon or a neutral hadron.
    """
    tracked = np.flatnonzero(_leaves_track(particles, card.tracking, rng))
    tracks = _tracks(particles[tracked], tracked, card, rng)
    rest = np.delete(np.arange(len(particles)), tracked)
    showers = _showers(particles[rest], rest, card, rng)
    order = np.argsort(np.concatenate([tracks.truth, showers.truth]), kind="stable")
    return Measured(
        *(
            np.concatenate([getattr(tracks, name), getattr(showers, name)])[order]
            for name in ("truth", "momenta", "charge", "impact", "taken_for")
        )
    )


def _leaves_track(particles: Particles, tracking: Tracking, rng: np.random.Generator) -> Array:
    pt = _pt(particles)
    step = np.searchsorted([step.pt_min for step in tracking.efficiency], pt, side="right") - 1
    efficiency = np.array([step.efficiency for step in tracking.efficiency])[step]
    efficiency[step < 0] = 0
    seen = (particles.charge != 0) & (_size_of_eta(particles) <= tracking.eta_max)
    return seen & (rng.random(len(particles)) < efficiency)


def _tracks(particles: Particles, truth: Array, card: Card, rng: np.random.Generator) -> Measured:
    """The tracks of charged particles: the momentum keeps its direction, the energy follows from the kind."""
    k = curvature(particles.charge, card.field)
    track = perigee(particles.vertices, particles.momenta, k)
    z, pz = particles.vertices[:, 2], particles.momenta[:, 2]
    pt = _pt(particles)
    momentum = np.hypot(pt, pz)
    scale = _momentum_scale(particles, card, rng)
    kind = true_kind(particles.pdg)
    if card.identification == "dedx+tof":
        path = path_to_cylinder(track, z, pz, k, card.time_of_flight.radius, card.tracker.half_length)
        kind = measured_kind(particles, momentum, momentum * scale, path, card, rng)
    mass = np.where(kind == OTHER, particles.mass, mass_of(kind))
    px, py, pz = track.px * scale, track.py * scale, pz * scale
    energy = np.hypot(momentum * scale, mass)
    d0_error, z0_error = (_impact_error(error, pt * scale) for error in (card.tracking.d0, card.tracking.z0))
    d0 = track.d0 + d0_error * rng.standard_normal(len(pt))
    z0 = track.z0 + z0_error * rng.standard_normal(len(pt))
    return Measured(
        truth,
        np.stack([px, py, pz, energy], axis=1),
        particles.charge,
        np.stack([d0, d0_error, z0, z0_error], axis=1),
        kind,
    )


def _momentum_scale(particles: Particles, card: Card, rng: np.random.Generator) -> Array:
    """The measured over the true momentum of particles with tracks."""
    pt, eta, energy = _pt(particles), _size_of_eta(particles), particles.momenta[:, 3]
    steps = card.tracking.momentum
    step = np.minimum(np.searchsorted([step.eta_max for step in steps], eta), len(steps) - 1)
    constant = np.array([step.constant for step in steps])[step]
    slope = np.array([step.slope for step in steps])[step]
    resolution = np.hypot(constant, slope * pt)
    scale = 1 + resolution * rng.standard_normal(len(pt))
    electron = np.flatnonzero((np.abs(particles.pdg) == ELECTRON) & (eta <= card.ecal.eta_max))
    shower = energy_resolution(card.ecal, energy[electron])
    measured = 1 + shower * rng.standard_normal(len(electron))
    better = (shower < resolution[electron]) & (measured * energy[electron] >= card.ecal.threshold)
    scale[electron[better]] = measured[better]
    return np.maximum(scale, _LEAST)


def _showers(particles: Particles, truth: Array, card: Card, rng: np.random.Generator) -> Measured:
    """What the calorimeters see of particles without tracks."""
    electromagnetic = np.isin(np.abs(particles.pdg), (ELECTRON, PHOTON))
    eta, energy = _size_of_eta(particles), particles.momenta[:, 3]
    measured, seen = np.zeros(len(particles)), _reaches_calorimeter(particles, card)
    for calorimeter, of_it in ((card.ecal, electromagnetic), (card.hcal, ~electromagnetic)):
        rows = np.flatnonzero(of_it)
        smear = energy_resolution(calorimeter, energy[rows]) * rng.standard_normal(len(rows))
        measured[rows] = energy[rows] * (1 + smear)
        seen[rows] &= (measured[rows] >= calorimeter.threshold) & (measured[rows] > 0)
        seen[rows] &= eta[rows] <= calorimeter.eta_max
    particles, measured = particles[seen], measured[seen]
    momentum = np.maximum(np.linalg.norm(particles.momenta[:, :3], axis=1), np.finfo(float).tiny)
    return Measured(
        truth[seen],
        np.column_stack([particles.momenta[:, :3] * (measured / momentum)[:, None], measured]),
        np.zeros(len(measured)),
        np.zeros((len(measured), 4)),
        np.where(electromagnetic[seen], PHOTON, NEUTRAL),
    )


def _reaches_calorimeter(particles: Particles, card: Card) -> Array:
    """Whether particles come to a calorimeter and shower there: not muons, nor what curls up in the tracker."""
    reaches = np.abs(particles.pdg) != MUON
    rows = np.flatnonzero(particles.charge != 0)
    charged = particles[rows]
    k = curvature(charged.charge, card.field)
    track = perigee(charged.vertices, charged.momenta, k)
    z, pz = charged.vertices[:, 2], charged.momenta[:, 2]
    path = path_to_cylinder(track, z, pz, k, card.tracker.radius, card.tracker.half_length)
    reaches[rows] &= np.isfinite(path)
    return reaches


def energy_resolution(calorimeter: Calorimeter, energy: Array) -> Array:
    """sigma(E)/E of a calorimeter at energies in GeV."""
    energy = np.maximum(energy, np.finfo(float).eps)
    return np.sqrt(
        calorimeter.stochastic**2 / energy + calorimeter.constant**2 + (calorimeter.noise / energy) ** 2
    )


def _impact_error(error: ImpactParameter, pt: Array) -> Array:
    """The uncertainty of an impact parameter in mm at transverse momenta in GeV."""
    return np.hypot(error.constant, error.scattering / pt**error.power) * _MICRON


def _pt(particles: Particles) -> Array:
    return np.hypot(particles.momenta[:, 0], particles.momenta[:, 1])


def _size_of_eta(particles: Particles) -> Array:
    """|eta|; finite for particles along the beam too."""
    return np.arcsinh(np.abs(particles.momenta[:, 2]) / np.maximum(_pt(particles), _LEAST_PT))
