"""Plots of how models compare, readable without colours too.

Each function writes a PNG to `path` and an SVG of the same name beside it, and returns the path of the PNG; it raises
MissingPackage where matplotlib is not installed, and StoreError where the disk refuses.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError
from yukawa.core.plotting import colour, dashes, marker, new_figure, save, series, style
from yukawa.core.statistics import Comparison, Difference, Estimate
from yukawa.evaluation.completion_metrics import TokenSeries

_LETTERS = 10  # of a label that fit an inch
_WITHIN = 5  # lines have their legend within the axes
_LOOKS = 7  # that differ in `yukawa.core.plotting`
_FEWEST = 0.1  # of the texts must reach a position for it to be drawn


def bootstrap_plot(comparison: Comparison, path: Path, label: str) -> Path:
    """The resampled values of each system as violins with value and interval, and the paired differences from the first.

    Args:
        comparison: the systems.
        label: of the value, with its unit.
    """
    first, *others = comparison.estimates
    paired = [comparison.differences.get((first, name)) for name in others]
    drawn = comparison.resampled
    with style():
        figure = new_figure(10 if any(paired) else 6.4, 1.4 + 0.42 * (1 + len(others)))
        axes, *beside = np.atleast_1d(figure.subplots(1, 1 + any(paired), sharey=True))
        for k, estimate in enumerate(comparison.estimates.values()):
            _violin(axes, k, drawn[:, k], estimate)
        for right in beside:
            for k, difference in enumerate(paired, start=1):
                if difference is not None:
                    _violin(right, k, drawn[:, k] - drawn[:, 0], difference)
            right.axvline(0, color=colour(0), lw=1)
            right.set_xlabel(f"the same minus {first}, paired")
        axes.set_yticks(range(1 + len(others)), [first, *others])
        axes.invert_yaxis()
        axes.set_xlabel(label)
        return save(figure, path)


def _violin(axes: Any, k: int, drawn: NDArray[np.float64], found: Estimate | Difference) -> None:
    """Resampled values in row k, with the value and its interval; the first row in a colour of its own."""
    drawn, ink = drawn[np.isfinite(drawn)], colour(min(k, 1))
    # Equal values differ by rounding, which no density can be drawn of.
    if len(drawn) and np.ptp(drawn) > 1e-9 * np.abs(drawn).max():
        parts = axes.violinplot(drawn, [k], orientation="horizontal", widths=0.8, showextrema=False)
        for body in parts["bodies"]:
            body.set(facecolor=ink, alpha=0.35)
    ends = [[found.value - found.low], [found.high - found.value]]
    bars = np.maximum(ends, 0) if np.isfinite(ends).all() else None  # a value may lie beyond its interval
    axes.errorbar([found.value], [k], xerr=bars, fmt="o", ms=4, color=ink)


def entropy_plot(systems: Mapping[str, TokenSeries], path: Path) -> Path:
    """Bits of tokens against position in the completion, with bands of one standard error.

    Positions that fewer than a tenth of the completions reach are omitted: those that remain are a selection.

    Raises:
        InputError: there is nothing to draw.
    """
    if not any(len(bits.positions) for bits in systems.values()):
        raise InputError("there are no completions to draw the entropy of")
    with style():
        figure = new_figure(*_size(len(systems)))
        axes = figure.add_subplot()
        highest = 0.0
        for k, (name, bits) in enumerate(systems.items()):
            if not len(bits.positions):
                continue
            kept = bits.count >= max(2, _FEWEST * bits.count[0])
            kept = kept if kept.any() else bits.count > 0
            x, mean, error = bits.positions[kept], bits.mean[kept], np.nan_to_num(bits.error[kept])
            axes.plot(x, mean, ls=dashes(_turned(k)), color=colour(k), lw=1.3, label=name)
            axes.fill_between(x, mean - error, mean + error, color=colour(k), alpha=0.2, lw=0)
            highest = max(highest, float((mean + error).max()))
        axes.set(xlabel="position in the completion [token]", ylabel="entropy of the next token [bit]")
        axes.set_ylim(0, 1.05 * highest or 1)
        _legend(figure, axes, len(systems))
        return save(figure, path)


def learning_plot(runs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> Path:
    """Training loss (line) and validation loss (dots) of runs against their steps.

    Args:
        runs: rows of `metrics.jsonl` by the run's name, with `step`, and `loss` or `validation_loss`.

    Raises:
        InputError: no row has a loss.
    """
    kinds = ("loss", "validation_loss")
    curves = {name: [series(rows, "step", kind) for kind in kinds] for name, rows in runs.items()}
    if not any(len(x) for pair in curves.values() for x, _ in pair):
        raise InputError("there are no learning curves to draw: no row of metrics has a loss")
    with style():
        figure = new_figure(*_size(len(curves)))
        axes = figure.add_subplot()
        for k, (name, (training, validation)) in enumerate(curves.items()):
            look = {"color": colour(k), "label": name}
            if training[0]:
                point = "o" if len(training[0]) == 1 else None  # no line is seen of one point
                axes.plot(*training, **look, lw=0.8, ls=dashes(_turned(k)), marker=point, ms=4, alpha=0.8)
                look["label"] = "_nolegend_"
            if validation[0]:
                axes.plot(*validation, **look, marker=marker(_turned(k)), ms=4, lw=1.2, ls=":")
        axes.set(xlabel="step", ylabel="loss (cross entropy of a token) [nat]")
        _legend(figure, axes, len(curves))
        return save(figure, path)


def _turned(k: int) -> int:
    """The number of a line's dashes and markers: colours repeat after seven, but never with the same ones."""
    return k + k // _LOOKS


def _size(lines: int) -> tuple[float, float]:
    """Width and height in inches of a figure with that many lines; a long legend is drawn beside the axes."""
    return (6.4, 4.0) if lines <= _WITHIN else (9.0, max(4.0, 0.6 + 0.23 * lines))


def _legend(figure: Any, axes: Any, lines: int) -> None:
    if lines <= _WITHIN:
        axes.legend(fontsize=8.5)
    else:
        figure.legend(loc="outside right upper", fontsize=8.5)


def matrix_plot(
    values: NDArray[np.float64], models: Sequence[str], tests: Sequence[str], path: Path, label: str
) -> Path:
    """Relative changes of models (rows) on test sets (columns), in percent: blue is better, red is worse.

    Args:
        values: shape (models, tests); NaN is left blank.
        models: names of the rows.
        tests: names of the columns.
        label: of the change, with its unit.
    """
    with style(axes_grid=False):
        figure = new_figure(2.6 + 0.8 * len(tests), max(3.4, 1.4 + 0.45 * len(models)))
        axes = figure.add_subplot()
        largest = max(float(np.nanmax(np.abs(values), initial=0)), 1e-9)
        image = axes.imshow(values, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
        for row, column in np.ndindex(*values.shape):
            value = float(values[row, column])
            if not math.isnan(value):
                ink = "white" if abs(value) > 0.6 * largest else "black"
                axes.text(column, row, f"{value:+.1f}", ha="center", va="center", color=ink, fontsize=8.5)
        axes.set_xticks(range(len(tests)), tests, rotation=30, ha="right")
        axes.set_yticks(range(len(models)), models)
        axes.tick_params(length=0)
        axes.set_xlabel("test set")
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
        bar.set_label("\n".join(textwrap.wrap(label, int(figure.get_figheight() * _LETTERS))))
        return save(figure, path)
