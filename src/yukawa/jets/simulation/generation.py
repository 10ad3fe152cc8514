"""Events from Pythia: the visible particles of each, and the partons and resonances of its hard process."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.jets.simulation.cards import Volume
from yukawa.jets.table import Array

# So many events are held in memory at once; a hadron collider's are about 100 kB each.
_EVENTS_AT_ONCE = 1000
_SEEDS = 900_000_000  # Pythia takes 1 to this
_FATAL_TRIES = 10

T = TypeVar("T")


@dataclass(frozen=True)
class Particles:
    """N visible particles.

    Attributes:
        pdg: int32, shape (N,): PDG code.
        charge: float64, shape (N,), in e.
        mass: float64, shape (N,), in GeV.
        momenta: float64, shape (N, 4): px, py, pz, energy in GeV.
        vertices: float64, shape (N, 3): where each was produced, in mm.
    """

    pdg: Array
    charge: Array
    mass: Array
    momenta: Array
    vertices: Array

    def __len__(self) -> int:
        return len(self.pdg)

    def __getitem__(self, rows: Array) -> "Particles":
        """The particles at the positions `rows`, or of a mask."""
        return Particles(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class Partons:
    """The particles that come out of the hard process of E events, M in all.

    Attributes:
        offsets: int64, shape (E + 1,).
        pdg: int32, shape (M,): PDG code.
        mother: int32, shape (M,): PDG code of the particle it came from.
        resonance: bool, shape (M,): whether it decayed within the hard process, as Higgs and top do.
        momenta: float64, shape (M, 4): px, py, pz, energy in GeV, in the hard process.
        recoiled: float64, shape (M, 4): the same after initial-state radiation gave its recoil to them and
            before they themselves radiate or decay.
    """

    offsets: Array
    pdg: Array
    mother: Array
    resonance: Array
    momenta: Array
    recoiled: Array


@dataclass(frozen=True)
class EventBatch:
    """E events: their visible particles, their partons, and the invisible momentum.

    Attributes:
        offsets: int64, shape (E + 1,); event i has the particles offsets[i] to offsets[i + 1].
        particles: of all events.
        partons: of all events.
        invisible: float64, shape (E, 4): px, py, pz, energy in GeV that neutrinos and other invisible
            particles carry away, and that initial-state photons of a lepton beam do.
    """

    offsets: Array
    particles: Particles
    partons: Partons
    invisible: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1


def generate(settings: Sequence[str], tracker: Volume, events: int, seed: int) -> Iterator[EventBatch]:
    """Generate `events` events in batches; the same arguments give the same events.

    Args:
        settings: lines in Pythia's own words; settings of random numbers and printing are overridden.
        tracker: particles that live long enough to leave it do not decay.
        events: how many; an event that Pythia fails to make is replaced by another.
        seed: not below 0.

    Raises:
        InputError: Pythia refuses a setting, cannot begin, or fails again and again; its own line is quoted.
        MissingPackage: pythia8mc or awkward is not installed.
    """
    pythia = _start(settings, tracker, 1 + seed % _SEEDS)
    left, failures = events, 0
    while left:
        batch = pythia.nextBatch(min(left, _EVENTS_AT_ONCE), "skip")
        if len(batch):
            failures = 0
            left -= len(batch)
            yield _taken_apart(batch, pythia.particleData)
        else:
            failures += 1
            if failures == _FATAL_TRIES:
                raise InputError("Pythia fails at every event of this process", hint="check its settings")


def _start(settings: Sequence[str], tracker: Volume, seed: int) -> Any:
    """A new Pythia, ready to make events. It costs 0.1 s, and shares no state with any before it.

    A new seed for an instance that has made events is not enough: it keeps the maxima of cross sections that
    it has found, so its next events would depend on its history.
    """
    pythia = _configured(settings, tracker, seed, quiet=True)
    if not pythia.init():
        _, said = _heard(_configured(settings, tracker, seed, quiet=False).init)
        raise InputError(f"Pythia cannot start: {said}")
    return pythia


def _configured(settings: Sequence[str], tracker: Volume, seed: int, *, quiet: bool) -> Any:
    blank = _blank()
    pythia = require("pythia8mc", "simulating events").Pythia(blank.settings, blank.particleData, False)
    lines = [
        "ParticleDecays:limitCylinder = on",
        f"ParticleDecays:xyMax = {tracker.radius}",
        f"ParticleDecays:zMax = {tracker.half_length}",
        *settings,
        "Random:setSeed = on",
        f"Random:seed = {seed}",
        f"Print:quiet = {'on' if quiet else 'off'}",
    ]
    refused, said = _heard(lambda: next((line for line in lines if not pythia.readString(line)), None))
    if refused is not None:
        raise InputError(f"Pythia refuses the setting {refused!r}: {said}")
    return pythia


@lru_cache(maxsize=1)
def _blank() -> Any:
    """A Pythia with its tables read (0.06 s), from which others are copied (0.001 s)."""
    return require("pythia8mc", "simulating events").Pythia("", False)


def _heard(call: Callable[[], T]) -> tuple[T, str]:
    """The result of a call of Pythia, and its complaints on one line.

    It prints them below Python, so the file descriptor itself is turned away.
    """
    sys.stdout.flush()
    with tempfile.TemporaryFile() as heard:
        kept = os.dup(1)
        try:
            os.dup2(heard.fileno(), 1)
            result = call()
        finally:
            os.dup2(kept, 1)
            os.close(kept)
        heard.seek(0)
        lines = heard.read().decode("utf-8", "replace").splitlines()
    complaints = [line.strip(" :") for line in lines if "PYTHIA" in line and "---" not in line]
    return result, "; ".join(complaints) or "no reason is given"


def _taken_apart(batch: Any, data: Any) -> EventBatch:
    """Visible, invisible and hard-process particles of Pythia's event record."""
    layout = batch.prt.layout
    record = _Record(np.asarray(layout.offsets.data, np.int64), layout.content)
    final = np.flatnonzero(record["status"] > 0)
    charge, visible = _look_up(record["id"][final], data)
    visible &= ~_from_beam(record, final)
    seen = final[visible]
    particles = Particles(
        record["id"][seen], charge[visible], record["m"][seen], record.momenta(seen), record.vertices(seen)
    )
    lost = final[~visible]
    events = len(record.offsets) - 1
    invisible = np.stack(
        [np.bincount(record.event_of(lost), column, minlength=events) for column in record.momenta(lost).T],
        axis=1,
    )
    return EventBatch(record.grouped(seen), particles, _hard_process(record), invisible)


