"""Decays of any number of bodies, flat in phase space, in NumPy: many events at once, unweighted."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from yukawa.core.errors import InputError

Array = npt.NDArray[np.float64]
# The weight of decays from their momenta (events, bodies, 4) and the numbers of the events.
Weigher = Callable[[Array, npt.NDArray[np.int64]], Array]

_ROUNDS = 1000  # of drawing until all events are accepted
_SMALLEST, _LARGEST = 256, 65_536  # decays of a round that draws events several times
_RARE = 100  # of as many events one is accepted in a round that is followed by larger ones


def two_body_momentum(mass: Array, one: Array, other: Array) -> Array:
    """Momentum of two bodies in the rest frame of their sum (PDG review Kinematics, two-body decays); 0 where closed."""
    inside = (mass**2 - (one + other) ** 2) * (mass**2 - (one - other) ** 2)
    product: Array = np.sqrt(np.clip(inside, 0, None)) / (2 * mass)
    return product


def boosted(momenta: Array, frame: Array) -> Array:
    """Four-momenta in the frame in which `frame` was at rest, as seen where it has this four-momentum.

    Args:
        momenta: (events, bodies, 4), with E first.
        frame: (events, 4).
    """
    mass = np.sqrt(np.clip(frame[:, 0] ** 2 - (frame[:, 1:] ** 2).sum(axis=1), 1e-300, None))
    along = (momenta[:, :, 1:] * frame[:, None, 1:]).sum(axis=2)
    energy = (momenta[:, :, 0] * frame[:, None, 0] + along) / mass[:, None]
    factor = (along / (frame[:, 0] + mass)[:, None] + momenta[:, :, 0]) / mass[:, None]
    vector = momenta[:, :, 1:] + factor[:, :, None] * frame[:, None, 1:]
    return np.concatenate((energy[:, :, None], vector), axis=2)


def directions(count: int, random: np.random.Generator) -> Array:
    """Unit vectors, isotropic: (count, 3)."""
    cosine = random.uniform(-1, 1, count)
    azimuth = random.uniform(0, 2 * np.pi, count)
    sine = np.sqrt(1 - cosine**2)
    return np.stack((sine * np.cos(azimuth), sine * np.sin(azimuth), cosine), axis=1)


def weighted_decays(mass: Array, daughters: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Decays with weights, in the rest frame (F. James, CERN 68-15: Raubold and Lynch's method).

    Args:
        mass: (events,) of what decays.
        daughters: (events, bodies) masses of the daughters; their sum is below the mass.
        random: source of random numbers.

    Returns:
        Momenta (events, bodies, 4) with E first; weights in (0, 1], the density of phase space over its greatest value.
    """
    count, bodies = daughters.shape
    if bodies == 1:
        at_rest = np.zeros((count, 1, 4))
        at_rest[:, 0, 0] = mass
        return at_rest, np.ones(count)
    sums = np.cumsum(daughters, axis=1)
    free = mass - sums[:, -1]
    inner = np.sort(random.uniform(size=(count, bodies - 2)), axis=1)
    share = np.concatenate((np.zeros((count, 1)), inner, np.ones((count, 1))), axis=1)
    # Invariant masses of the first two, three, … bodies, from the first alone to all.
    masses = share * free[:, None] + sums
    masses[:, 0] = daughters[:, 0]
    weights, greatest = np.ones(count), np.ones(count)
    momenta = np.zeros((count, bodies, 4))
    momenta[:, 0, 0] = daughters[:, 0]
    for body in range(1, bodies):
        momentum = two_body_momentum(masses[:, body], masses[:, body - 1], daughters[:, body])
        weights *= momentum
        greatest *= two_body_momentum(free + sums[:, body], sums[:, body - 1], daughters[:, body])
        vector = momentum[:, None] * directions(count, random)
        system = np.concatenate((np.sqrt(momentum**2 + masses[:, body - 1] ** 2)[:, None], -vector), axis=1)
        if body == 1:
            momenta[:, 0] = system
        else:
            momenta[:, :body] = boosted(momenta[:, :body], system)
        momenta[:, body, 0] = np.sqrt(momentum**2 + daughters[:, body] ** 2)
        momenta[:, body, 1:] = vector
    return momenta, weights / np.where(greatest > 0, greatest, 1)


def unweighted_decays(
    mass: Array,
    daughters: Array,
    random: np.random.Generator,
    weigh: Weigher | None = None,
    greatest: float = 1.0,
) -> Array:
    """Decays distributed as phase space times `weigh`, by acceptance.

    Args:
        mass: (events,).
        daughters: (events, bodies).
        random: source of random numbers.
        weigh: weight of each decay from momenta (events, bodies, 4) and the numbers of the events; None for flat phase space.
        greatest: what `weigh` never exceeds.

    Returns:
        Momenta (events, bodies, 4) in the rest frame.

    Raises:
        InputError: the weights are so uneven that events are hardly ever accepted.
    """
    count, bodies = daughters.shape
    found = np.zeros((count, bodies, 4))
    left, size = np.arange(count), _SMALLEST
    for _ in range(_ROUNDS):
        if not len(left):
            return found
        # Few events are drawn several times, and more often where hardly any is accepted, so that the rounds stay few.
        drawn = np.repeat(left, max(1, size // len(left)))
        momenta, weights = weighted_decays(mass[drawn], daughters[drawn], random)
        if weigh is not None:
            weights = weights * weigh(momenta, drawn) / greatest
        accepted = np.flatnonzero(random.uniform(size=len(drawn)) < weights)
        first, at = np.unique(drawn[accepted], return_index=True)
        found[first] = momenta[accepted[at]]
        size = min(2 * size, _LARGEST) if _RARE * len(first) < len(left) else size
        left = np.setdiff1d(left, first, assume_unique=True)
    raise InputError(f"{len(left)} decays were not accepted in {_ROUNDS} rounds", hint="choose another model")
