"""Writes generated events: HepMC3 as text, NumPy's npz, Parquet."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from yukawa.core.errors import InputError, check_installed, require
from yukawa.core.files import replacement
from yukawa.generators.events import GeneratedEvents

ENDINGS = (".hepmc", ".npz", ".parquet")
_LINES = 20_000  # written at once


def write_events(events: GeneratedEvents, path: Path) -> None:
    """Write events in the format that the ending of the name says.

    Raises:
        InputError: the ending is none of `ENDINGS`.
        MissingPackage: Parquet needs pyarrow.
        StoreError: the disk refuses; an older file is kept.
    """
    ending = path.suffix.lower()
    check_ending(path)
    if ending == ".npz":
        with replacement(path) as handle:
            np.savez_compressed(handle, allow_pickle=False, **_columns(events))
    elif ending == ".parquet":
        _write_parquet(events, path)
    else:
        with replacement(path) as handle:
            for block in hepmc_text(events):
                handle.write(block.encode())


def check_ending(path: Path) -> None:
    """Refuse a name whose ending is none of `ENDINGS`, or needs a package that is not installed."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path.name} ends in none of {', '.join(ENDINGS)}")
    if path.suffix.lower() == ".parquet":
        check_installed("pyarrow", "writing Parquet")


def _columns(events: GeneratedEvents) -> dict[str, np.ndarray]:
    names = ("e", "px", "py", "pz")
    return {
        "event": events.event, "mother": events.mother, "pdg": events.number, "status": events.status,
        **{name: events.momenta[:, column] for column, name in enumerate(names)}, "mass": events.masses,
    }  # fmt: skip


def _write_parquet(events: GeneratedEvents, path: Path) -> None:
    pyarrow = require("pyarrow", "writing Parquet")
    parquet = require("pyarrow.parquet", "writing Parquet")
    with replacement(path) as handle:
        parquet.write_table(pyarrow.table(_columns(events)), handle)


def hepmc_text(events: GeneratedEvents) -> Iterator[str]:
    """Events in the text format of HepMC3 (A. Verbytskyi et al., arXiv 1912.08005), in blocks.

    Every vertex has one particle that comes in, so a particle names its mother and no line of a vertex is needed.
    """
    yield "HepMC::Version 3.02.06\nHepMC::Asciiv3-START_EVENT_LISTING\n"
    starts = np.flatnonzero(np.diff(events.event, prepend=-1))
    ends = np.append(starts[1:], len(events.event))
    mothers = events.mother.tolist()
    numbers, statuses, masses = events.number.tolist(), events.status.tolist(), events.masses.tolist()
    momenta = events.momenta.tolist()
    lines: list[str] = []
    for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        vertices = len({mothers[at] for at in range(start, end)} - {-1})
        lines += [f"E {number} {vertices} {end - start}", "U GEV MM"]
        for at in range(start, end):
            energy, x, y, z = momenta[at]
            mother = mothers[at] - start + 1 if mothers[at] >= 0 else 0
            lines.append(
                f"P {at - start + 1} {mother} {numbers[at]} {x:.16e} {y:.16e} {z:.16e} {energy:.16e} {masses[at]:.16e} {statuses[at]}"
            )
        if len(lines) > _LINES:
            yield "\n".join(lines) + "\n"
            lines = []
    if lines:
        yield "\n".join(lines) + "\n"
    yield "HepMC::Asciiv3-END_EVENT_LISTING\n"
