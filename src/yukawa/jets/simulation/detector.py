"""The detector: what it measures of each visible particle of a batch, at the resolutions of a card."""

from dataclasses import dataclass

import numpy as np

from yukawa.jets.kinematics import direction
from yukawa.jets.simulation.cards import Calorimeter, Card, ImpactParameter, Tracking
from yukawa.jets.simulation.generation import Particles
from yukawa.jets.table import Array

LIGHT = 0.299792458  # mm/ps; with the field in T it turns mm into 1e-3 GeV


@dataclass(frozen=True)
class Perigee:
    """A track at the point of closest approach to the beam line in the transverse plane.

    Attributes:
        d0: mm; its size is the distance from the beam line, its sign that of x py - y px, as in Delphes and
            JetClass (the z component of the angular momentum; LCIO and EDM4hep give it the other sign).
        z0: mm; z of that point.
        px, py: GeV; the transverse momentum there (pz does not change).
        path: mm; transverse path from the point of closest approach to the point of production, negative
            where the particle would reach the former only after the latter.
    """

    d0: Array
    z0: Array
    px: Array
    py: Array
    path: Array


def curvature(charge: Array, field: float) -> Array:
    """The factor k = q B in GeV/mm, shape (N,), for charges in e and a field along +z in T; the radius is pT/|k|."""
    return charge * (field * LIGHT * 1e-3)


def perigee(vertices: Array, momenta: Array, k: Array) -> Perigee:
    """The perigee of N particles.

    Args:
        vertices: where each was produced, shape (N, 3), in mm.
        momenta: px, py, pz (and more, not looked at) there, shape (N, 3 or more), in GeV.
        k: `curvature`, shape (N,).

    The centre of the circle is C = (x + py/k, y - px/k), as d(px, py)/ds = (k/pT) (py, -px). With
    L = x py - y px, S = x px + y py and T = |k C|, T^2 = pT^2 + 2 k L + k^2 r^2, the signed distance is
    d0 = (T - pT)/k, the momentum there pT/T (px - k y, py + k x), and the turning angle between the two points
    atan2(k S, pT^2 + k L). Written without a difference of near numbers and without 1/k they hold for straight
    lines (k = 0) as well. Source: P. Avery, "Applied fitting theory VI" (CLEO note CBX 98-37), whose a is our
    -k and whose d0 has the other sign.
    """
    (x, y, z), (px, py, pz) = vertices.T, momenta.T[:3]
    tiny = np.finfo(float).tiny  # for particles along the beam, whose d0 and path are then 0
    pt = np.hypot(px, py)
    turn, along = x * py - y * px, x * px + y * py
    qx, qy = px - k * y, py + k * x
    t = np.hypot(qx, qy)
    d0 = (2 * turn + k * (x * x + y * y)) / np.maximum(t + pt, tiny)
    bent = k != 0
    turned = np.arctan2(k * along, pt * pt + k * turn) / np.where(bent, k, 1.0)
    per_pt = np.where(bent, turned, along / np.maximum(pt * pt, tiny))
    scale = pt / np.maximum(t, tiny)
    return Perigee(d0, z - per_pt * pz, qx * scale, qy * scale, per_pt * pt)


def path_to_cylinder(
    track: Perigee, z: Array, pz: Array, k: Array, radius: float, half_length: float
) -> Array:
    """Path in mm from the point of production to a cylinder about the beam line, shape (N,).

    From the perigee the circle reaches the distance r after turning by the angle
    2 asin(|k|/2 sqrt((r^2 - d0^2) / (pT |k C|))), and |k C| = pT + k d0.

    Args:
        track: the perigee of each particle.
        z: mm; where it was produced.
        pz: GeV.
        k: `curvature`.
        radius: of the barrel in mm.
        half_length: distance of the end caps from the interaction point, in mm.

    Returns:
        The length in space; infinite for a particle that turns back before the barrel, unless it meets an
        end cap within one turn, and for one produced outside.
    """
    pt = np.hypot(track.px, track.py)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = (radius**2 - track.d0**2) / (pt * (pt + k * track.d0))
        half = np.abs(k) / 2 * np.sqrt(reach)
        straight = np.where(half > 1e-9, np.arcsin(half) / half, 1.0)
        barrel = np.where(half <= 1, np.sqrt(reach) * pt * straight, np.inf) - track.path
        cap = (half_length - np.sign(pz) * z) * pt / np.abs(pz)
        one_turn = cap * np.abs(k) < 2 * np.pi * pt
        transverse = np.fmin(
            np.where(barrel > 0, barrel, np.inf), np.where(one_turn & (cap > 0), cap, np.inf)
        )
        return transverse * np.hypot(pt, pz) / pt


