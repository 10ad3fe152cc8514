"""The class of a jet: by pairing with the partons of its event, by the nearest parton, or by its sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.simulation.clustering import Clusters, direction
from yukawa.jets.simulation.generation import Partons
from yukawa.jets.simulation.processes import LabelRule, ProcessSample
from yukawa.jets.table import Array


@dataclass(frozen=True)
class JetLabels:
    """Which jets have a class, and which.

    Attributes:
        jets: int64, shape (L,): positions of the jets that have one; they rise.
        classes: int64, shape (L,): index into the classes asked for.
        angles: float64, shape (L,): rad; between the jet and the parton that gave the class; NaN by sample.
    """

    jets: Array
    classes: Array
    angles: Array


def label(
    jets: Clusters, partons: Partons, rule: LabelRule, sample: ProcessSample, classes: tuple[str, ...]
) -> JetLabels:
    """Give jets their classes by the rule of a process.

    Raises:
        InputError: an event does not have the two partons that the rule `pairing` needs, or one of them
            stands for no class of the sample.
    """
    if rule.rule == "sample":
        every = np.arange(len(jets))
        return JetLabels(
            every, np.full(len(every), classes.index(sample.classes[0])), np.full(len(every), np.nan)
        )
    kind = _classes_of(partons.pdg, rule, sample, classes)
    if rule.rule == "pairing":
        return _by_pairing(jets, partons, kind, rule, sample)
    return _nearest(jets, partons, kind, float(rule.radius or 0))


def _classes_of(pdg: Array, rule: LabelRule, sample: ProcessSample, classes: tuple[str, ...]) -> Array:
    """The index of the class that each particle stands for; -1 where it is none of the sample's."""
    kind = np.full(len(pdg), -1)
    for name in sample.classes:
        kind[np.isin(pdg, rule.codes(name))] = classes.index(name)
    return kind


def _by_pairing(
    jets: Clusters, partons: Partons, kind: Array, rule: LabelRule, sample: ProcessSample
) -> JetLabels:
    """Pair two jets with two partons so that the sum of the two angles is least (arXiv:2310.03440)."""
    coloured = (np.abs(partons.pdg) <= 6) | (partons.pdg == 21)
    taken = coloured & ~partons.resonance
    if rule.resonance is not None:
        taken &= partons.mother == rule.resonance
    rows = np.flatnonzero(taken)
    per_event = np.diff(np.searchsorted(rows, partons.offsets))
    if np.any(per_event != 2):
        raise InputError(
            f"the label rule `pairing` needs two partons an event; one of the sample {sample.name} has "
            f"{per_event[per_event != 2][0]}",
            hint="under `label:` name the particle that they come from (`resonance: 25`), or take another rule",
        )
    if np.any(kind[rows] < 0):
        code = partons.pdg[rows][kind[rows] < 0][0]
        raise InputError(
            f"a parton with the PDG code {code} stands for no class that the sample {sample.name} yields "
            f"({', '.join(sample.classes)})"
        )
    events = jets.events[::2]
    pairs = rows.reshape(-1, 2)[events]
    # angle_JP: between each of two jets and each of two partons
    angles = opening_angle(jets.momenta.reshape(-1, 2, 1, 4), partons.momenta[pairs][:, None])
    crossed = angles[:, 0, 1] + angles[:, 1, 0] < angles[:, 0, 0] + angles[:, 1, 1]
    first = crossed.astype(np.int64)
    choice = np.stack([first, 1 - first], axis=1)
    return JetLabels(
        np.arange(len(jets)),
        np.take_along_axis(kind[pairs], choice, 1).ravel(),
        np.take_along_axis(angles, choice[:, :, None], 2).ravel(),
    )


def _nearest(jets: Clusters, partons: Partons, kind: Array, radius: float) -> JetLabels:
    """The class of the nearest parton, if it lies within `radius` in (eta, phi)."""
    rows = np.flatnonzero(kind >= 0)
    bounds = np.searchsorted(rows, partons.offsets)
    # All pairs of a jet and a parton of its event.
    per_jet = np.diff(bounds)[jets.events]
    jet = np.repeat(np.arange(len(jets)), per_jet)
    start = np.cumsum(per_jet) - per_jet
    parton = rows[np.arange(len(jet)) - np.repeat(start - bounds[jets.events], per_jet)]
    _, eta, phi = direction(jets.momenta)
    _, parton_eta, parton_phi = direction(partons.recoiled[parton])
    turn = np.remainder(phi[jet] - parton_phi + np.pi, 2 * np.pi) - np.pi
    distance = np.hypot(eta[jet] - parton_eta, turn)
    order = np.lexsort((distance, jet))
    order = order[distance[order] < radius]
    found, nearest = np.unique(jet[order], return_index=True)
    parton = parton[order][nearest]
    angle = opening_angle(jets.momenta[found], partons.recoiled[parton])
    return JetLabels(found, kind[parton], angle)


def opening_angle(a: Array, b: Array) -> Array:
    """The angle in rad between momenta, shapes (…, 3 or more); exact for small angles too."""
    a, b = a[..., :3], b[..., :3]
    across = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.arctan2(across, np.sum(a * b, axis=-1))
