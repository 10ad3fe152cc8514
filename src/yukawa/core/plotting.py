"""The style of all plots: colours, markers and dashes to tell lines apart, and figures saved as the same bytes each time."""

import io
import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from yukawa.core.errors import require
from yukawa.core.files import atomic_write

# Okabe and Ito's colours, distinguished by all kinds of colour vision; markers and dashes distinguish them in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
_STYLE = {
    "font.size": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "errorbar.capsize": 2.5,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "svg.hashsalt": "yukawa",  # the same figure gives the same bytes
}


def colour(number: int) -> str:
    """The colour of the line, or bar, of that number; they repeat after seven."""
    return _COLOURS[number % len(_COLOURS)]


def marker(number: int) -> str:
    """The marker that goes with `colour`."""
    return _MARKERS[number % len(_MARKERS)]


def dashes(number: int) -> Any:
    """The line style that goes with `colour`."""
    return _DASHES[number % len(_DASHES)]


def matplotlib(part: str = "") -> Any:
    """The package, or a module of it such as `colors`.

    Raises:
        MissingPackage: it is not installed.
    """
    found: Any = require(f"matplotlib.{part}" if part else "matplotlib", "drawing plots")
    return found


def style(**more: Any) -> AbstractContextManager[None]:
    """The style of all plots while its block runs, with more of matplotlib's settings on top.

    Args:
        more: names with `_` for `.`, such as `axes_grid=False`.

    Raises:
        MissingPackage: matplotlib is not installed.
    """
    changes = {name.replace("_", "."): value for name, value in more.items()}
    found: AbstractContextManager[None] = matplotlib().rc_context({**_STYLE, **changes})
    return found


def new_figure(width: float, height: float) -> Any:
    """A figure of that size in inches, which belongs to no window and no global state.

    Raises:
        MissingPackage: matplotlib is not installed.
    """
    return matplotlib("figure").Figure(figsize=(width, height), layout="constrained", dpi=150)


def save(figure: Any, path: Path) -> Path:
    """Write a figure as PNG, and as SVG beside it, within the block of `style`.

    Returns:
        The path of the PNG, which is `path` with its suffix.

    Raises:
        StoreError: the disk refuses.
    """
    path = Path(path)
    png = path if path.suffix == ".png" else path.with_name(path.name + ".png")
    # SVG would otherwise hold the time of writing.
    for target, metadata in ((png, {}), (png.with_suffix(".svg"), {"Date": None})):
        picture = io.BytesIO()
        figure.savefig(picture, format=target.suffix[1:], metadata=metadata)
        figure.set_layout_engine("none")  # found once, kept for the second
        atomic_write(target, picture.getvalue())
    return png


def series(rows: Iterable[Mapping[str, Any]], unit: str, name: str) -> tuple[list[float], list[float]]:
    """Where a metric of `metrics.jsonl` was logged, and its values.

    Args:
        rows: of the file.
        unit: of the place, such as `step`.
        name: of the metric; null, which replaces what is not finite, becomes NaN and leaves a gap.
    """
    found = [(row[unit], row[name]) for row in rows if name in row]
    return [place for place, _ in found], [math.nan if value is None else value for _, value in found]
