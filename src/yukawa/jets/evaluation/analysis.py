"""Makes an analysis of a tagger's scores: discriminants, cuts, efficiencies in bins, calibration curves, systematic variations.

Everything starts from files of scores as `predict` writes them, so that no network is needed. The first file is the nominal
sample: cuts are found on it and applied to all. An efficiency is the share of weights that passes; its error is that of a ratio of
weighted sums (see `metrics`), with the cut taken as fixed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.manifest import SPLITS
from yukawa.core.reports import plain
from yukawa.core.statistics import Estimate
from yukawa.jets.evaluation.metrics import NOTHING, proportion, tags
from yukawa.jets.evaluation.prediction import SCORE, probabilities
from yukawa.jets.evaluation.results import jet_weights
from yukawa.jets.evaluation.roc import Roc, effective_jets, roc
from yukawa.jets.features.expressions import columns_of, parse
from yukawa.jets.features.frames import FlatFrame
from yukawa.jets.io.source import open_source
from yukawa.jets.table import SPLIT, Array, Jets, check_columns

_TIED = 0.02  # share of the signal that may have one score, at which a cut must miss its efficiency
_CALIBRATION_BINS = 10


@dataclass(frozen=True)
class TaggedJets:
    """Labelled jets with the probabilities that a tagger gave them.

    Attributes:
        classes: the tagger's classes.
        columns: of the jets, each of shape (B,): scores, truth, observables; and each flavour's probability by its name,
            the sum over quark and antiquark.
        labels: (B,), the class of each jet as an index into `classes`.
        weights: (B,), positive.
        notes: remarks on jets that are not here.
    """

    classes: tuple[str, ...]
    columns: Mapping[str, Array]
    labels: Array
    weights: Array
    notes: tuple[str, ...] = ()

    def value(self, formula: str, what: str) -> Array:
        """An expression of the columns for each jet, float64, shape (B,).

        Raises:
            InputError: the expression cannot be read, has an unknown name or is NaN for a jet; `what` names it.
        """
        node = parse(formula, bare=True)
        check_columns(tuple(dict.fromkeys(columns_of(node))), tuple(self.columns), what)
        with np.errstate(all="ignore"):
            frame = FlatFrame(Jets(np.zeros(len(self.labels) + 1, np.int64), {}, self.columns), {})
            values = np.asarray(frame.of_jets(node, what), np.float64)
        if (bad := int(np.isnan(values).sum())) > 0:
            raise InputError(f"{what} is not a number for {bad:,} of {len(values):,} jets: {formula}")
        return values

    def among(self, members: Sequence[str]) -> Array:
        """Which jets are of one of these flavours (quark and antiquark) or classes, shape (B,).

        Raises:
            InputError: one is unknown.
        """
        known = {name: (k,) for k, name in enumerate(self.classes)} | tags(self.classes)
        if unknown := next((name for name in members if name not in known), None):
            raise InputError(
                f"the tagger has no class {unknown}", hint=f"it has: {', '.join(tags(self.classes))}"
            )
        return np.isin(self.labels, [k for name in members for k in known[name]])


def read_scores(path: Path, *, weight: str | None = None, split: str | None = None) -> TaggedJets:
    """The labelled jets of a file of scores; those of weight 0 and, where the file names splits, of other splits are omitted.

    Args:
        path: written by `predict`.
        weight: the column of the weights; None gives each jet the weight 1.
        split: train, validation, test or all; None takes the test jets where the file says which these are.

    Raises:
        InputError: the file has no scores or labels, a score is not finite, a weight is negative or not finite, no jet is left, or
            `split` is given for a file that does not name splits.
    """
    rows = open_source(path).read()
    classes = tuple(name.removeprefix(SCORE) for name in rows.scalars if name.startswith(SCORE))
    if not classes:
        raise InputError(
            f"{path} has no scores", hint="write them: yukawa jets predict MODEL --data JETS --out FILE"
        )
    labels, scores = rows.labels(classes), probabilities(rows, classes)
    if bad := int((~np.isfinite(scores).all(axis=1)).sum()):
        raise InputError(f"{path} has no finite scores for {bad:,} of {len(rows):,} jets")
    weights = np.ones(len(rows)) if weight is None else jet_weights(rows, weight)
    kept, notes = labels >= 0, []
    if not kept.all():
        notes.append(f"{int((~kept).sum()):,} jets are of none of the tagger's classes and are omitted")
    if (nothing := int((kept & (weights == 0)).sum())) > 0:
        notes.append(f"{nothing:,} jets have the weight 0 and do not count")
        kept &= weights > 0
    kept, more = _of_split(rows, kept, split, path)
    if not kept.any():
        raise InputError(f"{path}: no jet is left to analyse", hint="; ".join([*notes, *more]))
    columns = {name: column[kept] for name, column in rows.scalars.items()}
    for name, members in tags(classes).items():
        columns.setdefault(name, scores[kept][:, list(members)].astype(np.float64).sum(axis=1))
    return TaggedJets(classes, columns, labels[kept], weights[kept], (*notes, *more))


def _of_split(rows: Jets, kept: Array, split: str | None, path: Path) -> tuple[Array, list[str]]:
    """The jets of `kept` that are of the split, and a remark on the others."""
    if SPLIT not in rows.scalars:
        if split not in (None, "all"):
            raise InputError(f"{path} does not say which jets are of the split {split}", hint="omit --split")
        return kept, []
    if split not in (None, "all", *SPLITS):
        raise InputError(f"unknown split {split!r}; allowed are {', '.join(SPLITS)}, all")
    if split == "all":
        return kept, []
    wanted = SPLITS.index(split or "test")
    others = int((kept & (rows.scalars[SPLIT] != wanted)).sum())
    remark = [f"{others:,} jets are of other splits than {SPLITS[wanted]} and are omitted"] if others else []
    return kept & (rows.scalars[SPLIT] == wanted), remark


@dataclass(frozen=True)
class AnalysisPlan:
    """What to find out.

    Attributes:
        signal: what is to pass, and its classes.
        backgrounds: what is not to pass: groups of classes by name.
        discriminants: formulas by name; higher means more like signal. Names are flavours (quark and antiquark together),
            `score_<class>`, and the other columns of the file.
        efficiencies: shares of the signal that are to pass.
        mistags: shares of all background together that may pass.
        bins: edges by observable, an expression of the file's columns.
    """

    signal: tuple[str, tuple[str, ...]]
    backgrounds: Mapping[str, tuple[str, ...]]
    discriminants: Mapping[str, str]
    efficiencies: tuple[float, ...] = (0.5, 0.7, 0.8)
    mistags: tuple[float, ...] = ()
    bins: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def parse(
        cls,
        signal: str,
        backgrounds: Sequence[str],
        discriminants: Sequence[str] = (),
        efficiencies: Sequence[float] = (),
        mistags: Sequence[float] = (),
        bins: Sequence[str] = (),
    ) -> Self:
        """A plan from texts: groups as `b` or `light=u,d,s`, formulas as `NAME=FORMULA`, bins as `jet_pt=20,50,100`.

        Without a discriminant it is the likelihood ratio of the signal and the backgrounds, the latter in equal parts.

        Raises:
            InputError: a text cannot be read, or the plan contradicts itself.
        """
        ours, *others = (_group(text) for text in (signal, *backgrounds))
        formulas = dict(_assignment(text, "NAME=FORMULA") for text in discriminants)
        if not formulas:
            sums = [
                f"({' + '.join(members)})" if len(members) > 1 else members[0]
                for _, members in (ours, *others)
            ]
            rest = " + ".join(
                f"{part} / {len(members)}" if len(members) > 1 else part
                for part, (_, members) in zip(sums[1:], others, strict=True)
            )
            formulas = {f"D_{ours[0]}": f"log({sums[0]} / ({rest}))"}
        shares = efficiencies or (() if mistags else cls.efficiencies)
        plan = cls(ours, dict(others), formulas, tuple(shares), tuple(mistags), dict(map(_edges, bins)))
        if len(plan.groups) < 1 + len(others):
            raise InputError("two groups have the same name", hint="name them: --background light=u,d,s")
        plan.check()
        return plan

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The signal and the backgrounds, by name."""
        return {self.signal[0]: self.signal[1], **self.backgrounds}

    def check(self) -> None:
        """Raise InputError where numbers are out of range, edges do not rise, or a class is in two groups."""
        for what, shares in (("efficiency", self.efficiencies), ("mistag", self.mistags)):
            for share in shares:
                if not 0 < share < 1:
                    raise InputError(f"the {what} {share:g} is not between 0 and 1")
        for name, edges in self.bins.items():
            if len(edges) < 2 or any(not low < high for low, high in pairwise(edges)):
                raise InputError(
                    f"the edges of bins in {name} must rise: {', '.join(map('{:g}'.format, edges))}"
                )
        members = [one for group in self.groups.values() for one in group]
        if twice := next((one for one in members if members.count(one) > 1), None):
            raise InputError(f"{twice} is in two groups; signal and backgrounds must be different classes")


