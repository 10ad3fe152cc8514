"""Evaluates one or more taggers on the same jets: figures with uncertainties, differences, plots, one report."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from yukawa import __version__
from yukawa.core.errors import InputError
from yukawa.core.files import atomic_write, report_write_errors
from yukawa.jets.columns import flavours
from yukawa.jets.evaluation import plots
from yukawa.jets.evaluation.metrics import (
    Confusion,
    Estimate,
    McNemar,
    Symmetry,
    charge_symmetry,
    count_cells,
    jackknife_errors,
    mcnemar,
    paired_differences,
    tags,
)
from yukawa.jets.evaluation.prediction import Predictions, predict, probabilities
from yukawa.jets.evaluation.published import PUBLISHED, PUBLISHED_SOURCE
from yukawa.jets.evaluation.report import page
from yukawa.jets.evaluation.roc import (
    Roc,
    WorkingPoint,
    auc,
    auc_difference,
    auc_pairs,
    roc,
    score_against,
    working_point,
)
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.manifest import MANIFEST
from yukawa.jets.io.source import open_source
from yukawa.jets.table import Array
from yukawa.runs.run import MODEL, RECIPE, Run

FOLDER = "evaluation"
WORKING_POINTS = (0.5, 0.8)
EVENT = "jet_event"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scores:
    """What a tagger says of B labelled jets.

    Attributes:
        probabilities: (B, C), finite.
        labels: (B,), 0 … C - 1.
        events: (B,), the event of each jet; None where unknown.
        classes: names of the classes.
        notes: what was not as usual in the prediction.
    """

    probabilities: Array
    labels: Array
    events: Array | None
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def predicted(self) -> Array:
        """The most probable class of each jet."""
        return self.probabilities.argmax(axis=1)


@dataclass(frozen=True)
class Measured:
    """The figures of one tagger.

    Attributes:
        confusion: its matrix, with accuracy, efficiencies and flips.
        clustered: their errors when jets of one event count as alike; None where events are unknown.
        auc: one-versus-rest AUC of each class that has jets and is not alone.
        auc_pairs: the mean AUC over ordered pairs of classes.
        rejections: by signal and background (flavours, charges together): at each working point.
        curves: ROC curve of each flavour against all the rest.
        symmetry: of particles and antiparticles; None where no class has its antiparticle.
        notes: what was not as usual.
    """

    confusion: Confusion
    clustered: Mapping[str, float] | None
    auc: Mapping[str, Estimate]
    auc_pairs: Estimate
    rejections: Mapping[tuple[str, str], Sequence[WorkingPoint]]
    curves: Mapping[str, Roc]
    symmetry: Symmetry | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """How a second tagger differs from a first on the same jets: differences (second - first) with paired errors."""

    first: str
    second: str
    figures: Mapping[str, tuple[float, float]]
    auc: Mapping[str, tuple[float, float]]
    accuracy: McNemar


@dataclass(frozen=True)
class Report:
    """An evaluation.

    Attributes:
        data: what the jets are.
        jets: how many labelled jets were measured.
        models: figures of each tagger, by name.
        comparisons: of each further tagger with the first.
        published: published figures, by origin; empty unless asked for.
        folder: where the files are; None if nothing was written.
    """

    data: str
    jets: int
    models: Mapping[str, Measured]
    comparisons: tuple[Comparison, ...]
    published: Mapping[str, Mapping[str, float]]
    folder: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a figure that is NaN or infinite is None."""
        return {
            "yukawa": __version__,
            "data": self.data,
            "jets": self.jets,
            "models": {name: _model_dict(measured) for name, measured in self.models.items()},
            "comparisons": [_comparison_dict(comparison) for comparison in self.comparisons],
            "published": {"source": PUBLISHED_SOURCE, "figures": dict(self.published)}
            if self.published
            else None,
        }

    def to_markdown(self) -> str:
        """The report as a page for people."""
        return page(self)


