"""The metrics of taggers on labelled jets, and how taggers differ on the same jets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from yukawa import __version__
from yukawa.core.errors import InputError
from yukawa.core.reports import plain
from yukawa.core.statistics import Estimate
from yukawa.core.yaml_files import read_table
from yukawa.jets.evaluation import metrics, roc
from yukawa.jets.evaluation.prediction import Predictions, probabilities
from yukawa.jets.table import Array, Jets, check_columns, flavours

WORKING_POINTS = (0.5, 0.8)
EVENT = "jet_event"

KINDS = {"efficiency": "tagging efficiency", "flip": "charge flip rate"}
_WORDS = {"accuracy": "accuracy", "mean_diagonal": "mean diagonal", "auc": "AUC, mean over pairs of classes"}


def words(metric: str) -> str:
    """A metric's name for people."""
    kind, _, flavour = metric.partition("_")
    return _WORDS.get(metric) or f"{KINDS.get(kind, kind)} of {flavour}"


def kind_of(metric: str) -> str:
    """The one of `KINDS` that a metric belongs to; empty for a metric of all classes."""
    return "" if metric in _WORDS else metric.partition("_")[0]


@dataclass(frozen=True)
class PublishedTagger:
    """What others found for a tagger.

    Attributes:
        source: where the figures stand, and how they were read.
        figures: named as in `Confusion.figures`; not every source gives all.
    """

    source: str
    figures: Mapping[str, float]


def published_taggers() -> dict[str, PublishedTagger]:
    """The published taggers of jet origin, by name."""
    table = read_table(Path(__file__).with_name("published.yaml"))
    return {name: PublishedTagger(**entry) for name, entry in table.items()}


@dataclass(frozen=True)
class Scores:
    """The probabilities that a tagger gives to B labelled jets.

    Attributes:
        probabilities: (B, C), finite.
        labels: (B,), 0 … C - 1.
        events: (B,), the event of each jet; None where unknown.
        classes: names of the classes.
        notes: remarks on the prediction.
        weights: (B,), positive; None where all are 1.
    """

    probabilities: Array
    labels: Array
    events: Array | None
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    weights: Array | None = None

    @property
    def predicted(self) -> Array:
        """The index of the most probable class of each jet, shape (jets,)."""
        return self.probabilities.argmax(axis=1)


@dataclass(frozen=True)
class TaggerMetrics:
    """The metrics of one tagger.

    Attributes:
        confusion: its matrix, with accuracy, efficiencies and flips.
        clustered: their errors if jets of one event are not independent; None where events are unknown.
        auc: one-versus-rest AUC of each class that has jets, unless it is the only one.
        auc_pairs: the mean AUC over ordered pairs of classes.
        rejections: by signal and background (flavours, charges together): at each working point.
        curves: ROC curve of each flavour against all the rest.
        symmetry: of particles and antiparticles; None where no class has its antiparticle, or jets have weights.
        notes: remarks on the prediction and on the jets.
    """

    confusion: metrics.Confusion
    clustered: Mapping[str, float] | None
    auc: Mapping[str, Estimate]
    auc_pairs: Estimate
    rejections: Mapping[tuple[str, str], Sequence[roc.WorkingPoint]]
    curves: Mapping[str, roc.Roc]
    symmetry: metrics.Symmetry | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a value that is NaN or infinite is None."""
        values = plain(self.confusion.figures)
        for name, error in (self.clustered or {}).items():
            values[name]["clustered_error"] = plain(error)
        rejections: dict[str, dict[str, Any]] = {}
        for (signal, background), points in self.rejections.items():
            rejections.setdefault(signal, {})[background] = plain(points)
        return {
            "classes": list(self.confusion.classes), "jets": plain(self.confusion.jets),
            "effective_jets": plain(self.confusion.effective),
            "matrix": plain(self.confusion.matrix), "figures": values,
            "auc": plain(self.auc), "auc_pairs": plain(self.auc_pairs), "rejections": rejections,
            "charge_symmetry": plain(self.symmetry), "notes": list(self.notes),
        }  # fmt: skip


@dataclass(frozen=True)
class TaggerComparison:
    """How a second tagger differs from a first on the same jets.

    Attributes:
        first: name of the first.
        second: name of the second.
        figures: differences (second - first), named as in `Confusion.figures`.
        auc: likewise, of the AUC of each class.
        mcnemar: whether one of the two is right more often, each jet counted once whatever its weight.
    """

    first: str
    second: str
    figures: Mapping[str, metrics.PairedDifference]
    auc: Mapping[str, metrics.PairedDifference]
    mcnemar: metrics.McNemar


@dataclass(frozen=True)
class TaggerReport:
    """An evaluation.

    Attributes:
        data: description of the jets.
        jets: how many labelled jets were measured.
        models: metrics of each tagger, by name.
        comparisons: of each further tagger with the first.
        published: published taggers, by name; empty unless requested.
        folder: where the files are; None if nothing was written.
    """

    data: str
    jets: int
    models: Mapping[str, TaggerMetrics]
    comparisons: tuple[TaggerComparison, ...]
    published: Mapping[str, PublishedTagger]
    folder: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a value that is NaN or infinite is None."""
        return {
            "yukawa": __version__, "data": self.data, "jets": self.jets,
            "models": {name: found.to_dict() for name, found in self.models.items()},
            "comparisons": plain(self.comparisons), "published": plain(self.published) or None,
        }  # fmt: skip