class _Record:
    """Pythia's event records as flat arrays; `mother1` and the like become positions in these arrays."""

    def __init__(self, offsets: Array, rows: Any) -> None:
        self.offsets = offsets
        self._rows = rows

    def __getitem__(self, name: str) -> Array:
        return np.asarray(self._rows.content(name).data)

    def linked(self, name: str, rows: Array) -> Array:
        """The positions that `name`, such as mother1, of `rows` points to; the event itself if it points to none."""
        return self[name][rows] + self.offsets[self.event_of(rows)]

    def event_of(self, rows: Array) -> Array:
        """The event of each of `rows`."""
        return np.searchsorted(self.offsets, rows, side="right") - 1

    def grouped(self, rows: Array) -> Array:
        """Offsets by event of `rows`, which rise."""
        return np.searchsorted(rows, self.offsets)

    def momenta(self, rows: Array) -> Array:
        """px, py, pz, energy in GeV of `rows`, shape (…, 4)."""
        p = self._rows.content("p")
        return np.stack([np.asarray(p.content(name).data)[rows] for name in ("px", "py", "pz", "e")], axis=-1)

    def vertices(self, rows: Array) -> Array:
        """Where `rows` were produced, shape (…, 3), in mm; Pythia omits the vertices at the origin."""
        option = self._rows.content("vProd")
        where = np.asarray(option.index.data)[rows]
        known = where >= 0
        found = np.zeros((len(rows), 3))
        for axis, name in enumerate(("px", "py", "pz")):  # any four-vector has these names
            found[known, axis] = np.asarray(option.content.content(name).data)[where[known]]
        return found


def _look_up(pdg: Array, data: Any) -> tuple[Array, Array]:
    """Charge in e, and whether a detector can see it, of each PDG code."""
    codes, inverse = np.unique(pdg, return_inverse=True)
    charge = np.array([data.charge(int(code)) for code in codes])
    visible = np.array([data.isVisible(int(code)) for code in codes], bool)
    return charge[inverse], visible[inverse]


def _from_beam(record: _Record, final: Array) -> Array:
    """Which of the particles `final` are photons that a beam of leptons radiated."""
    found = np.zeros(len(final), bool)
    if not np.isin(abs(record["id"][1]), (11, 13)):  # row 0 is the event, row 1 a beam
        return found
    photons = np.flatnonzero(record["id"][final] == 22)
    rows = final[photons]
    while True:  # back to where each photon was made; recoils make copies of it
        mothers = record.linked("mother1", rows)
        copies = (record["id"][mothers] == 22) & (mothers != rows)
        if not copies.any():
            break
        rows = np.where(copies, mothers, rows)
    # Status codes of Pythia: 43 radiated in the initial state, 63 left over of a beam particle.
    found[photons] = np.isin(np.abs(record["status"][rows]), (43, 63))
    return found


def _hard_process(record: _Record) -> Partons:
    """The outgoing particles of the hard process and of the decays within it (|status| 22 and 23)."""
    status = np.abs(record["status"])
    rows = np.flatnonzero((status == 22) | (status == 23))
    copies = rows
    while True:  # down the chain of copies that only take up recoil
        daughters = record["daughter1"][copies]
        single = (daughters > 0) & (daughters == record["daughter2"][copies])
        if not single.any():
            break
        copies = np.where(single, record.linked("daughter1", copies), copies)
    mothers = record["id"][record.linked("mother1", rows)]
    momenta = record.momenta(rows), record.momenta(copies)
    return Partons(record.grouped(rows), record["id"][rows], mothers, status[rows] == 22, *momenta)
