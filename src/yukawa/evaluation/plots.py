"""Pictures of how models compare: each is written as PNG and SVG, readable without colours too."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.corpus.extras import require
from yukawa.errors import InputError
from yukawa.evaluation.entropy import TokenCourse
from yukawa.evaluation.statistics import Comparison
from yukawa.files import atomic_write

# Okabe and Ito's colours, told apart by all kinds of colour vision; markers and dashes tell them apart in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
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
_FEWEST = 0.1  # of the texts must reach a position for it to be drawn


def bootstrap_plot(comparison: Comparison, path: Path, label: str) -> Path:
    """The resampled figures of each system as a violin, with its value and interval.

    Args:
        comparison: the systems.
        path: of the PNG; an SVG of the same name is written beside it.
        label: what the figure is, with its unit.

    Returns:
        The path of the PNG.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    names = list(comparison.estimates)
    with _style():
        figure = _figure(6.4, 1.4 + 0.42 * len(names))
        axes = figure.add_subplot()
        for k, estimate in enumerate(comparison.estimates.values()):
            colour = _COLOURS[k % 7]
            drawn = comparison.resampled[:, k]
            drawn = drawn[np.isfinite(drawn)]
            if len(drawn) and np.ptp(drawn) > 0:
                parts = axes.violinplot(drawn, [k], orientation="horizontal", widths=0.8, showextrema=False)
                for body in parts["bodies"]:
                    body.set(facecolor=colour, alpha=0.35)
            ends = [[estimate.value - estimate.low], [estimate.high - estimate.value]]
            bars = ends if np.isfinite(ends).all() else None
            axes.errorbar([estimate.value], [k], xerr=bars, fmt="o", ms=4, color=colour)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        return _save(figure, path)


def entropy_plot(
    courses: Mapping[str, TokenCourse], path: Path, label: str = "entropy of the next token [bit]"
) -> Path:
    """A figure of tokens against position in the completion, with bands of one standard error.

    Positions that fewer than a tenth of the completions reach are left out: what is left there is a selection.

    Raises:
        InputError: there is nothing to draw.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    if not any(len(course.positions) for course in courses.values()):
        raise InputError("there are no completions to draw the entropy of")
    with _style():
        figure = _figure(6.2, 4.0)
        axes = figure.add_subplot()
        for k, (name, course) in enumerate(courses.items()):
            if not len(course.positions):
                continue
            kept = course.count >= max(2, _FEWEST * course.count[0])
            kept = kept if kept.any() else course.count > 0
            x, mean, error = course.positions[kept], course.mean[kept], np.nan_to_num(course.error[kept])
            axes.plot(x, mean, ls=_DASHES[k % 7], color=_COLOURS[k % 7], lw=1.3, label=name)
            axes.fill_between(x, mean - error, mean + error, color=_COLOURS[k % 7], alpha=0.2, lw=0)
        axes.set(xlabel="position in the completion [token]", ylabel=label)
        axes.set_ylim(bottom=0)
        axes.legend()
        return _save(figure, path)


def learning_plot(runs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> Path:
    """Training loss (line) and validation loss (dots) of runs against their steps.

    Args:
        runs: rows of `metrics.jsonl` by the run's name, with `step`, and `loss` or `validation_loss`.
        path: of the PNG; an SVG of the same name is written beside it.

    Raises:
        InputError: no row has a loss.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    kinds = ("loss", "validation_loss")
    courses = {name: [_course(rows, kind) for kind in kinds] for name, rows in runs.items()}
    if not any(len(x) for pair in courses.values() for x, _ in pair):
        raise InputError("there are no learning curves to draw: no row of metrics has a loss")
    with _style():
        figure = _figure(6.4, 4.0)
        axes = figure.add_subplot()
        for k, (name, pair) in enumerate(courses.items()):
            colour, (training, validation) = _COLOURS[k % 7], pair
            if len(training[0]):
                axes.plot(*training, color=colour, lw=0.8, ls=_DASHES[k % 7], alpha=0.8, label=name)
            if len(validation[0]):
                axes.plot(
                    *validation, color=colour, marker="s", ms=4, lw=1.2, ls=":", label=f"{name}, validation"
                )
        axes.set(xlabel="step", ylabel="loss (cross entropy of a token) [nat]")
        axes.legend(fontsize=8.5)
        return _save(figure, path)


def matrix_plot(
    values: NDArray[np.float64], models: Sequence[str], tests: Sequence[str], path: Path, label: str
) -> Path:
    """Relative changes of models (rows) on test sets (columns), in percent: blue is better, red is worse.

    Args:
        values: shape (models, tests); NaN is left blank.
        models: names of the rows.
        tests: names of the columns.
        path: of the PNG; an SVG of the same name is written beside it.
        label: of what the change is.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    with _style({"axes.grid": False}):
        figure = _figure(2.6 + 0.8 * len(tests), max(3.4, 1.4 + 0.45 * len(models)))
        axes = figure.add_subplot()
        largest = max(float(np.nanmax(np.abs(values), initial=0)), 1e-9)
        image = axes.imshow(values, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
        for row, column in np.ndindex(*values.shape):
            value = float(values[row, column])
            if not math.isnan(value):
                colour = "white" if abs(value) > 0.6 * largest else "black"
                axes.text(column, row, f"{value:+.1f}", ha="center", va="center", color=colour, fontsize=8.5)
        axes.set_xticks(range(len(tests)), tests, rotation=30, ha="right")
        axes.set_yticks(range(len(models)), models)
        axes.tick_params(length=0)
        axes.set_xlabel("test set")
        figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03).set_label(label)
        return _save(figure, path)


def _course(rows: Sequence[Mapping[str, Any]], kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps at which a figure was written, and its values; NaN where it was not finite."""
    found = [(row["step"], math.nan if row[kind] is None else row[kind]) for row in rows if kind in row]
    x, y = np.array(found, np.float64).reshape(-1, 2).T
    return x, y


def _figure(width: float, height: float) -> Any:
    """A figure that belongs to no window and no global state."""
    return require("matplotlib.figure", "plots").Figure(
        figsize=(width, height), layout="constrained", dpi=150
    )


def _style(more: Mapping[str, Any] | None = None) -> Any:
    return require("matplotlib", "plots").rc_context({**_STYLE, **(more or {})})


def _save(figure: Any, path: Path) -> Path:
    """Write the figure as PNG and SVG beside each other; equal figures give equal bytes."""
    png = Path(path).with_suffix(".png")
    # SVG would otherwise hold the time of writing.
    for target, metadata in ((png, {}), (png.with_suffix(".svg"), {"Date": None})):
        picture = io.BytesIO()
        figure.savefig(picture, format=target.suffix[1:], metadata=metadata)
        figure.set_layout_engine("none")  # found once, kept for the second
        atomic_write(target, picture.getvalue())
    return png
