"""Jets of EDM4hep events in ROOT, in the older and the newer podio layout, as Delphes writes them for the FCC-ee."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets import table
from yukawa.jets.io.chunks import JetChunk, JetSource, check_declared
from yukawa.jets.io.jetclass import flat, opened
from yukawa.jets.kinematics import beside_axis, direction, nearest, opening_angle
from yukawa.jets.table import Array, Jets, offsets_of

EVENTS = 1000  # events of a chunk
TREE = "events"
MATCHED = 0.4  # rad: a jet takes the label of the nearest hard parton within this angle
_BOSONS = (23, 24, 25)
_PHOTON, _NEUTRAL_HADRON = 22, 130  # the types that Delphes gives its energy-flow objects
_MUON_MASS, _ELECTRON_MASS = 0.105658, 0.000511  # GeV

# The names of the newer podio layout, and where the older one, which numbers relations, keeps the same.
_OLDER = {
    "_Jet_particles": "Jet#2",
    "_ReconstructedParticles_tracks": "ReconstructedParticles#1",
    "_EFlowTrack_trackStates": "EFlowTrack_1",
    "_Particle_parents": "Particle#0",
    "_MCRecoAssociations_from": "MCRecoAssociations#0",
    "_MCRecoAssociations_to": "MCRecoAssociations#1",
    "PDG": "type",
    "covMatrix.values[21]": "covMatrix[21]",
}
# Delphes distinguishes leptons, photons and hadrons, but not one charged hadron from another.
_UNKNOWN = ("part_isChargedKaon", "part_isChargedPion", "part_isProton")
_OF_TRACKS = ("part_d0val", "part_d0err", "part_dzval", "part_dzerr")
_OF_TRUTH = ("jet_parton_angle", *map(table.label_column, table.JET_ORIGIN))
_ALL = (
    *(column.name for column in (*table.PARTICLE_COLUMNS, *table.JET_COLUMNS)),
    *map(table.label_column, table.JET_ORIGIN),
)


@dataclass(frozen=True)
class Edm4hepChunk(JetChunk):
    """The jets of a range of events."""

    start: int
    stop: int

    def _read(self, columns: tuple[str, ...]) -> Jets:
        with opened(self.path) as file:
            return _Events(self.path, file[TREE], self.start, self.stop).jets(columns)


def holds_events(path: Path) -> bool:
    """Whether a ROOT file holds EDM4hep events, rather than a tree of jets.

    Raises:
        InputError: the file is damaged or not a ROOT file.
    """
    with opened(path) as file:
        return TREE in file and "ReconstructedParticles" in file[TREE]


def open_edm4hep(path: Path) -> JetSource:
    """The jets of the collection `Jet` of a file of events; a chunk is a range of events.

    Particles are the jets' `ReconstructedParticles`; charged ones take the first state of their first track:
    impact parameters relative to the state's reference point, their errors from its covariance matrix.
    Electrons and muons are recognised by the mass that Delphes assigns. A jet is labelled by the quark (d to b) or gluon
    nearest in angle among the children of H, W and Z, if that is nearer than 0.4 rad; otherwise it has no label.
    `jet_parton_angle` is the angle to that parton, labelled or not, and NaN in an event without partons.
    Columns of tracks or truth are missing if the file does not store them.

    Raises:
        InputError: the file is damaged or not a ROOT file, or holds no collection of jets.
    """
    with opened(path) as file:
        tree = file[TREE]
        total = int(tree.num_entries)
        check_declared(path, f"a tree of {total:,} events", 0, total)
        events = _Events(path, tree, 0, total)
        offsets = offsets_of(events.counts("Jet", "energy"))
        columns = events.columns
    chunks = []
    for start in range(0, max(total, 1), EVENTS):
        stop = min(start + EVENTS, total)
        chunks.append(Edm4hepChunk(path, int(offsets[stop] - offsets[start]), columns, start, stop))
    return JetSource(columns, tuple(chunks))


class _Events:
    """Collections of a range of events as flat arrays: all objects of the first event, then of the second, and so on."""

    def __init__(self, path: Path, tree: Any, start: int, stop: int) -> None:
        self._path, self._tree, self._start, self._stop = path, tree, start, stop
        self._names = set(tree.keys())
        self._kept: dict[str, tuple[Array, Array]] = {}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns for which the file has the data."""
        absent = set(_UNKNOWN)
        if not self._find("_EFlowTrack_trackStates", "D0"):
            absent.update(_OF_TRACKS)
        if not self._find("Particle", "PDG") or not self._find("_Particle_parents", "index"):
            absent.update(_OF_TRUTH)
        if not self._find("Particle", "PDG") or not self._find("_MCRecoAssociations_to", "index"):
            absent.add("part_truth_pdg")
        return tuple(name for name in _ALL if name not in absent)

    def counts(self, collection: str, field: str) -> Array:
        """How many objects of a collection each event has."""
        return self._read(collection, field)[0]

    def jets(self, wanted: Collection[str]) -> Jets:
        """The jets with the columns `wanted`."""
        jets = self._momenta("Jet")
        event = np.repeat(np.arange(self._stop - self._start), self.counts("Jet", "energy"))
        counts, rows = self._related("Jet", "particles", "ReconstructedParticles")
        pt, eta, phi = direction(jets)
        scalars = {
            "jet_pt": pt,
            "jet_eta": eta,
            "jet_phi": phi,
            "jet_energy": self._values("Jet", "energy"),
            "jet_mass": self._values("Jet", "mass"),
            "jet_nparticles": counts,
            "jet_event": event + self._start,
        }
        if any(name in wanted for name in _OF_TRUTH):
            scalars |= self._truth(jets, event)
        particles = beside_axis(self._momenta("ReconstructedParticles")[rows], jets, counts)
        objects = self._kinds() | {"part_energy": self._values("ReconstructedParticles", "energy")}
        if any(name in wanted for name in _OF_TRACKS):
            objects |= self._impact()
        if "part_truth_pdg" in wanted:
            objects["part_truth_pdg"] = self._true_pdg()
        particles |= {name: column[rows] for name, column in objects.items()}
        return Jets.from_counts(counts, _typed(particles, wanted), _typed(scalars, wanted))

    def _kinds(self) -> dict[str, Array]:
        """Charge and identification of every reconstructed particle."""
        kind, charge, mass = (
            self._values("ReconstructedParticles", field) for field in ("PDG", "charge", "mass")
        )
        charged = charge != 0
        electron = charged & (np.abs(mass - _ELECTRON_MASS) < 1e-5)
        muon = charged & (np.abs(mass - _MUON_MASS) < 1e-4)
        return {
            "part_charge": charge,
            "part_isElectron": electron,
            "part_isMuon": muon,
            "part_isChargedHadron": charged & ~electron & ~muon,
            "part_isNeutralHadron": ~charged & (kind == _NEUTRAL_HADRON),
            "part_isPhoton": ~charged & (kind == _PHOTON),
        }

    def _impact(self) -> dict[str, Array]:
        """Impact parameters in mm and their errors; 0 for particles without a track.

        The covariance matrix is the lower triangle over d0, phi, omega, z0, tan(lambda) and time.
        """
        tracks, track = self._related("ReconstructedParticles", "tracks", "EFlowTrack", "type")
        states, state = self._related("EFlowTrack", "trackStates", None)
        has = tracks > 0
        first = track[offsets_of(tracks)[:-1][has]]
        has[has] = states[first] > 0
        first = state[offsets_of(states)[:-1][first[states[first] > 0]]]
        covariance = self._values("_EFlowTrack_trackStates", "covMatrix.values[21]")
        found = {
            "part_d0val": self._values("_EFlowTrack_trackStates", "D0"),
            "part_d0err": np.sqrt(covariance[:, 0]),
            "part_dzval": self._values("_EFlowTrack_trackStates", "Z0"),
            "part_dzerr": np.sqrt(covariance[:, 9]),
        }
        columns = {}
        for name, column in found.items():
            columns[name] = np.zeros(len(has), column.dtype)
            columns[name][has] = column[first]
        return columns

    def _true_pdg(self) -> Array:
        """The PDG code of the true particle that each reconstructed one is first linked to; 0 without a link."""
        links, found = self._read("_MCRecoAssociations_from", "index")
        event = np.repeat(np.arange(len(links)), links)
        reconstructed = self._global("ReconstructedParticles", event, found)
        true = self._global("Particle", event, self._values("_MCRecoAssociations_to", "index"), "PDG")
        pdg = np.zeros(len(self._values("ReconstructedParticles", "energy")), np.int32)
        # Of many links the first stays.
        pdg[reconstructed[::-1]] = self._values("Particle", "PDG")[true[::-1]]
        return pdg

    def _truth(self, jets: Array, event: Array) -> dict[str, Array]:
        """Label columns and the angle to the nearest hard parton."""
        pdg = self._values("Particle", "PDG")
        parents, rows = self._related("Particle", "parents", "Particle", "PDG")
        of_boson = np.zeros(len(pdg), bool)
        np.logical_or.at(
            of_boson, np.repeat(np.arange(len(pdg)), parents), np.isin(np.abs(pdg[rows]), _BOSONS)
        )
        hard = np.flatnonzero(of_boson & np.isin(pdg, list(table.PDG_ID.values())))
        counts = self.counts("Particle", "PDG")
        # The hard partons of event i: where[i] to where[i + 1].
        where = np.searchsorted(hard, offsets_of(counts))
        partons = self._momenta("Particle")[hard]
        angle, found = nearest(event, where, lambda jet, at: opening_angle(jets[jet], partons[at]))
        label = np.where(angle < MATCHED, np.append(pdg[hard], 0)[found], 0)
        columns = {table.label_column(name): label == table.PDG_ID[name] for name in table.JET_ORIGIN}
        return {"jet_parton_angle": angle, **columns}

    def _related(
        self, owner: str, relation: str, target: str | None, field: str = "energy"
    ) -> tuple[Array, Array]:
        """How many objects each object of `owner` refers to, and the rows of these in the collection `target`.

        A relation is a list of indices of which each owner holds a range; without `target`, the range itself is
        of what is sought.
        """
        name = f"_{owner}_{relation}"
        owners, begin = self._read(owner, f"{relation}_begin")
        counts = self._values(owner, f"{relation}_end").astype(np.int64) - begin
        event = np.repeat(np.arange(len(owners)), owners)
        inner = offsets_of(counts)
        within = np.arange(inner[-1]) + np.repeat(begin.astype(np.int64) - inner[:-1], counts)
        event = np.repeat(event, counts)
        rows = self._global(name, event, within, "index" if target else "D0")
        if target is None:
            return counts, rows
        return counts, self._global(target, event, self._values(name, "index")[rows], field)

    def _global(self, collection: str, event: Array, index: Array, field: str = "energy") -> Array:
        """Rows in the flat arrays of a collection from the indices within its events."""
        counts = self.counts(collection, field)
        if np.any(index < 0) or np.any(index >= counts[event]):
            raise InputError(f"{self._path}: a relation points outside the collection {collection}")
        return offsets_of(counts)[event] + index

    def _momenta(self, collection: str) -> Array:
        """px, py and pz in GeV, shape (objects, 3)."""
        columns = [self._values(collection, f"momentum.{axis}").astype(np.float64) for axis in "xyz"]
        return np.stack(columns, axis=1)

    def _values(self, collection: str, field: str) -> Array:
        return self._read(collection, field)[1]

    def _read(self, collection: str, field: str) -> tuple[Array, Array]:
        """Counts by event and values of a member of a collection."""
        branch = self._find(collection, field)
        if not branch:
            there = sorted({name.partition("/")[0] for name in self._names})
            raise InputError(
                f"{self._path}: no {field} of the collection {collection.strip('_')}",
                hint=f"the file has: {', '.join(there)}",
            )
        if branch not in self._kept:
            array = self._tree[branch].array(entry_start=self._start, entry_stop=self._stop, library="ak")
            self._kept[branch] = flat(array)
        return self._kept[branch]

    def _find(self, collection: str, field: str) -> str:
        """The branch of a member of a collection in either layout; empty if there is none."""
        for branch in (collection, _OLDER.get(collection, collection)):
            for member in (field, _OLDER.get(field, field)):
                if f"{branch}/{branch}.{member}" in self._names:
                    return f"{branch}/{branch}.{member}"
        return ""


def _typed(columns: dict[str, Array], wanted: Collection[str]) -> dict[str, Array]:
    """The columns `wanted`, in the usual order and of the usual types."""
    kinds = {column.name: column.dtype for column in (*table.PARTICLE_COLUMNS, *table.JET_COLUMNS)}
    return {
        name: columns[name].astype(kinds.get(name, "bool"), copy=False)
        for name in _ALL
        if name in columns and name in wanted
    }