def _assignment(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise InputError(f"{text!r} is not of the form {form}")
    return name.strip(), value.strip()


def _group(text: str) -> tuple[str, tuple[str, ...]]:
    """A group's name and members."""
    name, members = _assignment(text, "NAME=FLAVOUR,FLAVOUR") if "=" in text else (text, text)
    found = tuple(member.strip() for member in members.split(",") if member.strip())
    if not found:
        raise InputError(f"{text!r} names no flavour", hint="type one such as b, or light=u,d,s")
    return name, found


def _edges(text: str) -> tuple[str, tuple[float, ...]]:
    name, values = _assignment(text, "OBSERVABLE=EDGE,EDGE,…")
    try:
        return name, tuple(map(float, values.split(",")))
    except ValueError:
        raise InputError(
            f"the edges of bins in {name} are not numbers: {values}", hint="type them as 20,50,100"
        ) from None


@dataclass(frozen=True)
class BinnedShare:
    """What passes a cut in one bin of an observable.

    Attributes:
        low, high: of the bin; `high` is not in it.
        passed: by group.
    """

    low: float
    high: float
    passed: Mapping[str, Estimate]


@dataclass(frozen=True)
class TagCut:
    """A jet is tagged if its discriminant is at least `threshold`.

    Attributes:
        discriminant: its name.
        target: what the cut was chosen for, in words.
        threshold: in units of the discriminant.
        passed: the share that passes, by group: the signal's is the efficiency, the others' are mistag rates.
        bins: the same in bins, by observable.
        variations: the same in each further sample, by its name.
    """

    discriminant: str
    target: str
    threshold: float
    passed: Mapping[str, Estimate]
    bins: Mapping[str, Sequence[BinnedShare]]
    variations: Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class CalibrationBin:
    """Jets whose probability of a flavour lies in one bin.

    Attributes:
        predicted: their mean probability.
        observed: the share of them that are of the flavour.
        jets: sum of their weights.
    """

    predicted: float
    observed: Estimate
    jets: float


@dataclass(frozen=True)
class TaggingAnalysis:
    """What was found.

    Attributes:
        plan: what was to be found.
        samples: sum of weights of each group, by sample; the first sample is the nominal one.
        cuts: for each discriminant and working point.
        curves: ROC curves by discriminant and background.
        calibration: of each flavour.
        calibration_error: the mean distance of predicted and observed shares, weighted by jets, by flavour.
        notes: remarks on the samples.
        folder: of the report; None if nothing was written.
    """

    plan: AnalysisPlan
    samples: Mapping[str, Mapping[str, float]]
    cuts: Sequence[TagCut]
    curves: Mapping[tuple[str, str], Roc]
    calibration: Mapping[str, Sequence[CalibrationBin]]
    calibration_error: Mapping[str, float]
    notes: Sequence[str]
    folder: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; curves are left to the plots."""
        return {
            name: plain(getattr(self, name))
            for name in ("plan", "samples", "cuts", "calibration", "calibration_error", "notes")
        }


def analyse(samples: Mapping[str, TaggedJets], plan: AnalysisPlan) -> TaggingAnalysis:
    """Find the cuts on the first sample, and what passes them in each.

    Raises:
        InputError: the plan contradicts itself, a group has no jets, samples have different classes, a formula cannot be computed, or
            no cut comes near a working point.
    """
    plan.check()
    names = list(samples)
    nominal = samples[names[0]]
    for name, sample in samples.items():
        if set(sample.classes) != set(nominal.classes):
            raise InputError(f"{name} and {names[0]} have different classes and cannot be compared")
        for group, members in plan.groups.items():
            if not sample.among(members).any():
                raise InputError(f"{name} has no jets of {group}")
    values = {
        discriminant: {name: sample.value(formula, discriminant) for name, sample in samples.items()}
        for discriminant, formula in plan.discriminants.items()
    }
    cuts, curves = [], {}
    for discriminant, by_sample in values.items():
        for background, members in plan.backgrounds.items():
            curves[discriminant, background] = _curve(nominal, by_sample[names[0]], plan.signal[1], members)
        everything = [one for members in plan.backgrounds.values() for one in members]
        curve = _curve(nominal, by_sample[names[0]], plan.signal[1], everything)
        for target, threshold in _thresholds(curve, discriminant, plan):
            passed = {name: _passed(samples[name], v >= threshold, plan) for name, v in by_sample.items()}
            cuts.append(TagCut(
                discriminant, target, threshold, passed.pop(names[0]),
                {what: _in_bins(nominal, by_sample[names[0]] >= threshold, what, edges, plan) for what, edges in plan.bins.items()},
                passed,
            ))  # fmt: skip
    calibration = {
        flavour: _calibration(nominal, flavour, members) for flavour, members in tags(nominal.classes).items()
    }
    return TaggingAnalysis(
        plan=plan,
        samples={
            name: {
                group: float(sample.weights[sample.among(members)].sum())
                for group, members in plan.groups.items()
            }
            for name, sample in samples.items()
        },
        cuts=cuts,
        curves=curves,
        calibration=calibration,
        calibration_error={flavour: _distance(bins) for flavour, bins in calibration.items()},
        notes=[f"{name}: {note}" for name, sample in samples.items() for note in sample.notes],
    )


def share(passed: Array, weights: Array) -> Estimate:
    """The share of `weights` that passes, with its error; both have the shape (jets,).

    With x = 1 for jets that pass and 0 for others, the variance is sum of w^2 (x - share)^2 over (sum of w)^2.
    """
    total = float(weights.sum())
    if total == 0:
        return NOTHING
    value = float(weights[passed].sum()) / total
    variance = float(np.sum((weights * (passed - value)) ** 2)) / total**2
    return proportion(value, variance, effective_jets(weights))


def _curve(jets: TaggedJets, values: Array, signal: Sequence[str], background: Sequence[str]) -> Roc:
    ours, theirs = jets.among(signal), jets.among(background)
    return roc(values[ours], values[theirs], jets.weights[ours], jets.weights[theirs])


def _thresholds(curve: Roc, discriminant: str, plan: AnalysisPlan) -> list[tuple[str, float]]:
    """The cut of each working point, in words and as a number."""
    signal, found = plan.signal[0], []
    for wanted in plan.efficiencies:
        after = int(np.searchsorted(curve.signal_efficiency, wanted - 1e-9))
        reached, before = curve.signal_efficiency[after], curve.signal_efficiency[after - 1]
        if reached - wanted > _TIED:
            raise InputError(
                f"no cut on {discriminant} passes {wanted:.1%} of {signal}: the nearest pass {before:.1%} and {reached:.1%}",
                hint="many jets have the same value; choose another discriminant, or one of these efficiencies",
            )
        found.append((f"{wanted:g} of {signal}", float(curve.thresholds[after])))
    for wanted in plan.mistags:
        if wanted * curve.background_jets < 1:
            raise InputError(
                f"a mistag rate of {wanted:g} cannot be measured with {curve.background_jets:,.0f} background jets: less "
                "than one would pass",
                hint="choose a larger rate, or a sample with more background jets",
            )
        after = int(np.searchsorted(curve.background_efficiency, wanted + 1e-12, "right")) - 1
        if curve.signal_passed[after] == 0:
            raise InputError(
                f"no cut on {discriminant} that passes any {signal} passes as little as {wanted:.2%} of the background",
                hint="choose a larger mistag rate, or another discriminant",
            )
        found.append((f"at most {wanted:g} of the background", float(curve.thresholds[after])))
    return found


def _passed(jets: TaggedJets, tagged: Array, plan: AnalysisPlan) -> dict[str, Estimate]:
    """The share of each group that is tagged."""
    where = {group: jets.among(members) for group, members in plan.groups.items()}
    return {group: share(tagged[own], jets.weights[own]) for group, own in where.items()}


def _in_bins(
    jets: TaggedJets, tagged: Array, observable: str, edges: Sequence[float], plan: AnalysisPlan
) -> list[BinnedShare]:
    values = jets.value(observable, f"the observable {observable}")
    found = []
    for low, high in pairwise(edges):
        inside = (values >= low) & (values < high)
        part = TaggedJets(jets.classes, {}, jets.labels[inside], jets.weights[inside])
        found.append(BinnedShare(low, high, _passed(part, tagged[inside], plan)))
    return found


def _calibration(jets: TaggedJets, flavour: str, members: Sequence[int]) -> list[CalibrationBin]:
    """Predicted and observed shares of a flavour in equal bins of its probability; bins without jets are omitted."""
    probability_BM = np.stack([jets.columns[SCORE + jets.classes[k]] for k in members], axis=1)
    predicted = probability_BM.astype(np.float64).sum(axis=1)
    true = np.isin(jets.labels, members)
    place = np.minimum(predicted * _CALIBRATION_BINS, _CALIBRATION_BINS - 1).astype(int)
    found = []
    for number in range(_CALIBRATION_BINS):
        weights = jets.weights[place == number]
        if len(weights):
            mean = float(np.average(predicted[place == number], weights=weights))
            found.append(CalibrationBin(mean, share(true[place == number], weights), float(weights.sum())))
    return found


def _distance(bins: Sequence[CalibrationBin]) -> float:
    """The expected calibration error: mean |predicted - observed|, weighted by jets."""
    total = math.fsum(one.jets for one in bins)
    return math.fsum(one.jets * abs(one.predicted - one.observed.value) for one in bins) / total