def labelled_scores(predictions: Predictions, name: str = "the model", weight: str | None = None) -> Scores:
    """The labelled jets of some predictions; those of weight 0 are omitted.

    Args:
        predictions: rows with scores and labels.
        name: of the model, for messages.
        weight: the column that holds the jets' weights; None gives each the weight 1.

    Raises:
        InputError: there are no labels, a probability is not finite, or a weight is negative or not finite.
    """
    rows, classes = predictions.table(), predictions.classes
    scores_BC, labels_B = probabilities(rows, classes), rows.labels(classes)
    bad = int(np.sum(~np.isfinite(scores_BC).all(axis=1)))
    if bad:
        raise InputError(
            f"{name} gives no finite probability for {bad:,} of {len(labels_B):,} jets",
            hint="look at these jets with `predict`, and at the model's training for a loss that is not finite",
        )
    known = labels_B >= 0
    if not known.any():
        raise InputError(f"no jet belongs to any class of {name}: {', '.join(classes)}")
    notes = predictions.notes
    if not known.all():
        notes = [*notes, f"{int(np.sum(~known)):,} jets are of none of the classes and were not measured"]
    weights = None
    if weight is not None:
        weights = jet_weights(rows, weight)
        if (nothing := int(np.sum(known & (weights == 0)))) > 0:
            notes = [*notes, f"{nothing:,} jets have the weight 0 and do not count"]
        known &= weights > 0
        if not known.any():
            raise InputError(f"{weight} is 0 for every jet of the classes: there is nothing to measure")
        weights = weights[known]
    events = rows.scalars.get(EVENT)
    return Scores(
        scores_BC[known],
        labels_B[known],
        None if events is None else events[known],
        classes,
        tuple(notes),
        weights,
    )


def jet_weights(rows: Jets, column: str) -> Array:
    """The weights of the jets, float64, shape (jets,).

    Raises:
        InputError: there is no such column, or a weight is negative or not finite.
    """
    check_columns([column], tuple(rows.scalars), "the jets")
    weights = np.asarray(rows.scalars[column], np.float64)
    for what, wrong in (("not finite", ~np.isfinite(weights)), ("negative", weights < 0)):
        if (bad := int(wrong.sum())) > 0:
            raise InputError(
                f"{column} is {what} for {bad:,} of {len(weights):,} jets",
                hint="efficiencies and their errors need weights of 0 or more; choose another column, or mend this one",
            )
    return weights


def compare(scores: Mapping[str, Scores], data: str = "", *, published: bool = False) -> TaggerReport:
    """Measure taggers on the same jets, and each further one against the first; nothing is written.

    Raises:
        InputError: the taggers have different classes or jets, or `published` is requested for other classes than
            those of jet origin.
    """
    names = list(scores)
    first = scores[names[0]]
    if published and not {"b", "c", "s", "u", "d", "g"} <= set(metrics.tags(first.classes)):
        raise InputError(
            f"the published values are for the jet-origin classes, not for {', '.join(first.classes)}",
            hint="omit them",
        )
    aligned = {name: _aligned(first, names[0], other, name) for name, other in scores.items()}
    return TaggerReport(
        data=data,
        jets=len(first.labels),
        models={name: measure(one) for name, one in aligned.items()},
        comparisons=tuple(_comparison(names[0], first, name, aligned[name]) for name in names[1:]),
        published=published_taggers() if published else {},
    )


