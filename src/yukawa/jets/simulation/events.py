"""Simulated jets: generation, detector and clustering put together, and the class of each jet."""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.jets import table
from yukawa.jets.io.source import SPLITS
from yukawa.jets.kinematics import beside_axis, direction, nearest, opening_angle, turn
from yukawa.jets.simulation.cards import Card, Clustering, LabelRule, Process, ProcessSample
from yukawa.jets.simulation.detector import MeasuredParticles, flags, measure
from yukawa.jets.simulation.generation import EventBatch, Partons, generate
from yukawa.jets.table import Array, Jets, concatenate, label_column, offsets_of, rows_of


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
        scale: the jet energy scale, a factor on the jets' momenta and energies.

    Raises:
        MissingPackage: fastjet or awkward is not installed.
    """
    size = np.diff(offsets)
    enough = np.flatnonzero(size >= (rule.exclusive or 1))
    taken = rows_of(offsets, enough)
    event, counts, rows = _clustered(momenta[taken], offsets_of(size[enough]), rule)
    rows, bounds = taken[rows], offsets_of(counts)
    sums = np.add.reduceat(momenta[rows], bounds[:-1]) if len(rows) else np.zeros((0, 4))
    sums *= scale
    rank = np.hypot(*momenta[:, :2].T) if rule.hadronic else momenta[:, 3]
    jet_of_row = np.repeat(np.arange(len(sums)), counts)
    rows = rows[np.lexsort((-rank[rows], jet_of_row))]
    jets = Clusters(bounds, rows, enough[event], sums)
    first = np.hypot(*sums[:, :2].T) if rule.hadronic else sums[:, 3]
    order = np.lexsort((-first, jets.events))
    return jets[order[_within_cuts(sums[order], rule)]]


def _clustered(momenta: Array, offsets: Array, rule: Clustering) -> tuple[Array, Array, Array]:
    """The jets of events that have the momenta offsets[i] to offsets[i + 1]: their events, counts and rows."""
    if len(offsets) == 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    ak, fastjet = require("awkward", "finding jets"), require("fastjet", "finding jets")
    # Without the banner that it prints at its first jet.
    fastjet._swig.ClusterSequence.set_fastjet_banner_stream(None)
    fields = ("px", "py", "pz", "E")
    columns = [ak.contents.NumpyArray(np.ascontiguousarray(momenta[:, i])) for i in range(4)]
    record = ak.contents.RecordArray(columns, fields, parameters={"__record__": "Momentum4D"})
    events = ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), record))
    sequence = fastjet.ClusterSequence(events, _definition(fastjet, rule))
    number, inclusive = rule.exclusive, sequence.constituent_index
    found = (sequence.exclusive_jets_constituent_index(number) if number else inclusive(0.0)).layout
    jets, counts = np.diff(found.offsets.data), np.diff(found.content.offsets.data)
    event = np.repeat(np.arange(len(jets)), jets)
    # Zeros at its end are for the particles in no jet.
    within = np.asarray(found.content.content.data)[: counts.sum()]
    return event, counts, within + np.repeat(offsets[event], counts)


def _definition(fastjet: Any, rule: Clustering) -> Any:
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


_TYPES = {column.name: column.dtype for column in (*table.PARTICLE_COLUMNS, *table.JET_COLUMNS)}


def simulate_events(process: Process, sample: ProcessSample, card: Card, events: int, seed: int) -> Jets:
    """Simulate events of one sample of a process in the detector of a card.

    The same arguments give the same jets, whatever was simulated before. Pythia takes 0.1 s (hadron
    colliders: seconds) to start, so request some thousand events at a time.

    Returns:
        The labelled jets with all columns of `columns` and a label of each class of the process. `jet_event`
        is the number of the event, from 0; events without jets (fewer visible particles than requested jets,
        or no jet that passes the cuts) are omitted. Particles and jets of an event fall in energy;
        at hadron colliders in transverse momentum. `jet_parton_angle` is NaN where the label is the sample's.

    Raises:
        InputError: `events` is below 1 or `seed` below 0; Pythia refuses a setting; the partons do not fit
            the label rule.
        MissingPackage: pythia8mc, awkward or fastjet is not installed.
    """
    if events < 1 or seed < 0:
        raise InputError(
            f"{events} events with the seed {seed} were requested; allowed: events >= 1, seed >= 0"
        )
    named = zlib.crc32(f"{process.name}/{sample.name}".encode())
    for_pythia, for_detector = np.random.SeedSequence([seed, named]).spawn(2)
    rng = np.random.default_rng(for_detector)
    parts, done = [], 0
    settings = (*process.settings, *sample.settings)
    for batch in generate(settings, card.tracker, events, int(for_pythia.generate_state(1)[0])):
        parts.append(_jets_of(batch, process, sample, card, rng, done))
        done += len(batch)
    return concatenate(parts)


def _jets_of(
    batch: EventBatch,
    process: Process,
    sample: ProcessSample,
    card: Card,
    rng: np.random.Generator,
    first: int,
) -> Jets:
    """The labelled jets of some events, of which the first has the number `first`."""
    measured = measure(batch.particles, card, rng)
    offsets = np.searchsorted(measured.truth, batch.offsets)
    found = cluster(measured.momenta, offsets, process.clustering, card.jet_energy_scale)
    labels = label(found, batch.partons, process.label, sample, process.classes)
    kept = found[labels.jets]
    scalars = _jet_columns(kept, labels, first)
    scalars |= {label_column(name): labels.classes == index for index, name in enumerate(process.classes)}
    return Jets(kept.offsets, _particle_columns(kept, measured, batch), scalars)


def _jet_columns(jets: Clusters, labels: "JetLabels", first: int) -> dict[str, Array]:
    pt, eta, phi = direction(jets.momenta)
    energy, size = jets.momenta[:, 3], np.linalg.norm(jets.momenta[:, :3], axis=1)
    columns = {
        "jet_pt": pt,
        "jet_eta": eta,
        "jet_phi": phi,
        "jet_energy": energy,
        "jet_mass": np.sqrt(np.maximum((energy - size) * (energy + size), 0)),
        "jet_nparticles": np.diff(jets.offsets),
        "jet_event": first + jets.events,
        "jet_parton_angle": labels.angles,
    }
    return {name: column.astype(_TYPES[name]) for name, column in columns.items()}


def _particle_columns(jets: Clusters, measured: MeasuredParticles, batch: EventBatch) -> dict[str, Array]:
    momenta, impact = measured.momenta[jets.rows], measured.impact[jets.rows]
    columns = beside_axis(momenta, jets.momenta, np.diff(jets.offsets)) | {"part_energy": momenta[:, 3]}
    columns |= dict(zip(("part_d0val", "part_d0err", "part_dzval", "part_dzerr"), impact.T, strict=True))
    columns["part_charge"] = np.rint(measured.charge[jets.rows])
    columns |= {f"part_{name}": flag for name, flag in flags(measured.taken_for[jets.rows]).items()}
    columns["part_truth_pdg"] = batch.particles.pdg[measured.truth[jets.rows]]
    return {name: column.astype(_TYPES[name]) for name, column in columns.items()}


# ---- labels ----


@dataclass(frozen=True)
class JetLabels:
    """The jets that have a class, and their classes.

    Attributes:
        jets: int64, shape (L,): positions of the jets that have one; they rise.
        classes: int64, shape (L,): index into the requested classes.
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
            does not stand for a class of the sample.
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
    """The index of the class of each particle; -1 where the sample does not have it."""
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
            f"the label rule `pairing` needs two partons per event; an event of the sample {sample.name} has "
            f"{per_event[per_event != 2][0]}",
            hint="under `label:` name the particle that they come from (`resonance: 25`), or take another rule",
        )
    if np.any(kind[rows] < 0):
        code = partons.pdg[rows][kind[rows] < 0][0]
        raise InputError(
            f"a parton with the PDG code {code} does not stand for a class that the sample {sample.name} yields "
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
    _, eta, phi = direction(jets.momenta)
    _, parton_eta, parton_phi = direction(partons.recoiled[rows])
    distance, parton = nearest(
        jets.events,
        np.searchsorted(rows, partons.offsets),
        lambda jet, at: np.hypot(eta[jet] - parton_eta[at], turn(phi[jet], parton_phi[at])),
    )
    found = np.flatnonzero(distance < radius)
    parton = rows[parton[found]]
    angle = opening_angle(jets.momenta[found], partons.recoiled[parton])
    return JetLabels(found, kind[parton], angle)


# Jets of each class in a block. Pythia's start for each sample (0.1 s) is then a seventh of the work, and a
# block of eleven classes takes some seconds and 0.2 GB.
BLOCK = 2000
_MARGIN = 1.1  # more events than the least that may do, when some jets are still missing
_ENOUGH = 100  # promised jets, of which at least one must come


def block_sizes(jets_per_class: int) -> tuple[int, ...]:
    """Jets of each class in each block of a data set; all but the last have `BLOCK`."""
    whole, rest = divmod(jets_per_class, BLOCK)
    return (BLOCK,) * whole + ((rest,) if rest else ())


def make_block(
    process: Process, card: Card, seed: int, sizes: Sequence[int], number: int, report: Callable[[int], None]
) -> dict[str, Jets]:
    """Simulate block `number` of a data set: by split, `sizes[number]` jets of each class in all.

    They are in random order. Of each sample, 60, 20 and 20 % of the events go to train, validation and test;
    two jets of one event never part. Among all blocks, each event has its own `jet_event`.

    Args:
        process: a class that several of its samples yield is taken from each in equal shares.
        sizes: jets of each class in each block, all but the last alike.
        number: number of the block, from 0.
        report: called with the number of jets as they are made.

    Raises:
        InputError: a sample gives hardly any jet of a class that it should; as for `simulate_events`.
        MissingPackage: pythia8mc, awkward or fastjet is not installed.
    """
    rng = np.random.default_rng([seed, number])
    first = number * sizes[0] * len(process.classes)  # there are no more events than jets
    parts: dict[str, list[Jets]] = {split: [] for split in SPLITS}
    for index, sample in enumerate(process.samples):
        wanted = _share(process, sample, sizes[number])
        if not wanted:
            continue
        jets = _simulate(process, sample, card, wanted, (seed, number, index))
        events, event = np.unique(jets.scalars["jet_event"], return_inverse=True)
        jets = Jets(jets.offsets, jets.particles, {**jets.scalars, "jet_event": first + event})
        first += len(events)
        split = _splits(len(events), rng)[event]
        for place, name in enumerate(SPLITS):
            parts[name].append(jets[split == place])
        report(len(jets))
    return {name: _shuffled(concatenate(jets), rng) for name, jets in parts.items()}


def _share(process: Process, sample: ProcessSample, size: int) -> dict[str, int]:
    """How many of `size` jets of each class come from `sample`; classes without jets are omitted."""
    wanted = {}
    for name in sample.classes:
        givers = [other.name for other in process.samples if name in other.yields]
        place = givers.index(sample.name)
        wanted[name] = size * (place + 1) // len(givers) - size * place // len(givers)
    return {name: jets for name, jets in wanted.items() if jets}


def _simulate(
    process: Process, sample: ProcessSample, card: Card, wanted: Mapping[str, int], seed: tuple[int, ...]
) -> Jets:
    """Jets of one sample, the first that are `wanted` of each class; no two events have one `jet_event`."""
    parts: list[Jets] = []
    events = 0
    found = dict.fromkeys(wanted, 0)
    ask = math.ceil(max(jets / sample.yields[name] for name, jets in wanted.items()))
    while True:
        words = np.random.SeedSequence((*seed, len(parts))).generate_state(1, np.uint64)
        jets = simulate_events(process, sample, card, ask, int(words[0]))
        scalars = {**jets.scalars, "jet_event": jets.scalars["jet_event"] + events}
        parts.append(Jets(jets.offsets, jets.particles, scalars))
        events += ask
        for name in found:
            found[name] += int(np.count_nonzero(scalars[label_column(name)]))
        short = [name for name in wanted if found[name] < wanted[name]]
        if not short:
            return _first_of_each(concatenate(parts), wanted)
        for name in short:
            _check_yield(sample, name, events, found[name])
        # A class not seen yet may be just rare: at most as many events again as there were.
        needed = max(events * (wanted[name] - found[name]) / max(found[name], 0.5) for name in short)
        ask = min(math.ceil(_MARGIN * needed) + 10, events + 10)


def _check_yield(sample: ProcessSample, name: str, events: int, found: int) -> None:
    """Refuse a class that is not just rarer than its yield promises, but practically missing."""
    promised = events * sample.yields[name]
    if promised >= _ENOUGH and found < promised / _ENOUGH:
        raise InputError(
            f"{events} events of the sample {sample.name} gave {found} jets of the class {name}, "
            f"its yields promise {promised:.0f}",
            hint="check the settings, the cuts and the label rule of the process",
        )


def _first_of_each(jets: Jets, wanted: Mapping[str, int]) -> Jets:
    """The first jets of each class, as many as `wanted`."""
    where = [np.flatnonzero(jets.scalars[label_column(name)])[:number] for name, number in wanted.items()]
    return jets[np.sort(np.concatenate(where))]


def _splits(events: int, rng: np.random.Generator) -> Array:
    """The position in `SPLITS` of each event, at random, in numbers as close to 60, 20 and 20 % as possible."""
    bounds = (6 * events + 5) // 10, (8 * events + 5) // 10
    return np.searchsorted(bounds, rng.permutation(events), side="right")


def _shuffled(jets: Jets, rng: np.random.Generator) -> Jets:
    return jets[rng.permutation(len(jets))]
