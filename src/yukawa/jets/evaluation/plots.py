"""Pictures of how good a tagger is: each is written as PNG and SVG, readable without colours too."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.errors import InputError
from yukawa.files import atomic_write
from yukawa.jets.evaluation.metrics import Confusion, tags
from yukawa.jets.evaluation.ranking import Roc
from yukawa.jets.extras import require
from yukawa.jets.table import Array

# Okabe and Ito's colours, told apart by all kinds of colour vision; markers and dashes tell them apart in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
_POINTS = 2000  # of a curve; more are not seen and make an SVG large
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


def matrix_plot(confusion: Confusion, path: Path, title: str = "") -> Path:
    """The confusion matrix as a heat map with its values and their errors (half of Wilson's interval).

    Args:
        confusion: the matrix.
        path: of the PNG; an SVG of the same name is written beside it.
        title: such as the model's name.

    Returns:
        The path of the PNG.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    size = len(confusion.classes)
    low, high = confusion.bounds
    with _style({"axes.grid": False}):
        figure = _figure(1.9 + 0.62 * size, 1.3 + 0.58 * size)
        axes = figure.add_subplot()
        # The square root brings out the small entries without hiding that the diagonal is large.
        norm = require("matplotlib.colors", "plots").PowerNorm(0.5, 0, 1)
        image = axes.imshow(confusion.matrix, cmap="Blues", norm=norm)
        for row, column in np.ndindex(size, size):
            value = confusion.matrix[row, column]
            if math.isnan(value):
                continue
            colour = "white" if value > 0.4 else "black"
            where = {"ha": "center", "color": colour, "in_layout": False}
            axes.text(column, row + 0.02, f"{value:.3f}", va="bottom", fontsize=8.5, **where)
            error = float(high[row, column] - low[row, column]) / 2
            axes.text(column, row + 0.06, f"±{_short(error)}", va="top", fontsize=6, **where)
        names = [_symbol(name) for name in confusion.classes]
        axes.set_xticks(range(size), names)
        axes.set_yticks(range(size), names)
        axes.tick_params(length=0)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(title)
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
        bar.set_label("share of the true class")
        return _save(figure, path)


def flavour_plot(
    models: Mapping[str, Confusion],
    path: Path,
    published: Mapping[str, Mapping[str, float]] | None = None,
) -> Path:
    """Tagging efficiencies and charge flip rates by flavour, with 68 % intervals, of one or more models.

    Args:
        models: the matrix of each model, by its name.
        path: of the PNG; an SVG of the same name is written beside it.
        published: figures named as in `Confusion.figures`, by their origin; drawn without errors.

    Raises:
        InputError: there is no model, or their classes differ.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    kinds = [set(confusion.classes) for confusion in models.values()]
    if not kinds or any(kind != kinds[0] for kind in kinds):
        raise InputError("efficiencies are drawn of one or more models with the same classes")
    names = list(tags(next(iter(models.values())).classes))
    flips = [name for name in names if all(f"flip_{name}" in c.figures for c in models.values())]
    panels = [("efficiency", "tagging efficiency", names)]
    panels += [("flip", "charge flip rate", flips)] if flips else []
    with _style():
        figure = _figure(1.5 + 0.75 * (len(names) + len(flips)), 4.2)
        widths = [len(panel[2]) + 0.5 for panel in panels]
        all_axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
        for axes, (kind, label, flavours) in zip(all_axes, panels, strict=True):
            _flavour_panel(axes, kind, flavours, models, published or {})
            axes.set_ylabel(label)
            axes.set_xlabel("flavour (particle and antiparticle)" if flips else "class")
        figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return _save(figure, path)


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
        found = np.array([confusion.figures[f"{kind}_{flavour}"] for flavour in flavours])
        bars = np.abs(found[:, 2:].T - found[:, 0])
        axes.errorbar(places + shift + k * step, found[:, 0], bars, fmt=_MARKERS[k % 7], ms=5,
                      color=_COLOURS[k % 7], label=name)  # fmt: skip
    for k, (name, figures) in enumerate(published.items(), start=len(models)):
        values = [figures.get(f"{kind}_{flavour}", math.nan) for flavour in flavours]
        axes.errorbar(places + shift + k * step, values, fmt=_MARKERS[k % 7], ms=6, mfc="none",
                      color=_COLOURS[k % 7], label=name)  # fmt: skip
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
        path: of the PNG; an SVG of the same name is written beside it.
        xlabel: what is signal.
        ylabel: what is background.

    Raises:
        InputError: there is no curve.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    if not curves:
        raise InputError("there is no ROC curve to draw")
    with _style():
        figure = _figure(5.6, 4.6)
        axes = figure.add_subplot()
        lowest = 1.0
        for k, (name, curve) in enumerate(curves.items()):
            where = _thinned(curve)
            x, y = curve.signal_efficiency[where], curve.background_efficiency[where]
            error = np.sqrt(y * (1 - y) / curve.background_passed[-1])
            seen = y > 0
            lowest = min(lowest, *y[seen])
            axes.plot(x[seen], y[seen], ls=_DASHES[k % 7], color=_COLOURS[k % 7], lw=1.4, label=name)
            axes.fill_between(x[seen], np.maximum(y - error, 1e-12)[seen], (y + error)[seen],
                              color=_COLOURS[k % 7], alpha=0.2, lw=0)  # fmt: skip
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
        return _save(figure, path)


def _thinned(curve: Roc) -> Array:
    """Positions of at most `_POINTS` points: even along signal, and along the logarithm of background."""
    size = len(curve.thresholds)
    if size <= _POINTS:
        return np.arange(size)
    signal = np.searchsorted(curve.signal_efficiency, np.linspace(0, 1, _POINTS // 2))
    wanted = np.geomspace(1, curve.background_passed[-1], _POINTS // 2)
    background = np.searchsorted(curve.background_passed, wanted)
    return np.unique(np.clip(np.concatenate([signal, background]), 0, size - 1))


def learning_curves(metrics_rows: Iterable[Mapping[str, Any]], path: Path) -> Path:
    """Training and validation loss, and validation accuracy, as a run's `metrics.jsonl` has them.

    Args:
        metrics_rows: rows with `step`, `epoch`, and `loss` or `validation_loss` and `validation_accuracy`; a
            figure that is None (it was not finite) leaves a gap.
        path: of the PNG; an SVG of the same name is written beside it.

    Raises:
        InputError: no row has a loss.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    rows = list(metrics_rows)
    unit = "epoch" if rows and all("epoch" in row for row in rows) else "step"
    training = _course(rows, unit, "loss")
    validation = _course(rows, unit, "validation_loss")
    accuracy = _course(rows, unit, "validation_accuracy")
    if not len(training[0]) + len(validation[0]):
        raise InputError("there are no learning curves yet: no row of metrics has a loss")
    with _style():
        figure = _figure(6.4, 5.6 if len(accuracy[0]) else 3.6)
        panels = figure.subplots(2 if len(accuracy[0]) else 1, 1, sharex=True, squeeze=False)[:, 0]
        loss = panels[0]
        if len(training[0]):
            loss.plot(*training, color=_COLOURS[0], lw=0.9, alpha=0.9, label="training")
        if len(validation[0]):
            loss.plot(*validation, color=_COLOURS[1], marker="s", ms=4, lw=1.2, ls="--", label="validation")
            _mark_best(loss, *validation, lowest=True)
        loss.set_ylabel("loss (cross entropy)")
        loss.legend()
        if len(accuracy[0]):
            panels[1].plot(
                *accuracy, color=_COLOURS[1], marker="s", ms=4, lw=1.2, ls="--", label="validation"
            )
            _mark_best(panels[1], *accuracy, lowest=False)
            panels[1].set_ylabel("accuracy")
            panels[1].legend(loc="lower right")
        panels[-1].set_xlabel(unit)
        return _save(figure, path)


def _course(rows: Sequence[Mapping[str, Any]], unit: str, name: str) -> tuple[Array, Array]:
    """Where a figure was written, and its values; NaN where it was not finite."""
    found = [(row[unit], math.nan if row[name] is None else row[name]) for row in rows if name in row]
    x, y = np.array(found, np.float64).reshape(-1, 2).T
    return x, y


def _mark_best(axes: Any, x: Array, y: Array, *, lowest: bool) -> None:
    if np.isnan(y).all():
        return
    best = int(np.nanargmin(y) if lowest else np.nanargmax(y))
    axes.plot(x[best], y[best], marker="*", ms=12, color=_COLOURS[6], ls="none", label=f"best: {y[best]:.4f}")


def s_curves(
    table_rows: Iterable[Mapping[str, Any]],
    path: Path,
    metric: str = "accuracy",
    ylabel: str = "",
    chance: float | None = None,
) -> Path:
    """A figure of merit against the number of training jets, one line a model.

    Points are means over seeds, bars the standard deviation over seeds; each single training is a small dot.

    Args:
        table_rows: rows with `model`, `jets` (training jets) and the figure; one a training.
        path: of the PNG; an SVG of the same name is written beside it.
        metric: which figure; rows where it is absent or None are left out.
        ylabel: what the axis says; the figure's name if empty.
        chance: what guessing gives; drawn as a line.

    Raises:
        InputError: no row has the figure.
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    found: dict[str, dict[float, list[float]]] = {}
    for row in table_rows:
        if row.get(metric) is not None:
            found.setdefault(str(row["model"]), {}).setdefault(float(row["jets"]), []).append(row[metric])
    if not found:
        raise InputError(f"no row of the table has the figure {metric!r}")
    with _style():
        figure = _figure(6.2, 4.4)
        axes = figure.add_subplot()
        for k, (model, sizes) in enumerate(found.items()):
            colour = _COLOURS[k % 7]
            x = np.array(sorted(sizes))
            mean = [np.mean(sizes[jets]) for jets in x]
            # One training tells nothing of the spread: no bar, rather than one of length 0.
            spread = [np.std(sizes[jets], ddof=1) if len(sizes[jets]) > 1 else math.nan for jets in x]
            axes.errorbar(x, mean, spread, marker=_MARKERS[k % 7], ms=5, lw=1.3, ls=_DASHES[k % 7],
                          color=colour, label=model)  # fmt: skip
            several = [(jets, value) for jets in x if len(sizes[jets]) > 1 for value in sizes[jets]]
            if several:
                axes.plot(*zip(*several, strict=True), ".", ms=3, color=colour, alpha=0.5)
        if chance is not None:
            line = axes.axhline(chance, color="0.5", lw=0.9, ls=":")
        axes.set(xscale="log", xlabel="training jets", ylabel=ylabel or metric.replace("_", " "))
        handles, labels = axes.get_legend_handles_labels()
        if chance is not None:  # after the models, which matplotlib would list behind it
            handles, labels = [*handles, line], [*labels, "chance"]
        axes.legend(handles, labels)
        return _save(figure, path)


def _symbol(name: str) -> str:
    """A quark's or gluon's symbol; other classes by their names."""
    if len(name) == 1:
        return f"${name}$"
    if len(name) == 4 and name.endswith("bar"):
        return rf"$\bar{{{name[0]}}}$"
    return name


def _short(error: float) -> str:
    """An error with the digits that fit a cell."""
    return f"{error:.4f}" if error >= 0.00005 else "< 0.0001"


def _figure(width: float, height: float) -> Any:
    """A figure that belongs to no window and no global state."""
    return require("matplotlib.figure", "plots").Figure(
        figsize=(width, height), layout="constrained", dpi=150
    )


def _style(more: Mapping[str, Any] | None = None) -> Any:
    return require("matplotlib", "plots").rc_context({**_STYLE, **(more or {})})


def _save(figure: Any, path: Path) -> Path:
    """Write the figure as PNG and SVG beside each other; equal figures give equal bytes."""
    path = Path(path)
    png = path if path.suffix == ".png" else path.with_name(path.name + ".png")
    # SVG would otherwise hold the time of writing.
    for target, metadata in ((png, {}), (png.with_suffix(".svg"), {"Date": None})):
        picture = io.BytesIO()
        figure.savefig(picture, format=target.suffix[1:], metadata=metadata)
        figure.set_layout_engine("none")  # found once, kept for the second
        atomic_write(target, picture.getvalue())
    return png