def measure(scores: Scores) -> TaggerMetrics:
    """All metrics of one tagger."""
    classes, labels, predicted = scores.classes, scores.labels, scores.predicted
    confusion = metrics.Confusion.from_predictions(labels, predicted, classes, scores.weights)
    groups = {
        name: [classes[k] for k in members]
        for name, members in metrics.tags(classes).items()
        if np.isin(labels, members).any()
    }
    empty = [name for k, name in enumerate(classes) if not confusion.jets[k]]
    notes = [*scores.notes, *([f"there are no jets of class {', '.join(empty)}"] if empty else [])]
    clustered = None
    if scores.events is not None:
        clustered = metrics.jackknife_errors(
            labels, predicted, scores.events, classes, weights_B=scores.weights
        )
    symmetry = None
    if flavours(classes) and scores.weights is None:
        symmetry = metrics.charge_symmetry(metrics.count_cells(labels, predicted, len(classes))[0], classes)
    return TaggerMetrics(
        confusion=confusion,
        clustered=clustered,
        auc={
            name: roc.auc(*sides, *_weights_of(scores, name))
            for name, sides in _one_against_rest(scores).items()
        },
        auc_pairs=roc.auc_pairs(scores.probabilities, labels, scores.weights),
        rejections={
            (s, b): _working_points(scores, groups[s], groups[b]) for s, b in permutations(groups, 2)
        },
        curves=_curves(scores, groups),
        symmetry=symmetry,
        notes=tuple(notes),
    )


def _one_against_rest(scores: Scores) -> dict[str, tuple[Array, Array]]:
    """Of each class with jets: its probability for its own jets, and for all others."""
    sides = {}
    for k, name in enumerate(scores.classes):
        own = scores.labels == k
        if own.any() and not own.all():
            sides[name] = (scores.probabilities[own, k], scores.probabilities[~own, k])
    return sides


def _weights_of(scores: Scores, name: str) -> tuple[Array | None, Array | None]:
    """The weights of the jets of a class, and of all others."""
    if scores.weights is None:
        return None, None
    own = scores.labels == scores.classes.index(name)
    return scores.weights[own], scores.weights[~own]


def _working_points(scores: Scores, signal: list[str], background: list[str]) -> list[roc.WorkingPoint]:
    sides = [_among(scores, side) for side in (signal, background)]
    ours, theirs = (
        roc.score_against(scores.probabilities[side], scores.classes, signal, background) for side in sides
    )
    curve = roc.roc(
        ours, theirs, *(None if scores.weights is None else scores.weights[side] for side in sides)
    )
    return [roc.working_point(curve, efficiency) for efficiency in WORKING_POINTS]


def _among(scores: Scores, names: Sequence[str]) -> Array:
    """Which jets are of one of the classes `names`."""
    return np.isin(scores.labels, [scores.classes.index(name) for name in names])


def _curves(scores: Scores, groups: Mapping[str, list[str]]) -> dict[str, roc.Roc]:
    curves = {}
    for name, members in groups.items():
        rest = [other for other in scores.classes if other not in members]
        own = _among(scores, members)
        if rest and not own.all():
            score = roc.score_against(scores.probabilities, scores.classes, members, rest)
            weights = (None, None) if scores.weights is None else (scores.weights[own], scores.weights[~own])
            curves[name] = roc.roc(score[own], score[~own], *weights)
    return curves


def _aligned(first: Scores, first_name: str, other: Scores, name: str) -> Scores:
    """The scores of `other` in the order of the first's classes, on the same jets."""
    if set(other.classes) != set(first.classes):
        raise InputError(
            f"{first_name} and {name} cannot be compared: one distinguishes {', '.join(first.classes)}, "
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
    return replace(other, probabilities=other.probabilities[:, order], labels=labels, classes=first.classes)


def _comparison(first_name: str, first: Scores, name: str, other: Scores) -> TaggerComparison:
    one, two = _one_against_rest(first), _one_against_rest(other)
    guesses = (first.labels, first.predicted, other.predicted)
    return TaggerComparison(
        first_name,
        name,
        metrics.paired_differences(*guesses, first.classes, first.events, weights_B=first.weights),
        {label: roc.auc_difference(one[label], two[label], *_weights_of(first, label)) for label in one},
        metrics.mcnemar(*guesses),
    )
