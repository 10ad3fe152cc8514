"""Dalitz decays of a pseudoscalar, P -> l+ l- gamma: drawn from the formula, since the pair sits at its threshold."""

import numpy as np

from yukawa.core.errors import InputError
from yukawa.generators.phase_space import Array, boosted, directions

# Slope of the form factor F(x) = 1 + a x of the pi0, x = q^2 / M^2 (Review of Particle Physics 2024).
SLOPE = 0.0335
_ROUNDS = 1000


def pair_shape(share: Array, threshold: Array) -> Array:
    """The density of x = q^2 / M^2 times x, at most 1 (N. M. Kroll and W. Wada 1955; L. G. Landsberg 1985).

    Args:
        share: x, from the threshold to 1.
        threshold: 4 m_l^2 / M^2.
    """
    ratio = threshold / share
    found: Array = (
        (1 - share) ** 3 * (1 + ratio / 2) * np.sqrt(np.clip(1 - ratio, 0, None)) * (1 + SLOPE * share) ** 2
    )
    return found


def dalitz_decays(mass: Array, daughters: Array, random: np.random.Generator) -> Array:
    """Momenta of P -> l+ l- gamma in its rest frame, (events, 3, 4) with E first.

    Flat phase space hardly ever comes near the threshold, where nearly all decays are, so q^2 is drawn as 1 / q^2.

    Args:
        mass: (events,) of P.
        daughters: (events, 3), the masses of the leptons and 0.
        random: source of random numbers.
    """
    share = _shares(4 * daughters[:, 0] ** 2 / mass**2, random)
    pair = np.sqrt(share) * mass
    lepton = np.sqrt(np.clip(pair**2 / 4 - daughters[:, 0] ** 2, 0, None))
    cosine = _cosines(4 * daughters[:, 0] ** 2 / pair**2, random)
    photon = directions(len(mass), random)
    energy = (mass**2 - pair**2) / (2 * mass)
    along, across = -photon, _across(photon, random)
    vector = lepton[:, None] * (
        cosine[:, None] * along + np.sqrt(np.clip(1 - cosine**2, 0, None))[:, None] * across
    )
    inner = np.empty((len(mass), 2, 4))
    inner[:, :, 0] = (pair / 2)[:, None]
    inner[:, 0, 1:], inner[:, 1, 1:] = vector, -vector
    frame = np.concatenate(((mass - energy)[:, None], energy[:, None] * along), axis=1)
    found = np.empty((len(mass), 3, 4))
    found[:, :2] = boosted(inner, frame)
    found[:, 2, 0], found[:, 2, 1:] = energy, energy[:, None] * photon
    return found


def _shares(threshold: Array, random: np.random.Generator) -> Array:
    """The share x = q^2 / M^2 of each decay."""
    found, left = np.ones_like(threshold), np.arange(len(threshold))
    for _ in range(_ROUNDS):
        drawn = threshold[left] ** random.uniform(size=len(left))  # uniform in log x
        taken = random.uniform(size=len(left)) < pair_shape(drawn, threshold[left])
        found[left[taken]] = drawn[taken]
        left = left[~taken]
        if not len(left):
            return found
    raise InputError("the leptons are too heavy for this Dalitz decay")


def _cosines(ratio: Array, random: np.random.Generator) -> Array:
    """Cosine of a lepton to the flight of the pair, in its rest frame: 1 + cos^2 + (4 m^2 / q^2) sin^2."""
    found, left = np.zeros_like(ratio), np.arange(len(ratio))
    while len(left):
        drawn = random.uniform(-1, 1, len(left))
        weight = 1 + drawn**2 + ratio[left] * (1 - drawn**2)
        taken = random.uniform(0, 2, len(left)) < weight
        found[left[taken]] = drawn[taken]
        left = left[~taken]
    return found


def _across(vectors: Array, random: np.random.Generator) -> Array:
    """Unit vectors at right angles to others, in any direction around them."""
    other = directions(len(vectors), random)
    other -= (other * vectors).sum(axis=1)[:, None] * vectors
    found: Array = other / np.sqrt((other**2).sum(axis=1))[:, None]
    return found
