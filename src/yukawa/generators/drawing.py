"""Draws a generated event: its chain of decays, and the momenta of what stays, across and along the beams."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.plotting import colour, new_figure, save, style
from yukawa.generators.events import GeneratedEvents
from yukawa.generators.species import by_number, known_species

_MOST = 60  # particles of an event that are still read in a picture


def draw_event(events: GeneratedEvents, path: Path, number: int = 0) -> Path:
    """Draw one event as PNG, and as SVG beside it.

    Args:
        events: as generated.
        path: of the PNG.
        number: of the event, from 0.

    Returns:
        The path of the PNG.

    Raises:
        InputError: there is no such event, or it has too many particles for a picture.
        MissingPackage: matplotlib is not installed.
    """
    rows = check_drawable(events, number)
    with style(axes_grid=False):
        figure = new_figure(11, 4)
        chain, across, along = figure.subplots(1, 3, width_ratios=(1.4, 1, 1))
        _chain(chain, events, rows)
        final = rows[events.status[rows] == 1]
        _momenta(across, events, final, (1, 2), "p_x", "p_y")
        _momenta(along, events, final, (3, 1), "p_z", "p_x")
        first = particle_name(int(events.number[rows[0]]))
        figure.suptitle(f"event {number}: {first}, {events.masses[rows[0]]:.4g} GeV")
        return save(figure, path)


def check_drawable(events: GeneratedEvents, number: int = 0) -> np.ndarray:
    """The rows of an event.

    Raises:
        InputError: there is no such event, or it has too many particles for a picture.
    """
    rows = np.flatnonzero(events.event == number)
    if not len(rows):
        raise InputError(f"there is no event {number}")
    if len(rows) > _MOST:
        raise InputError(f"event {number} has {len(rows)} particles; at most {_MOST} can be drawn")
    return rows


@functools.cache
def _names() -> dict[int, str]:
    return {number: min(names, key=len) for number, names in by_number(known_species()).items()}


def particle_name(number: int) -> str:
    """The name of EvtGen of a Monte Carlo number, the number itself where it has none."""
    return _names().get(number, str(number))


def _chain(axes: Any, events: GeneratedEvents, rows: np.ndarray) -> None:
    """The decays as a tree from left to right; what stays in bold."""
    daughters: dict[int, list[int]] = {}
    for row in rows.tolist():
        daughters.setdefault(int(events.mother[row]), []).append(row)
    places: dict[int, tuple[float, float]] = {}
    height = 0.0

    def place(row: int, depth: int) -> float:
        """Put a particle beside the middle of its daughters; give its height."""
        nonlocal height
        below = [place(each, depth + 1) for each in daughters.get(row, ())]
        if not below:
            height -= 1
            below = [height]
        places[row] = (depth, sum(below) / len(below))
        return places[row][1]

    for row in daughters.get(-1, ()):
        place(row, 0)
    for row, (x, y) in places.items():
        mother = int(events.mother[row])
        if mother in places:
            axes.plot([places[mother][0], x], [places[mother][1], y], color="0.6", lw=1, zorder=1)
        weight = "bold" if events.status[row] == 1 else "normal"
        box = {"boxstyle": "round,pad=0.2", "fc": "white", "ec": "0.7"}
        axes.text(
            x,
            y,
            particle_name(int(events.number[row])),
            ha="center",
            va="center",
            weight=weight,
            bbox=box,
            zorder=2,
        )
    axes.set_xlim(-0.5, max(x for x, _ in places.values()) + 0.5)
    axes.set_ylim(height - 0.7, -0.3)
    axes.axis("off")


def _momenta(
    axes: Any, events: GeneratedEvents, final: np.ndarray, columns: tuple[int, int], *labels: str
) -> None:
    """Momenta in a plane as arrows from the origin, GeV."""
    shown = events.momenta[final][:, columns]
    largest = max(float(np.abs(shown).max()) if len(shown) else 0.0, 1e-6)
    kinds = list(dict.fromkeys(events.number[final].tolist()))
    for row, (x, y) in zip(final.tolist(), shown.tolist(), strict=True):
        number = int(events.number[row])
        tint = colour(kinds.index(number))
        axes.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": tint, "lw": 1.4})
        axes.text(1.12 * x, 1.12 * y, particle_name(number), color=tint, ha="center", va="center")
    axes.set_xlim(-1.35 * largest, 1.35 * largest)
    axes.set_ylim(-1.35 * largest, 1.35 * largest)
    axes.set_aspect("equal")
    axes.set_xlabel(f"${labels[0]}$ [GeV]")
    axes.set_ylabel(f"${labels[1]}$ [GeV]")
