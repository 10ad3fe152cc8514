"""Scores of single answers by several judges: paired differences of models and groups, free of the levels of judges."""

import csv
import io
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError
from yukawa.core.files import read_text
from yukawa.core.statistics import LEVEL, Estimate, Sample, check_options, estimate, holm
from yukawa.evaluation.judging.effects import BlockEffects, effects_within
from yukawa.evaluation.judging.reliability import Agreement, agreement
from yukawa.evaluation.judging.verdicts import Score

Array = NDArray[np.float64]
RESAMPLES = 2_000
# What columns of a table may be called; the first is what this package writes.
COLUMNS = {
    "question": ("question", "paper", "prompt", "question_id", "item", "id"),
    "model": ("model", "model_id", "system"),
    "judge": ("judge", "rater", "annotator", "user", "labeler"),
    "value": ("value", "score", "rating"),
    "group": ("group", "category"),
    "criterion": ("criterion", "dimension", "aspect"),
}
_NEEDED = ("question", "model", "judge", "value")


@dataclass(frozen=True, slots=True)
class GroupDifference(Estimate):
    """Second group of models minus first, on the same papers by the same judges.

    Attributes:
        first: name of a group.
        second: name of another.
        p: two-sided p-value; see `yukawa.core.crossed.jackknife`.
        p_holm: the same, corrected for the number of pairs.
        plain: difference of the plain means, in which it counts who judged what.
    """

    first: str = ""
    second: str = ""
    p: float = math.nan
    p_holm: float = math.nan
    plain: float = math.nan


@dataclass(frozen=True, slots=True)
class JudgeLevel:
    """How one judge uses the scale.

    Attributes:
        scores: their number.
        mean: of the scores.
        spread: their standard deviation.
        level: how much higher the judge scores than the mean judge on the same answers; None where no answer is shared.
    """

    scores: int
    mean: float
    spread: float
    level: Estimate | None


@dataclass(frozen=True, slots=True)
class ScoreStudy:
    """Scores of one criterion analysed.

    Attributes:
        criterion: what was judged.
        scores: number of usable scores.
        unusable: replies without a score.
        repeated: scores that a later one of the same judge and answer replaced.
        questions: number of questions, which are the clusters.
        plain: mean score of each group, with its interval by question; it depends on who judged what.
        models: effect of each model, best first, on the same questions by the same judges; their mean is zero.
        groups: pairs of groups.
        judges: levels by judge.
        agreement: of judges on the same answers; None where none is shared.
        agreement_without_levels: the same after each judge's level is subtracted.
        notes: what a reader must know, in sentences.
    """

    criterion: str
    scores: int
    unusable: int
    repeated: int
    questions: int
    plain: dict[str, Estimate]
    models: dict[str, Estimate]
    groups: list[GroupDifference]
    judges: dict[str, JudgeLevel]
    agreement: Agreement | None
    agreement_without_levels: Agreement | None
    notes: tuple[str, ...]


def read_score_table(path: Path) -> list[Score]:
    """The scores of a CSV file whose first line names the columns; commas, semicolons or tabs separate them.

    Columns are question (or paper), model, judge (or rater), value (or score) and, where there are any, group (or category)
    and criterion; others are ignored.

    Raises:
        InputError: the file cannot be read, a column is missing or twice, or a row is short or its score not a number.
    """
    text = read_text(path)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    found = []
    try:
        names = [name.strip().casefold() for name in next(rows, [])]
        places = _places(names, path)
        for row in rows:
            if any(cell.strip() for cell in row):
                found.append(_score(row, places, f"{path}:{rows.line_num}"))
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num} is not a row of CSV: {error}") from None
    if not found:
        raise InputError(f"{path} holds no scores", hint="a row is: paper,model,rater,score,category")
    return found


def _places(names: Sequence[str], path: Path) -> dict[str, int]:
    places = {}
    for field, known in COLUMNS.items():
        there = [name for name in known if name in names]
        if there:
            if names.count(there[0]) > 1:
                raise InputError(f"{path} has two columns {there[0]!r}")
            places[field] = names.index(there[0])
    if missing := [field for field in _NEEDED if field not in places]:
        raise InputError(
            f"{path} has no column for the {' and the '.join(missing)}; its columns are: {', '.join(names)[:200]}",
            hint=f"write {' or '.join(COLUMNS[missing[0]][:3])} in the first line",
        )
    return places


