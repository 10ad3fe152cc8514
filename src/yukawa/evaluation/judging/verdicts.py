"""Verdicts on pairs of answers and scores of single ones, as rows of files; and the verdicts as arrays for a ranking."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from yukawa.core.errors import InputError
from yukawa.core.files import read_jsonl
from yukawa.core.validation import StrictModel, one_line
from yukawa.evaluation.judging.davidson import Array, Comparisons

Outcome = Literal["first", "second", "tie", "both bad"]
JudgeKind = Literal["person", "model", "rule"]
Answers = Mapping[tuple[str, str], str]
"""Texts by question and model."""
OVERALL = "overall"
_LEADS = {"first": 1, "second": -1, "tie": 0, "both bad": 0}
_SWAPPED: dict[Outcome, Outcome] = {"first": "second", "second": "first"}
_STYLE = {
    "length": re.compile(r"\S"),
    "lists": re.compile(r"^[ \t]{0,12}(?:[-*+]|\d{1,3}[.)])[ \t]", re.MULTILINE),
    "bold": re.compile(r"\*\*[^*\n]{1,300}\*\*"),
    "headings": re.compile(r"^#{1,6}[ \t]", re.MULTILINE),
    "formulas": re.compile(r"\$[^$\n]{1,300}\$|\\\(|\\\["),
}
COVARIATES = tuple(_STYLE)


class Verdict(StrictModel):
    """What one judge said of two answers to one question.

    Attributes:
        question: its id.
        first: the model whose answer was shown first.
        second: the other one.
        verdict: which answer is better; None where the reply of the judge cannot be used.
        judge: name of the person, model or rule.
        kind: of the judge.
        criterion: what was judged.
        reason: the judge's own words.
        error: why the reply cannot be used.
    """

    question: str = Field(min_length=1)
    first: str = Field(min_length=1)
    second: str = Field(min_length=1)
    verdict: Outcome | None
    judge: str = Field(min_length=1)
    kind: JudgeKind = "person"
    criterion: str = OVERALL
    reason: str = ""
    error: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """The two models in alphabetical order."""
        return (self.first, self.second) if self.first < self.second else (self.second, self.first)

    @property
    def party(self) -> str:
        """Who shares a position effect: all people, or one model or rule."""
        return "people" if self.kind == "person" else self.judge


class Score(StrictModel):
    """What one judge gave to one answer.

    Attributes:
        question: id of the question, or of the paper.
        model: whose answer it is.
        judge: name of the person, model or rule.
        value: a number, in the order of the scale; None where the reply of the judge cannot be used.
        kind: of the judge.
        criterion: what was judged.
        group: a class of models that is compared with others, such as "LoRA".
        reason: the judge's own words.
        error: why the reply cannot be used.
    """

    question: str = Field(min_length=1)
    model: str = Field(min_length=1)
    judge: str = Field(min_length=1)
    value: float | None
    kind: JudgeKind = "person"
    criterion: str = OVERALL
    group: str = ""
    reason: str = ""
    error: str = ""


Row = TypeVar("Row", Verdict, Score)


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """The verdicts, or scores, of a file of JSON Lines.

    Raises:
        InputError: it cannot be read, holds none, or a line is not one; the message names it.
    """
    rows = []
    for number, row in enumerate(read_jsonl(path), start=1):
        try:
            rows.append(kind.model_validate(row))
        except ValidationError as error:
            raise InputError(f"{path}, row {number}: {one_line(error, kind)}") from None
    if not rows:
        raise InputError(f"{path} holds no rows", hint="name a file of verdicts or scores")
    return rows


class Settled(NamedTuple):
    """The verdicts of judges who saw both orders as one each, and how often an order decided.

    Attributes:
        verdicts: one for each judge, question, pair and criterion; both orders that disagree are a tie.
        seen_twice: pairs that a judge saw in both orders, by judge.
        flipped: those with different verdicts, by judge.
    """

    verdicts: list[Verdict]
    seen_twice: dict[str, int]
    flipped: dict[str, int]


def settle(verdicts: Iterable[Verdict]) -> Settled:
    """One verdict for each judge, question, pair and criterion: an answer wins where it wins in both orders.

    Verdicts that cannot be used are dropped; a pair of which one order alone can be used keeps that verdict.
    """
    found: dict[tuple[str, ...], dict[bool, Verdict]] = defaultdict(dict)
    for row in verdicts:
        if row.verdict is not None:
            found[row.judge, row.question, *row.pair, row.criterion][row.first == row.pair[0]] = row
    kept: list[Verdict] = []
    twice, flipped = Counter[str](), Counter[str]()
    for orders in found.values():
        if len(orders) == 1:
            kept += orders.values()
            continue
        row, other = orders[True], orders[False]
        agreed = _LEADS[row.verdict or "tie"] == -_LEADS[other.verdict or "tie"]
        twice[row.judge] += 1
        flipped[row.judge] += not agreed
        kept.append(row if agreed else row.model_copy(update={"verdict": "tie"}))
    return Settled(kept, dict(twice), dict(flipped))


def turned(row: Verdict) -> Verdict:
    """The same verdict with the answers in the other order."""
    said = row.verdict and _SWAPPED.get(row.verdict, row.verdict)
    return row.model_copy(update={"first": row.second, "second": row.first, "verdict": said})


def lead(row: Verdict, model: str) -> int:
    """1 where the model won, -1 where it lost, 0 for a tie."""
    value = _LEADS[row.verdict or "tie"]
    return value if row.first == model else -value


def style(text: str) -> dict[str, int]:
    """Characters other than spaces, and the number of list items, bold words, headings and formulas."""
    return {name: len(pattern.findall(text)) for name, pattern in _STYLE.items()}


def comparisons(
    verdicts: Sequence[Verdict], answers: Answers | None = None, models: Sequence[str] | None = None
) -> Comparisons:
    """Usable verdicts as arrays, with the differences of the answers in length and style where their texts are known.

    A difference is (a - b) / (a + b) of the counts of both answers, zero where neither has any, in units of its own root
    mean square; what never differs is dropped.

    Raises:
        InputError: a verdict compares a model with itself, or the text of an answer is missing.
    """
    rows = [row for row in verdicts if row.verdict is not None]
    if same := next((row for row in rows if row.first == row.second), None):
        raise InputError(f"question {same.question!r} compares {same.first!r} with itself")
    names = list(models or sorted({name for row in rows for name in row.pair}))
    judges = sorted({row.party for row in rows})
    model, judge = ({name: k for k, name in enumerate(part)} for part in (names, judges))
    question = {name: k for k, name in enumerate(dict.fromkeys(row.question for row in rows))}
    differences = _differences(rows, answers) if answers is not None else np.zeros((len(rows), 0))
    size = np.sqrt((differences**2).mean(axis=0)) if len(rows) else np.zeros(0)
    used = size > 0
    columns = [
        (model[r.first], model[r.second], _LEADS[r.verdict or "tie"], question[r.question], judge[r.party])
        for r in rows
    ]
    first, second, outcome, cluster, who = np.array(columns, dtype=np.int64).reshape(-1, 5).T
    covariates = tuple(name for name, use in zip(COVARIATES, used, strict=False) if use)
    return Comparisons(
        tuple(names), tuple(judges), covariates, first, second, outcome, cluster, who, differences[:, used] / size[used]
    )  # fmt: skip


def _differences(rows: Sequence[Verdict], answers: Answers) -> Array:
    counts: dict[tuple[str, str], dict[str, int]] = {}
    made = np.zeros((len(rows), len(COVARIATES)))
    for k, row in enumerate(rows):
        for name in row.pair:
            if (row.question, name) not in counts:
                counts[row.question, name] = style(_text(answers, row.question, name))
        first, second = counts[row.question, row.first], counts[row.question, row.second]
        made[k] = [(first[c] - second[c]) / ((first[c] + second[c]) or 1) for c in COVARIATES]
    return made


def _text(answers: Answers, question: str, model: str) -> str:
    try:
        return answers[question, model]
    except KeyError:
        raise InputError(
            f"the answer of {model!r} to question {question!r} is missing",
            hint="name the file of answers that were judged, or rank without length and style",
        ) from None