# PDG codes of what objects can be taken for; OTHER is a charged hadron that is none of the three.
ELECTRON, MUON, PION, KAON, PROTON, PHOTON, NEUTRAL, OTHER = 11, 13, 211, 321, 2212, 22, 130, 0
HADRONS = (PION, KAON, PROTON)
MASSES = {ELECTRON: 0.00051099895, MUON: 0.1056583755, PION: 0.13957039, KAON: 0.493677, PROTON: 0.93827209}

_MICRON = 1e-3  # mm
_LEAST = 1e-3  # a measured momentum is at least this part of the true one


@dataclass(frozen=True)
class MeasuredParticles:
    """What the detector measures, N objects in the order of the particles.

    Attributes:
        truth: int64, shape (N,): the row of the particle that each is; it rises.
        momenta: float64, shape (N, 4): px, py, pz, energy in GeV; those of tracks at the perigee.
        charge: float64, shape (N,): in e; 0 for what only a calorimeter saw.
        impact: float64, shape (N, 4): d0, its error, z0, its error in mm; 0 for what has no track. The sign of
            d0 is that of `Perigee`.
        taken_for: int64, shape (N,): what each is identified as, one of the codes above.
    """

    truth: Array
    momenta: Array
    charge: Array
    impact: Array
    taken_for: Array

    def __len__(self) -> int:
        return len(self.truth)


def measure(particles: Particles, card: Card, rng: np.random.Generator) -> MeasuredParticles:
    """Measure visible particles.

    A charged particle in the acceptance leaves a track with the efficiency of the card. Photons are measured by the
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
    return MeasuredParticles(
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


def _tracks(particles: Particles, truth: Array, card: Card, rng: np.random.Generator) -> MeasuredParticles:
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
    return MeasuredParticles(
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


def _showers(particles: Particles, truth: Array, card: Card, rng: np.random.Generator) -> MeasuredParticles:
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
    return MeasuredParticles(
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
    """The resolution sigma(E)/E of a calorimeter at energies in GeV, shape (N,)."""
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
    return np.abs(direction(particles.momenta)[1])


# ---- identification ----


def flags(taken_for: Array) -> dict[str, Array]:
    """The identification flags (N,) of particles by what each is taken for, one of the codes above, shape (N,)."""
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
    """What tracks with these PDG codes (N,) are in truth: lepton, pion, kaon, proton or OTHER."""
    size = np.abs(pdg)
    return np.where(np.isin(size, (ELECTRON, MUON, *HADRONS)), size, OTHER)


def mass_of(taken_for: Array) -> Array:
    """The mass in GeV, shape (N,), of what tracks are taken for; 0 for an unidentified hadron."""
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
    identify, are taken for what they are.

    Args:
        particles: that left the tracks, N of them.
        true_momentum: shape (N,), GeV.
        momentum: as measured, shape (N,), GeV.
        path: mm to the clock; infinite where the track does not reach it, and no time is measured.
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
    """The mean energy loss in a gas, relative to the minimum, of particles of unit charge with these beta gamma, (N,).

    The form is the one that W. Blum, W. Riegler and L. Rolandi give in "Particle Detection with Drift
    Chambers" (2008) after ALEPH; its five numbers are those of the ALICE time projection chamber.
    """
    p1, p2, p3, p4, p5 = 0.076176, 10.632, 1.3279e-5, 1.8631, 1.9479
    beta = beta_gamma / np.hypot(1.0, beta_gamma)
    power = beta**p4
    return (p2 - power - np.log(p3 + beta_gamma**-p5)) * p1 / power
