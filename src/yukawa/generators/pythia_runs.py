"""Runs settings of Pythia 8: each line is checked here first, since `readString` accepts values that mean nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.generators.events import GeneratedEvents
from yukawa.generators.pythia import check_settings
from yukawa.generators.species import SpeciesNames

_DECAYS = range(91, 100)  # status of what a decay produces
_EVENTS = "main:numberofevents"
_MOST_SEED = 900_000_000  # the largest of Pythia
_FATAL = 100  # events in a row that fail


def run_settings(
    text: str, count: int | None = None, parent: str | None = None, seed: int = 1
) -> GeneratedEvents:
    """Generate events with pythia8mc.

    Kept are the particles that stay, and those that decay, each with what it decayed from.

    Args:
        text: the settings.
        count: of events; None for Main:numberOfEvents.
        parent: a particle at rest that is put into each event, where the settings have `ProcessLevel:all = off`.
        seed: of the random numbers.

    Raises:
        InputError: a setting is wrong, with its line; or Pythia refuses it, or cannot begin.
        MissingPackage: pythia8mc is not installed.
    """
    wrong = [each for each in check_settings(text) if each.level == "error"]
    if wrong:
        raise InputError(f"line {wrong[0].line}: {wrong[0].code}: {wrong[0].message}")
    lines = dict(_lines(text))
    included = next((number for number, line in lines.items() if line.lower().startswith("include")), None)
    if included is not None:
        raise InputError(f"line {included} includes a file", hint="put its lines in place of the include")
    alone = any(
        line.replace(" ", "").lower() in ("processlevel:all=off", "processlevel:all=no")
        for line in lines.values()
    )
    if alone and parent is None:
        raise InputError(
            "the settings have no process and put no particle into the event", hint="type --parent NAME"
        )
    if parent is not None and not alone:
        raise InputError("--parent is for settings with ProcessLevel:all = off; these have a process")
    program = _started(lines, seed)
    wanted = count if count is not None else _wanted(lines)
    number = _number(parent, program) if parent is not None else None
    rows: list[tuple[Any, ...]] = []
    failed = 0
    for event in range(wanted):
        while not _next(program, number):
            failed += 1
            if failed > _FATAL:
                raise InputError("Pythia fails at every event of these settings")
        failed = 0
        rows += _kept(program.event, event, len(rows))
    return _as_events(rows)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip()[:1].isalnum():
            yield number, line.strip()


def _wanted(lines: dict[int, str]) -> int:
    for line in lines.values():
        key, _, value = line.partition("=")
        if key.strip().lower() == _EVENTS:
            return int(value.split("!")[0])
    raise InputError("neither -n nor Main:numberOfEvents says how many events")


def _started(lines: dict[int, str], seed: int) -> Any:
    program = require("pythia8mc", "running settings of Pythia").Pythia("", False)
    for line in ("Print:quiet = on", "Random:setSeed = on", f"Random:seed = {1 + seed % _MOST_SEED}"):
        program.readString(line)
    with _Silent():
        for number, line in lines.items():
            if not program.readString(line):
                raise InputError(f"line {number}: Pythia refuses {line!r}")
        program.readString("Print:quiet = on")
        started = program.init()
    if not started:
        raise InputError("Pythia cannot start with these settings", hint="is a process switched on?")
    return program


def _number(parent: str, program: Any) -> int:
    species = SpeciesNames().get(parent)
    if species is None or not program.particleData.isParticle(species.number):
        raise InputError(f"{parent} is not a particle that Pythia knows")
    return species.number


def _next(program: Any, number: int | None) -> bool:
    if number is not None:
        mass = program.particleData.m0(number)
        program.event.reset()
        program.event.append(number, 1, 0, 0, 0.0, 0.0, 0.0, mass, mass)
    return bool(program.next())


def _kept(record: Any, event: int, start: int) -> list[tuple[Any, ...]]:
    """Rows of one event: what stays and what decays, with the row of what it decayed from."""
    particles = [record[at] for at in range(record.size())]
    decayed = {each.mother1() for each in particles if each.statusAbs() in _DECAYS}
    places: dict[int, int] = {}
    rows: list[tuple[Any, ...]] = []
    for at, each in enumerate(particles):
        if not each.isFinal() and at not in decayed:
            continue
        mother = places.get(each.mother1(), -1) if each.statusAbs() in _DECAYS else -1
        places[at] = start + len(rows)
        momentum = (each.e(), each.px(), each.py(), each.pz())
        rows.append((event, mother, each.id(), 1 if each.isFinal() else 2, *momentum, each.m()))
    return rows


def _as_events(rows: list[tuple[Any, ...]]) -> GeneratedEvents:
    table = np.array(rows, dtype=np.float64).reshape(-1, 9)
    event, mother, number, status = (table[:, column].astype(np.int64) for column in range(4))
    notes = ("what Pythia decays or keeps; partons and the hard process are not written",)
    return GeneratedEvents(event, mother, number, status, table[:, 4:8].copy(), table[:, 8].copy(), notes)


class _Silent:
    """Turns away what Pythia prints below Python, on the file descriptor."""

    def __enter__(self) -> None:
        sys.stdout.flush()
        self._kept = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def __exit__(self, *exception: object) -> None:
        os.dup2(self._kept, 1)
        os.close(self._kept)