def _score(row: Sequence[str], places: Mapping[str, int], place: str) -> Score:
    if len(row) <= max(places.values()):
        raise InputError(f"{place} has {len(row)} columns, fewer than its first line names")
    said = {field: row[column].strip() for field, column in places.items()}
    try:
        value = float(said["value"].replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{place}: the score {said['value']!r} is not a number", hint="drop the row")
    if empty := [field for field in _NEEDED if not said[field]]:
        raise InputError(f"{place}: the {empty[0]} is empty")
    criterion = said.get("criterion") or "overall"
    return Score(
        question=said["question"], model=said["model"], judge=said["judge"], value=value,
        group=said.get("group", ""), criterion=criterion,
    )  # fmt: skip


def analyse(
    scores: Sequence[Score], *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> list[ScoreStudy]:
    """Compare models and groups of models by scores, criterion by criterion.

    Judges differ in level, and not all judge all: the difference of two models is taken within each question and judge,
    which is what a fixed effect of every pair of question and judge does. Its error comes from leaving out one question
    at a time and, of four judges or more, one judge at a time, so that it holds for other judges too; otherwise a note
    says that it does not. Groups are means of their models; where no group is given, each model is its own.

    Args:
        scores: of one criterion or several.
        level: of the intervals.
        resamples: number of resamples for the plain means and the agreement.
        seed: of the random numbers.

    Raises:
        InputError: there are no usable scores, or a model has scores of two groups.
    """
    check_options(level, resamples=resamples)
    by_criterion: dict[str, list[Score]] = defaultdict(list)
    for row in scores:
        by_criterion[row.criterion].append(row)
    if not by_criterion:
        raise InputError("there are no scores to analyse")
    return [_study(name, rows, level, resamples, seed) for name, rows in by_criterion.items()]


def _study(criterion: str, rows: Sequence[Score], level: float, resamples: int, seed: int) -> ScoreStudy:
    last = {(row.question, row.model, row.judge): row for row in rows if row.value is not None}
    used = list(last.values())
    if not used:
        raise InputError(f"none of the {len(rows):,} scores of {criterion!r} can be used")
    groups = _groups(used)
    values = np.array([row.value for row in used], np.float64)
    questions, judges, models = (
        [getattr(row, name) for row in used] for name in ("question", "judge", "model")
    )
    notes = []
    effects = effects_within(values, models, questions, judges, crossed=True)
    if effects is None:
        notes.append(
            "models are not compared: no judge scored two of them on one question, or they form separate groups"
        )
    elif not effects.for_other_judges and any(row.kind != "rule" for row in used):
        notes.append(
            f"intervals are for other questions and these judges ({len(set(judges))}): too few judges, or judges without whom "
            "models are not connected, do not speak for other judges"
        )
    levels = effects_within(values, judges, questions, models, crossed=False)
    if levels is None:
        notes.append("the levels of judges cannot be compared: they share no answers")
    unusable = sum(row.value is None for row in rows)
    return ScoreStudy(
        criterion, len(used), unusable, len(rows) - unusable - len(used), len(set(questions)),
        _plain_means(used, groups, level, resamples, seed),
        {} if effects is None else effects.ranked(level),
        [] if effects is None else _compared(effects, used, groups, level),
        _levels(values, judges, levels, level), _agreement(used, values, level, resamples, seed),
        None if levels is None else _agreement(used, values - levels.at(judges), level, resamples, seed), tuple(notes),
    )  # fmt: skip


def _groups(rows: Sequence[Score]) -> dict[str, str]:
    """The group of each model; its own name where none is given."""
    found: dict[str, str] = {}
    for row in rows:
        name = row.group or row.model
        if found.setdefault(row.model, name) != name:
            raise InputError(f"model {row.model!r} is in the groups {found[row.model]!r} and {name!r}")
    return found


def _compared(
    effects: BlockEffects, rows: Sequence[Score], groups: Mapping[str, str], level: float
) -> list[GroupDifference]:
    """All pairs of groups."""
    members: dict[str, list[str]] = defaultdict(list)
    for model, group in groups.items():
        members[group].append(model)
    means = {
        group: float(np.mean([row.value for row in rows if groups[row.model] == group])) for group in members
    }
    made = []
    for first, second in combinations(members, 2):
        one, p = effects.estimate(effects.of(members[second]) - effects.of(members[first]), level)
        made.append((first, second, one, p))
    known = [p for *_, p in made if not math.isnan(p)]
    corrected = iter(holm(known))
    return [
        GroupDifference(
            one.value, one.low, one.high, one.error, one.level, one.method, one.clusters, first, second, p,
            math.nan if math.isnan(p) else next(corrected), means[second] - means[first],
        )
        for first, second, one, p in made
    ]  # fmt: skip


def _plain_means(
    rows: Sequence[Score], groups: Mapping[str, str], level: float, resamples: int, seed: int
) -> dict[str, Estimate]:
    found = {}
    for group in dict.fromkeys(groups.values()):
        own = [row for row in rows if groups[row.model] == group]
        sample = Sample.mean([row.value or 0.0 for row in own], [row.question for row in own])
        found[group] = estimate(sample, level=level, resamples=resamples, seed=seed)
    return found


def _levels(
    values: Array, judges: Sequence[str], effects: BlockEffects | None, level: float
) -> dict[str, JudgeLevel]:
    found = {}
    who = np.array(judges, dtype=str)
    for name in sorted(set(judges)):
        own = values[who == name]
        spread = float(own.std(ddof=1)) if len(own) > 1 else math.nan
        shared = effects.estimate(effects.of([name]), level)[0] if effects else None
        found[name] = JudgeLevel(len(own), float(own.mean()), spread, shared)
    return found


def _agreement(
    rows: Sequence[Score], values: Array, level: float, resamples: int, seed: int
) -> Agreement | None:
    units = [(row.question, row.model) for row in rows]
    if max(Counter(units).values()) < 2:
        return None
    judges = [row.judge for row in rows]
    return agreement(
        units, judges, values, "interval", level=level, resamples=min(resamples, 1_000), seed=seed
    )
