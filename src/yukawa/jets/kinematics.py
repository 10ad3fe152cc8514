"""Directions of momenta, the angles between them, and what lies nearest to a jet."""

from collections.abc import Callable

import numpy as np

from yukawa.jets.table import Array, offsets_of, rows_of

LEAST_PT = 1e-99  # GeV; keeps the pseudorapidity along the beam finite


def direction(momenta: Array) -> tuple[Array, Array, Array]:
    """Transverse momentum, pseudorapidity (finite along the beam too) and azimuth of momenta, shape (N, 3 or more)."""
    pt = np.hypot(momenta[:, 0], momenta[:, 1])
    eta = np.arcsinh(momenta[:, 2] / np.maximum(pt, LEAST_PT))
    return pt, eta, np.arctan2(momenta[:, 1], momenta[:, 0])


def turn(azimuth: Array, reference: Array) -> Array:
    """Azimuths in rad minus those of a reference, in (-pi, pi]; shapes are broadcast."""
    return np.pi - np.remainder(np.pi - (azimuth - reference), 2 * np.pi)


def opening_angle(a: Array, b: Array) -> Array:
    """The angle in rad between momenta, shapes (…, 3 or more); exact for small angles too."""
    a, b = a[..., :3], b[..., :3]
    across = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.arctan2(across, np.sum(a * b, axis=-1))


def beside_axis(momenta: Array, jets: Array, counts: Array) -> dict[str, Array]:
    """The columns of particles' momenta, and of their directions seen from the axes of their jets.

    Args:
        momenta: px, py, pz (and more, not looked at) of the particles, jet after jet, shape (N, 3 or more), in GeV.
        jets: likewise of the jets, shape (J, 3 or more).
        counts: particles of each jet, shape (J,).
    """
    _, eta, phi = direction(momenta)
    _, jet_eta, jet_phi = (np.repeat(values, counts) for values in direction(jets))
    columns = dict(zip(("part_px", "part_py", "part_pz"), momenta.T[:3], strict=True))
    return columns | {"part_deta": eta - jet_eta, "part_dphi": turn(phi, jet_phi)}


def nearest(events: Array, offsets: Array, distance: Callable[[Array, Array], Array]) -> tuple[Array, Array]:
    """The distance from each jet to the nearest parton of its event, and that parton; NaN and -1 if there is none.

    Args:
        events: int64, shape (J,): the event of each jet.
        offsets: int64, shape (E + 1,); event i has the partons offsets[i] to offsets[i + 1].
        distance: gives the distances between jets and partons at equally many positions.
    """
    each = np.diff(offsets)[events]
    jet, parton = np.repeat(np.arange(len(events)), each), rows_of(offsets, events)
    distances = distance(jet, parton)
    first = np.lexsort((distances, jet))[offsets_of(each)[:-1][each > 0]]
    least, found = np.full(len(events), np.nan), np.full(len(events), -1)
    least[each > 0], found[each > 0] = distances[first], parton[first]
    return least, found
