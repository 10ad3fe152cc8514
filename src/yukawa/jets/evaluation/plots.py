"""Plots of how good a tagger is, readable without colours too.

Each function writes a PNG to `path` and an SVG of the same name beside it, and returns the path of the PNG; it raises
MissingPackage where matplotlib is not installed, and StoreError where the disk refuses.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.plotting import colour, dashes, marker, matplotlib, new_figure, save, style
from yukawa.jets.evaluation.analysis import CalibrationBin, TagCut
from yukawa.jets.evaluation.metrics import Confusion, tags
from yukawa.jets.evaluation.roc import Roc
from yukawa.jets.table import Array

_POINTS = 2000  # of a curve; more are not seen and make an SVG large


def matrix_plot(confusion: Confusion, path: Path, title: str = "") -> Path:
    """The confusion matrix as a heat map with its values and their errors (half of Wilson's interval).

    Args:
        title: such as the model's name.
    """
    size = len(confusion.classes)
    low, high = confusion.bounds
    with style(axes_grid=False):
        figure = new_figure(1.9 + 0.62 * size, 1.3 + 0.58 * size)
        axes = figure.add_subplot()
        # The square root brings out the small entries without hiding that the diagonal is large.
        norm = matplotlib("colors").PowerNorm(0.5, 0, 1)
        image = axes.imshow(confusion.matrix, cmap="Blues", norm=norm)
        for row, column in np.ndindex(size, size):
            value = confusion.matrix[row, column]
            if math.isnan(value):
                continue
            where = {"ha": "center", "color": "white" if value > 0.4 else "black", "in_layout": False}
            axes.text(column, row + 0.02, f"{value:.3f}", va="bottom", fontsize=8.5, **where)
            error = float(high[row, column] - low[row, column]) / 2
            shown = f"±{error:.4f}" if error >= 0.00005 else "±< 0.0001"
            axes.text(column, row + 0.06, shown, va="top", fontsize=6, **where)
        names = [_symbol(name) for name in confusion.classes]
        axes.set_xticks(range(size), names)
        axes.set_yticks(range(size), names)
        axes.tick_params(length=0)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(title)
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
        bar.set_label("share of the true class")
        return save(figure, path)


def flavour_plot(
    models: Mapping[str, Confusion], path: Path, published: Mapping[str, Mapping[str, float]] | None = None
) -> Path:
    """Tagging efficiencies and charge flip rates by flavour, with 68 % intervals, of one or more models.

    Args:
        models: the matrix of each model, by its name.
        published: figures named as in `Confusion.figures`, by their origin; drawn without errors.

    Raises:
        InputError: there is no model, or their classes differ.
    """
    kinds = [set(confusion.classes) for confusion in models.values()]
    if not kinds or any(kind != kinds[0] for kind in kinds):
        raise InputError("efficiencies can only be drawn for one or more models with the same classes")
    names = list(tags(next(iter(models.values())).classes))
    flips = [name for name in names if all(f"flip_{name}" in c.figures for c in models.values())]
    panels = [("efficiency", "tagging efficiency", names)]
    panels += [("flip", "charge flip rate", flips)] if flips else []
    with style():
        figure = new_figure(1.5 + 0.75 * (len(names) + len(flips)), 4.2)
        widths = [len(panel[2]) + 0.5 for panel in panels]
        all_axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
        for axes, (kind, label, flavours) in zip(all_axes, panels, strict=True):
            _flavour_panel(axes, kind, flavours, models, published or {})
            axes.set_ylabel(label)
            axes.set_xlabel("flavour (particle and antiparticle)" if flips else "class")
        figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return save(figure, path)


def _flavour_panel(
    axes: Any,
    kind: str,
    flavours: Sequence[str],
    models: Mapping[str, Confusion],
    published: Mapping[str, Mapping[str, float]],
) -> None:
    """One point a flavour and model, models beside each other."""
    places = np.arange(len(flavours))
    step = 0.7 / max(len(models) + len(published), 2)
    shift = -step * (len(models) + len(published) - 1) / 2
    for k, (name, confusion) in enumerate(models.items()):
        found = [confusion.figures[f"{kind}_{flavour}"] for flavour in flavours]
        values = np.array([one.value for one in found])
        bars = np.abs([[one.low for one in found], [one.high for one in found]] - values)
        axes.errorbar(places + shift + k * step, values, bars, fmt=marker(k), ms=5,
                      color=colour(k), label=name)  # fmt: skip
    for k, (name, figures) in enumerate(published.items(), start=len(models)):
        printed = [figures.get(f"{kind}_{flavour}", math.nan) for flavour in flavours]
        axes.errorbar(places + shift + k * step, printed, fmt=marker(k), ms=6, mfc="none",
                      color=colour(k), label=name)  # fmt: skip
    axes.set_xticks(places, [_symbol(name) for name in flavours])
    axes.set_xlim(-0.6, len(flavours) - 0.4)
    axes.set_ylim(0, 1 if kind == "efficiency" else max(0.5, min(1, axes.get_ylim()[1])))
    axes.grid(visible=False, axis="x")
    for edge in places[:-1] + 0.5:
        axes.axvline(edge, color="0.85", lw=0.6, zorder=0)


def roc_plot(
    curves: Mapping[str, Roc],
    path: Path,
    xlabel: str = "signal efficiency",
    ylabel: str = "background efficiency",
) -> Path:
    """ROC curves with bands of one standard deviation: background efficiency (logarithmic) against signal's.

    Args:
        curves: by the name that the legend shows.
        xlabel: what is signal.
        ylabel: what is background.

    Raises:
        InputError: there is no curve.
    """
    if not curves:
        raise InputError("there is no ROC curve to draw")
    with style():
        figure = new_figure(5.6, 4.6)
        axes = figure.add_subplot()
        lowest = 1.0
        for k, (name, curve) in enumerate(curves.items()):
            where = _thinned(curve)
            x, y = curve.signal_efficiency[where], curve.background_efficiency[where]
            error = np.sqrt(y * (1 - y) / curve.background_jets)
            seen = y > 0
            lowest = min(lowest, *y[seen])
            axes.plot(x[seen], y[seen], ls=dashes(k), color=colour(k), lw=1.4, label=name)
            axes.fill_between(x[seen], np.maximum(y - error, 1e-12)[seen], (y + error)[seen],
                              color=colour(k), alpha=0.2, lw=0)  # fmt: skip
        ends = np.geomspace(lowest, 1, 200)
        axes.plot(ends, ends, color="0.6", lw=0.8, ls=":", label="no separation")
        axes.set(
            xlim=(0, 1),
            ylim=(10 ** min(math.floor(math.log10(lowest)), -1), 1),
            yscale="log",
            xlabel=xlabel,
            ylabel=ylabel,
        )
        axes.legend(loc="best", fontsize=8.5)
        return save(figure, path)


def _thinned(curve: Roc) -> Array:
    """Positions of at most `_POINTS` points: even along signal, and along the logarithm of background."""
    size = len(curve.thresholds)
    if size <= _POINTS:
        return np.arange(size)
    signal = np.searchsorted(curve.signal_efficiency, np.linspace(0, 1, _POINTS // 2))
    wanted = np.geomspace(1 / max(curve.background_jets, 1), 1, _POINTS // 2)
    background = np.searchsorted(curve.background_efficiency, wanted)
    return np.unique(np.clip(np.concatenate([signal, background]), 0, size - 1))


@dataclass(frozen=True)
class Panel:
    """A metric as `s_curves` draws it: its name in the rows, its words, and its value for guesses."""

    metric: str
    words: str
    chance: float | None = None


def s_curves(table_rows: Iterable[Mapping[str, Any]], path: Path, panels: Sequence[Panel]) -> Path:
    """Plot metrics against the number of training jets, one panel per metric, one line per model.

    Points are means over seeds, bars the standard deviation over seeds; each single training is a small dot.

    Args:
        table_rows: rows with `model`, `jets` (training jets) and the metrics; one a training.
        panels: which metrics; rows where one is absent or None are omitted from its panel.

    Raises:
        InputError: no row has one of the metrics.
    """
    rows = list(table_rows)
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    columns = min(len(panels), 3)
    lines = -(-len(panels) // columns)
    with style():
        figure = new_figure(6.2 if columns == 1 else 3.7 * columns, 4.4 if lines == 1 else 3.2 * lines)
        all_axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, panel in zip(all_axes, panels, strict=False):
            _s_curve(axes, rows, models, panel)
        for axes in all_axes[len(panels) :]:
            axes.remove()
        figure.legend(*_legend(all_axes[: len(panels)]), loc="outside upper center", ncols=4)
        return save(figure, path)


def _s_curve(axes: Any, rows: Sequence[Mapping[str, Any]], models: Sequence[str], panel: Panel) -> None:
    """Draw one line per model; a model looks the same in all panels."""
    found: dict[str, dict[float, list[float]]] = {}
    for row in rows:
        if row.get(panel.metric) is not None:
            sizes = found.setdefault(str(row["model"]), {})
            sizes.setdefault(float(row["jets"]), []).append(row[panel.metric])
    if not found:
        raise InputError(f"no row of the table has the metric {panel.metric!r}")
    for model, sizes in found.items():
        k, x = models.index(model), np.array(sorted(sizes))
        mean = [np.mean(sizes[jets]) for jets in x]
        # One training does not determine a spread: no bar, rather than one of length 0.
        spread = [np.std(sizes[jets], ddof=1) if len(sizes[jets]) > 1 else math.nan for jets in x]
        axes.errorbar(x, mean, spread, marker=marker(k), ms=5, lw=1.3, ls=dashes(k),
                      color=colour(k), label=model)  # fmt: skip
        several = [(jets, value) for jets in x if len(sizes[jets]) > 1 for value in sizes[jets]]
        if several:
            axes.plot(*zip(*several, strict=True), ".", ms=3, color=colour(k), alpha=0.5)
    if panel.chance is not None:
        axes.axhline(panel.chance, color="0.5", lw=0.9, ls=":", label="chance")
    axes.set(xscale="log", xlabel="training jets", ylabel=panel.words)


def _legend(all_axes: Iterable[Any]) -> tuple[list[Any], list[str]]:
    """The handles and labels of all panels, each once, chance last."""
    named: dict[str, Any] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    labels = sorted(named, key=lambda label: label == "chance")
    return [named[label] for label in labels], labels


def _symbol(name: str) -> str:
    """A quark's or gluon's symbol; other classes by their names."""
    if len(name) == 1:
        return f"${name}$"
    if len(name) == 4 and name.endswith("bar"):
        return rf"$\bar{{{name[0]}}}$"
    return name


def bins_plot(cuts: Sequence[TagCut], observable: str, path: Path) -> Path:
    """What passes each cut by bins of an observable: one panel for each cut, one series for each group of jets."""
    with style():
        figure = new_figure(1.0 + 3.6 * len(cuts), 3.8)
        for axes, cut in zip(figure.subplots(1, len(cuts), squeeze=False)[0], cuts, strict=True):
            bins = cut.bins[observable]
            middles = np.array([(one.low + one.high) / 2 for one in bins])
            halves = np.array([(one.high - one.low) / 2 for one in bins])
            for k, group in enumerate(cut.passed):
                found = [one.passed[group] for one in bins]
                values = np.array([one.value for one in found])
                bars = np.abs([[one.low for one in found], [one.high for one in found]] - values)
                axes.errorbar(
                    middles, values, bars, halves, fmt=marker(k), ms=4, color=colour(k), label=group
                )
            axes.set(ylim=(0, 1), xlabel=observable, ylabel="share that passes")
            axes.set_title(f"{cut.discriminant}, cut for {cut.target}", fontsize=9)
            axes.legend(fontsize=8)
        return save(figure, path)


def calibration_plot(calibration: Mapping[str, Sequence[CalibrationBin]], path: Path) -> Path:
    """Of each flavour the observed share by predicted probability; the diagonal is a perfect calibration."""
    with style():
        figure = new_figure(5.0, 4.6)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls=":", label="calibrated")
        for k, (flavour, bins) in enumerate(calibration.items()):
            values = np.array([one.observed.value for one in bins])
            bars = np.abs([[one.observed.low for one in bins], [one.observed.high for one in bins]] - values)
            axes.errorbar([one.predicted for one in bins], values, bars, fmt=marker(k), ms=4, lw=1, ls=dashes(k),
                          color=colour(k), label=_symbol(flavour))  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="observed share")
        axes.legend(fontsize=8.5)
        return save(figure, path)
