"""The path of a charged particle in a solenoid: where it passes the beam line, and how far it is to a cylinder."""

from dataclasses import dataclass

import numpy as np

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
    """The factor k = q B in GeV/mm, for charges in e and a field along +z in T; the radius of the path is pT/|k|."""
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
        half_length: where the end caps stand, in mm.

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
