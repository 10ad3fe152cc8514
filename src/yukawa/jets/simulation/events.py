"""Simulated jets: generation, detector, clustering and labels put together."""

from __future__ import annotations

import zlib

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.columns import JET_COLUMNS, PARTICLE_COLUMNS, label_column
from yukawa.jets.simulation.cards import Card
from yukawa.jets.simulation.clustering import Clusters, cluster, direction
from yukawa.jets.simulation.detector import MeasuredParticles, flags, measure
from yukawa.jets.simulation.generation import EventBatch, generate
from yukawa.jets.simulation.labelling import JetLabels, label
from yukawa.jets.simulation.processes import Process, ProcessSample
from yukawa.jets.table import Array, Jets, concatenate

_TYPES = {column.name: column.dtype for column in (*PARTICLE_COLUMNS, *JET_COLUMNS)}


def simulate_events(process: Process, sample: ProcessSample, card: Card, events: int, seed: int) -> Jets:
    """Simulate events of one sample of a process in the detector of a card.

    The same arguments give the same jets, whatever was simulated before. Pythia takes 0.1 s (hadron
    colliders: seconds) to begin, so ask for some thousand events at a time.

    Returns:
        The labelled jets with all columns of `columns` and a label of each class of the process. `jet_event`
        is the number of the event from 0 on; an event without jets (fewer visible particles than jets asked
        for, or none that passes the cuts) is left out of it. Particles and jets of an event fall in energy;
        at hadron colliders in transverse momentum. `jet_parton_angle` is NaN where the label is the sample's.

    Raises:
        InputError: `events` is below 1 or `seed` below 0; Pythia refuses a setting; the partons do not fit
            the label rule.
        MissingPackage: pythia8mc, awkward or fastjet is not installed.
    """
    if events < 1 or seed < 0:
        raise InputError(
            f"{events} events with the seed {seed} were asked for; allowed: events >= 1, seed >= 0"
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


def _jet_columns(jets: Clusters, labels: JetLabels, first: int) -> dict[str, Array]:
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
    counts = np.diff(jets.offsets)
    momenta, impact = measured.momenta[jets.rows], measured.impact[jets.rows]
    _, eta, phi = direction(momenta)
    _, jet_eta, jet_phi = direction(jets.momenta)
    turn = phi - np.repeat(jet_phi, counts)
    columns = dict(zip(("part_px", "part_py", "part_pz", "part_energy"), momenta.T, strict=True))
    columns |= {
        "part_deta": eta - np.repeat(jet_eta, counts),
        "part_dphi": np.pi - np.remainder(np.pi - turn, 2 * np.pi),
    }
    columns |= dict(zip(("part_d0val", "part_d0err", "part_dzval", "part_dzerr"), impact.T, strict=True))
    columns["part_charge"] = np.rint(measured.charge[jets.rows])
    columns |= {f"part_{name}": flag for name, flag in flags(measured.taken_for[jets.rows]).items()}
    columns["part_truth_pdg"] = batch.particles.pdg[measured.truth[jets.rows]]
    return {name: column.astype(_TYPES[name]) for name, column in columns.items()}