def evaluate(
    models: Path | Sequence[Path] | Mapping[str, Path],
    data: Path | JetSource | None = None,
    *,
    split: str | None = None,
    out: Path | None = None,
    published: bool = False,
    batch: int = 1024,
    device: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate saved models or runs on the same labelled jets and write `report.json`, `report.md` and plots.

    Args:
        models: folders of saved models or of runs; with names, or named after their folders.
        data: the jets; None takes the data set of the (first) run.
        split: of a data set; None takes its test jets, or all jets where there are no splits.
        out: the folder to write to; None takes `evaluation` in the run, if there is but one.
        published: put the published figures of jet origin beside.
        batch: jets that go through a network at once.
        device: of PyTorch; None takes a GPU if there is one.
        progress: called with the jets done and to do, over all models.

    Raises:
        NotFound: a folder holds neither a model nor a run.
        InputError: there is no place to write to, the jets have no labels, a model's probabilities are not
            finite, the models have different classes or select different jets, or as in `predict`.
        StoreError: the disk refuses.
    """
    named = _named(models)
    folder = _folder(list(named.values()), out)
    source, what = _source(next(iter(named.values())), data, split)
    total = len(source) * len(named)
    scores: dict[str, Scores] = {}
    for number, (name, path) in enumerate(named.items()):
        before = number * len(source)

        def report(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        predictions = predict(_model(path), source, batch=batch, device=device, progress=report)
        scores[name] = labelled_scores(predictions, name)
    found = compare(scores, what, published=published)
    return write(found, folder)


def labelled_scores(predictions: Predictions, name: str = "the model") -> Scores:
    """The labelled jets of some predictions.

    Raises:
        InputError: there are no labels, or a probability is not finite.
    """
    rows, classes = predictions.table(), predictions.classes
    scores_BC, labels_B = probabilities(rows, classes), rows.labels(classes)
    bad = int(np.sum(~np.isfinite(scores_BC).all(axis=1)))
    if bad:
        raise InputError(
            f"{name} gives {bad:,} of {len(labels_B):,} jets no finite probability",
            hint="look at these jets with `predict`, and at the model's training for a loss that is not finite",
        )
    known = labels_B >= 0
    if not known.any():
        raise InputError(f"no jet is of one of the classes of {name}: {', '.join(classes)}")
    notes = predictions.notes
    if not known.all():
        notes = [*notes, f"{int(np.sum(~known)):,} jets are of none of the classes and were not measured"]
    events = rows.scalars.get(EVENT)
    return Scores(
        scores_BC[known], labels_B[known], None if events is None else events[known], classes, tuple(notes)
    )


def compare(scores: Mapping[str, Scores], data: str = "", *, published: bool = False) -> Report:
    """Measure taggers on the same jets, and each further one against the first; nothing is written.

    Raises:
        InputError: the taggers have different classes or jets, or `published` is asked for other classes than
            those of jet origin.
    """
    names = list(scores)
    first = scores[names[0]]
    anchors = PUBLISHED if published else {}
    if published and not {"b", "c", "s", "u", "d", "g"} <= set(tags(first.classes)):
        raise InputError(
            f"the published figures are of the jet-origin classes, not of {', '.join(first.classes)}",
            hint="leave them out",
        )
    aligned = {name: _aligned(first, names[0], other, name) for name, other in scores.items()}
    return Report(
        data=data,
        jets=len(first.labels),
        models={name: measure(one) for name, one in aligned.items()},
        comparisons=tuple(_comparison(names[0], first, name, aligned[name]) for name in names[1:]),
        published=anchors,
    )


def measure(scores: Scores) -> Measured:
    """All figures of one tagger."""
    classes, labels, predicted = scores.classes, scores.labels, scores.predicted
    counts_CC = count_cells(labels, predicted, len(classes))[0]
    groups = {
        name: [classes[k] for k in members]
        for name, members in tags(classes).items()
        if np.isin(labels, members).any()
    }
    empty = [name for k, name in enumerate(classes) if not counts_CC[k].any()]
    notes = [*scores.notes, *([f"there are no jets of class {', '.join(empty)}"] if empty else [])]
    return Measured(
        confusion=Confusion.from_counts(counts_CC, classes),
        clustered=None
        if scores.events is None
        else jackknife_errors(labels, predicted, scores.events, classes),
        auc={name: auc(*sides) for name, sides in _one_against_rest(scores).items()},
        auc_pairs=auc_pairs(scores.probabilities, labels),
        rejections={
            (s, b): _working_points(scores, groups[s], groups[b]) for s, b in permutations(groups, 2)
        },
        curves=_curves(scores, groups),
        symmetry=charge_symmetry(counts_CC, classes) if flavours(classes) else None,
        notes=tuple(notes),
    )


def write(report: Report, folder: Path) -> Report:
    """Write a report with its plots into `folder`, which is made if need be.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    folder = Path(folder)
    with report_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    matrices = {name: measured.confusion for name, measured in report.models.items()}
    for name, measured in report.models.items():
        suffix = f"-{name}" if len(matrices) > 1 else ""
        plots.matrix_plot(measured.confusion, folder / f"matrix{suffix}.png", name)
        if measured.curves:
            plots.roc_plot(
                measured.curves, folder / f"roc{suffix}.png", ylabel="efficiency for all other jets"
            )
    plots.flavour_plot(matrices, folder / "flavours.png", report.published)
    atomic_write(folder / "report.md", report.to_markdown())
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(folder / "report.json", text + "\n")
    return Report(**{**vars(report), "folder": folder})


def _one_against_rest(scores: Scores) -> dict[str, tuple[Array, Array]]:
    """Of each class with jets: its probability for its own jets, and for all others."""
    sides = {}
    for k, name in enumerate(scores.classes):
        own = scores.labels == k
        if own.any() and not own.all():
            sides[name] = (scores.probabilities[own, k], scores.probabilities[~own, k])
    return sides


def _working_points(scores: Scores, signal: list[str], background: list[str]) -> list[WorkingPoint]:
    ours, theirs = (
        score_against(scores.probabilities[_among(scores, side)], scores.classes, signal, background)
        for side in (signal, background)
    )
    curve = roc(ours, theirs)
    return [working_point(curve, efficiency) for efficiency in WORKING_POINTS]


def _among(scores: Scores, names: Sequence[str]) -> Array:
    """Which jets are of one of the classes `names`."""
    return np.isin(scores.labels, [scores.classes.index(name) for name in names])


def _curves(scores: Scores, groups: Mapping[str, list[str]]) -> dict[str, Roc]:
    curves = {}
    for name, members in groups.items():
        rest = [other for other in scores.classes if other not in members]
        own = _among(scores, members)
        if rest and not own.all():
            score = score_against(scores.probabilities, scores.classes, members, rest)
            curves[name] = roc(score[own], score[~own])
    return curves


def _aligned(first: Scores, first_name: str, other: Scores, name: str) -> Scores:
    """The scores of `other` in the order of the first's classes, on the same jets."""
    if set(other.classes) != set(first.classes):
        raise InputError(
            f"{first_name} and {name} cannot be compared: one tells {', '.join(first.classes)} apart, "
            f"the other {', '.join(other.classes)}"
        )
    order = np.array([other.classes.index(wanted) for wanted in first.classes])
    place = np.argsort(order)
    labels = place[other.labels]
    if not np.array_equal(labels, first.labels):
        raise InputError(
            f"{first_name} and {name} cannot be compared: they were not given the same jets",
            hint="look at the selections of their data configs",
        )
    return Scores(other.probabilities[:, order], labels, other.events, first.classes, other.notes)


def _comparison(first_name: str, first: Scores, name: str, other: Scores) -> Comparison:
    one, two = _one_against_rest(first), _one_against_rest(other)
    return Comparison(
        first_name,
        name,
        paired_differences(first.labels, first.predicted, other.predicted, first.classes, first.events),
        {label: auc_difference(one[label], two[label]) for label in one},
        mcnemar(first.labels, first.predicted, other.predicted),
    )


# ---- where things are


def _named(models: Path | Sequence[Path] | Mapping[str, Path]) -> dict[str, Path]:
    """Models by name; a model that lies in a run is called as the run."""
    if isinstance(models, Mapping):
        named = {name: Path(path) for name, path in models.items()}
    else:
        paths = [models] if isinstance(models, (str, Path)) else list(models)
        named = {}
        for path in map(Path, paths):
            whole = path.resolve()
            name = whole.parent.name if whole.name == MODEL else whole.name
            if name in named:
                raise InputError(
                    f"two models are called {name!r}", hint="give each a name of its own: NAME=FOLDER"
                )
            named[name] = path
    if not named:
        raise InputError("no model was named", hint="name the folder of a run or of a model")
    for name in named:
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise InputError(
                f"{name!r} cannot name a model: its plots are called so",
                hint="leave out slashes and leading dots",
            )
    return named


def _model(path: Path) -> Path:
    """The folder of the model itself, where `path` may be its run."""
    return path / MODEL if (path / RECIPE).exists() else path


def _run(path: Path) -> Path | None:
    """The run that a model belongs to, if any."""
    return next((folder for folder in (path, path.resolve().parent) if (folder / RECIPE).exists()), None)


def _folder(paths: Sequence[Path], out: Path | None) -> Path:
    if out is not None:
        return Path(out)
    run = _run(paths[0])
    if len(paths) > 1 or run is None:
        if len(paths) == 1:
            from yukawa.jets.models.saving import model_folder

            model_folder(paths[0])  # says so where there is none
        what = "several models are" if len(paths) > 1 else f"{paths[0]} is not a run and is"
        raise InputError(f"{what} evaluated, and no folder is named for the report", hint="add --out FOLDER")
    return run / FOLDER


def _source(path: Path, data: Path | JetSource | None, split: str | None) -> tuple[JetSource, str]:
    """The jets, and what they are in words."""
    if isinstance(data, JetSource):
        return data, ", ".join(dict.fromkeys(str(p.parent) for p in data.paths))
    if data is None:
        run = _run(path)
        recorded = _recorded(Run.open(run).recipe) if run else ()
        if len(recorded) != 1:
            came = f": it learned from {' and '.join(recorded)}" if recorded else ""
            raise InputError(
                f"{path} does not say which jets to evaluate on{came}", hint="name a data set: --data PATH"
            )
        data = Path(recorded[0])
    if split is None and (Path(data) / MANIFEST).exists():
        split = "test"
    return open_source(data, split), f"{data}" + (f", split {split}" if split else "")


def _recorded(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the jets of a run lie; those of a mixture are what its questions are about."""
    sources = [recipe.get("data") or {}]
    sources += [each for each in (recipe.get("mixture") or {}).values() if each.get("kind") == "questions"]
    return tuple(dict.fromkeys(source["path"] for source in sources if source.get("path") is not None))


# ---- plain values


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _estimate_dict(estimate: Estimate) -> dict[str, float | None]:
    return {name: _number(value) for name, value in estimate._asdict().items()}


def _difference_dict(differences: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    return {n: {"difference": _number(d), "error": _number(e)} for n, (d, e) in differences.items()}


def _model_dict(measured: Measured) -> dict[str, Any]:
    confusion, symmetry = measured.confusion, measured.symmetry
    figures: dict[str, dict[str, float | None]] = {n: _estimate_dict(e) for n, e in confusion.figures.items()}
    for name, error in (measured.clustered or {}).items():
        figures[name]["clustered_error"] = _number(error)
    rejections: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for (signal, background), points in measured.rejections.items():
        rejections.setdefault(signal, {})[background] = [
            {
                "signal_efficiency": point.signal_efficiency,
                "background_efficiency": _estimate_dict(point.background_efficiency),
                "rejection": _estimate_dict(point.rejection),
            }
            for point in points
        ]
    return {
        "classes": list(confusion.classes),
        "jets": [int(jets) for jets in confusion.jets],
        "matrix": [[_number(value) for value in row] for row in confusion.matrix],
        "figures": figures,
        "auc": {name: _estimate_dict(estimate) for name, estimate in measured.auc.items()},
        "auc_pairs": _estimate_dict(measured.auc_pairs),
        "rejections": rejections,
        "charge_symmetry": None if symmetry is None else symmetry._asdict(),
        "notes": list(measured.notes),
    }


def _comparison_dict(comparison: Comparison) -> dict[str, Any]:
    return {
        "first": comparison.first,
        "second": comparison.second,
        "figures": _difference_dict(comparison.figures),
        "auc": _difference_dict(comparison.auc),
        "mcnemar": comparison.accuracy._asdict(),
    }
