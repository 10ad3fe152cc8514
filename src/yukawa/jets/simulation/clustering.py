"""Jets: fastjet groups what the detector measured, and each jet's momentum is the sum of its particles'."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yukawa.core.errors import require
from yukawa.jets.simulation.cards import Clustering
from yukawa.jets.table import Array, offsets_of, rows_of

_LEAST_PT = 1e-99  # GeV; keeps the pseudorapidity along the beam finite


@dataclass(frozen=True)
class Clusters:
    """J jets with M particles in all, event after event, the jet of highest energy (or pT) of an event first.

    Attributes:
        offsets: int64, shape (J + 1,); jet i has the rows offsets[i] to offsets[i + 1].
        rows: int64, shape (M,): which of the clustered momenta; falling in energy (or pT) within a jet.
        events: int64, shape (J,): the event of each jet.
        momenta: float64, shape (J, 4): px, py, pz, energy in GeV, with the jet energy scale.
    """

    offsets: Array
    rows: Array
    events: Array
    momenta: Array

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, jets: Array) -> "Clusters":
        """The jets at the positions `jets`."""
        return Clusters(
            offsets_of(np.diff(self.offsets)[jets]),
            self.rows[rows_of(self.offsets, jets)],
            self.events[jets],
            self.momenta[jets],
        )


def cluster(momenta: Array, offsets: Array, rule: Clustering, scale: float = 1.0) -> Clusters:
    """Find the jets of E events; an event with fewer momenta than requested exclusive jets has none.

    Exclusive jets of `ee_genkt` with a radius below pi need not hold all particles: what is farther than the
    radius from all else, and soft, counts as radiation along the beam (about one event of `jet-origin` in ten thousand).

    Args:
        momenta: px, py, pz, energy in GeV, shape (N, 4).
        offsets: int64, shape (E + 1,); event i has the momenta offsets[i] to offsets[i + 1].
        rule: algorithm and cuts.
        scale: the jet energy scale, a factor on the jets' momenta and energies.

    Raises:
        MissingPackage: fastjet or awkward is not installed.
    """
    size = np.diff(offsets)
    enough = np.flatnonzero(size >= (rule.exclusive or 1))
    taken = rows_of(offsets, enough)
    found = _Found.by(momenta[taken], offsets_of(size[enough]), rule)
    rows, bounds = taken[found.rows], offsets_of(found.counts)
    sums = np.add.reduceat(momenta[rows], bounds[:-1]) if len(rows) else np.zeros((0, 4))
    sums *= scale
    rank = np.hypot(*momenta[:, :2].T) if rule.hadronic else momenta[:, 3]
    jet_of_row = np.repeat(np.arange(len(sums)), found.counts)
    rows = rows[np.lexsort((-rank[rows], jet_of_row))]
    jets = Clusters(bounds, rows, enough[found.events], sums)
    first = np.hypot(*sums[:, :2].T) if rule.hadronic else sums[:, 3]
    order = np.lexsort((-first, jets.events))
    return jets[order[_within_cuts(sums[order], rule)]]


def direction(momenta: Array) -> tuple[Array, Array, Array]:
    """Transverse momentum, pseudorapidity (finite along the beam too) and azimuth of momenta, shape (N, 4)."""
    pt = np.hypot(momenta[:, 0], momenta[:, 1])
    eta = np.arcsinh(momenta[:, 2] / np.maximum(pt, _LEAST_PT))
    return pt, eta, np.arctan2(momenta[:, 1], momenta[:, 0])


@dataclass(frozen=True)
class _Found:
    """What fastjet found: the event of each jet, its number of constituents, and these as rows."""

    events: Array
    counts: Array
    rows: Array

    @classmethod
    def by(cls, momenta: Array, offsets: Array, rule: Clustering) -> "_Found":
        """The jets of all events by one rule; event i has the momenta from offsets[i] to offsets[i + 1]."""
        if len(offsets) == 1:
            return cls(*(np.zeros(0, np.int64) for _ in range(3)))
        ak = require("awkward", "finding jets")
        fields = ("px", "py", "pz", "E")
        columns = [ak.contents.NumpyArray(np.ascontiguousarray(momenta[:, i])) for i in range(4)]
        record = ak.contents.RecordArray(columns, fields, parameters={"__record__": "Momentum4D"})
        events = ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), record))
        sequence = _fastjet().ClusterSequence(events, _definition(rule))
        if rule.exclusive:
            found = sequence.exclusive_jets_constituent_index(rule.exclusive).layout
        else:
            found = sequence.constituent_index(0.0).layout
        jets, counts = np.diff(found.offsets.data), np.diff(found.content.offsets.data)
        event = np.repeat(np.arange(len(jets)), jets)
        # Zeros stand at its end for the particles in no jet.
        within = np.asarray(found.content.content.data)[: counts.sum()]
        return cls(event, counts, within + np.repeat(offsets[event], counts))


def _fastjet() -> Any:
    """The package fastjet, without the banner it prints at its first jet."""
    fastjet = require("fastjet", "finding jets")
    fastjet._swig.ClusterSequence.set_fastjet_banner_stream(None)
    return fastjet


def _definition(rule: Clustering) -> Any:
    fastjet = _fastjet()
    if rule.algorithm == "durham":
        return fastjet.JetDefinition0Param(fastjet.ee_kt_algorithm)
    if rule.algorithm == "ee_genkt":
        return fastjet.JetDefinition(fastjet.ee_genkt_algorithm, rule.radius, rule.power)
    return fastjet.JetDefinition(fastjet.antikt_algorithm, rule.radius)


def _within_cuts(momenta: Array, rule: Clustering) -> Array:
    pt, eta, _ = direction(momenta)
    passed = pt >= rule.pt_min
    if rule.pt_max is not None:
        passed &= pt <= rule.pt_max
    if rule.eta_max is not None:
        passed &= np.abs(eta) <= rule.eta_max
    return passed
