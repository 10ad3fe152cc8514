"""Questions with known answers: read from files, asked of a model by likelihood or in words, and judged."""

import functools
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from yukawa.core.errors import InputError
from yukawa.core.files import parse_json, read_jsonl, read_text
from yukawa.core.processes import Progress
from yukawa.core.reports import Heading, ReportBlock, Table
from yukawa.core.statistics import SHARE, Sample
from yukawa.core.validation import one_line
from yukawa.evaluation.completions import generated
from yukawa.evaluation.expressions import equal_expressions
from yukawa.evaluation.perplexity import begins_with_bos, encoded
from yukawa.evaluation.recipe import Statistics
from yukawa.evaluation.results import compared_json, differences, share
from yukawa.evaluation.token_losses import token_scores
from yukawa.knowledge.parsing.particles import find_particles
from yukawa.knowledge.parsing.quantities import find_quantities
from yukawa.llm.loading import LanguageModel

Kind = Literal["choice", "numeric", "exact", "expression"]
KINDS: tuple[Kind, ...] = ("choice", "numeric", "exact", "expression")
NEW_TOKENS = 48
_LONG = 8  # words of an answer that no model would give word by word
_BATCH = 16
_WORD = re.compile(r"\w+")
_ARTICLE = re.compile(r"^(?:the|a|an)\s+")


class Question(BaseModel):
    """A question with its answer.

    Attributes:
        id: of the question.
        question: as it is asked.
        answer: the right one; of a choice one of `choices`.
        choices: what can be chosen, the right one among them; empty where the model answers in words.
        kind: how it is judged; found from choices and answer if it is not given.
        claim: key of what is asked, by which those that were taught are not asked.
        cluster: questions of one cluster are resampled together, such as those on one particle; by default the question.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answer: str
    choices: tuple[str, ...] = ()
    kind: Kind | None = None
    claim: str = ""
    cluster: str = ""

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if not self.answer.strip():
            raise ValueError("the question has no answer")
        if self.choices and (
            self.answer not in self.choices or len(set(self.choices)) < max(2, len(self.choices))
        ):
            raise ValueError("choices must be two or more different texts, the answer one of them")
        units = {quantity.unit for quantity in find_quantities(self.answer)}
        if self.judged == "numeric" and len(units) != 1:
            found = " and ".join(sorted(unit or "no unit" for unit in units)) or "no number"
            raise ValueError(f"the answer {self.answer!r} holds {found}: write one number with one unit")
        return self

    @property
    def judged(self) -> Kind:
        """How an answer is judged."""
        if self.kind:
            return self.kind
        if self.choices:
            return "choice"
        return "numeric" if _is_quantity(self.answer) else "exact"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answered to N questions.

    Attributes:
        model: its name.
        questions: in their order.
        replies: the text of each reply, or of the choice.
        right: of each whether it is right.
    """

    model: str
    questions: tuple[Question, ...]
    replies: tuple[str, ...]
    right: tuple[bool, ...]

    def samples(self) -> dict[str, Sample]:
        """The share of right answers of all questions and of each kind, by cluster."""
        found: dict[str, Sample] = {}
        for kind in ("all", *KINDS):
            rows = [
                (float(right), one.cluster or one.id)
                for one, right in zip(self.questions, self.right, strict=True)
                if kind in ("all", one.judged)
            ]
            if rows:
                values, clusters = zip(*rows, strict=True)
                found[kind] = Sample.mean(values, clusters, within=SHARE)
        return found


def read_questions(path: Path) -> list[Question]:
    """The questions of a file: JSON Lines, or one JSON list, of rows with `question` and `answer`, and more by choice.

    Where an answer is longer than eight words, which no model gives word by word, the question becomes a choice between
    it and the answers of three other such questions of the file.

    Raises:
        InputError: the file cannot be read, a question has no answer or one that cannot be judged, or two have one id.
    """
    path = Path(path)
    rows = parse_json(read_text(path), str(path)) if path.suffix == ".json" else list(read_jsonl(path))
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path} does not hold questions", hint='a row is {"question": ..., "answer": ...}')
    found = [_question(row, number, path) for number, row in enumerate(rows, start=1)]
    if len({one.id for one in found}) < len(found):
        raise InputError(f"{path}: two questions have one id", hint="give each an id of its own, or none any")
    return list(_with_choices(found))


def ask(model: LanguageModel, questions: Sequence[Question], *, progress: Progress | None = None) -> Answers:
    """Ask a model, and judge its answers: choices by the likelihood of each per byte, all others by its own words.

    Args:
        model: any causal model; the prompt is plain text ("Question: … Answer:"), the same for all models.
        questions: any kinds.
        progress: called with answered and all questions.

    Raises:
        InputError: there are no questions.
        ModelError: the model fails.
        MissingPackage: an expression is asked and SymPy is not installed.
    """
    if not questions:
        raise InputError("there are no questions to ask")
    by_choice = [one for one in questions if one.judged == "choice"]
    in_words = [one for one in questions if one.judged != "choice"]
    replies = dict(zip((one.id for one in by_choice), _chosen(model, by_choice), strict=True))
    for start in range(0, len(in_words), _BATCH):
        if progress:
            progress(len(replies), len(questions))
        some = in_words[start : start + _BATCH]
        replies |= zip((one.id for one in some), _written(model, some), strict=True)
    right = judge(questions, [replies[one.id] for one in questions])
    if progress:
        progress(len(questions), len(questions))
    return Answers(model.name, tuple(questions), tuple(replies[one.id] for one in questions), tuple(right))


def answers_json(answers: Mapping[str, Answers], how: Statistics) -> dict[str, Any]:
    """Shares of right answers of models to the same questions, with paired differences, over all and by kind; and every reply."""
    first = next(iter(answers.values()))
    samples = {name: row.samples() for name, row in answers.items()}
    kinds = {kind: {name: samples[name][kind] for name in answers} for kind in samples[first.model]}
    judged = [one.judged for one in first.questions]
    counts = {kind: judged.count(kind) for kind in KINDS if kind in judged}
    replies = [
        {
            "id": one.id, "kind": one.judged, "question": one.question, "answer": one.answer,
            "replies": {name: {"text": row.replies[k], "right": row.right[k]} for name, row in answers.items()},
        }
        for k, one in enumerate(first.questions)
    ]  # fmt: skip
    return {
        "questions": {"all": len(first.questions), **counts},
        "right": {kind: compared_json(rows, how)[0] for kind, rows in kinds.items()},
        "replies": replies,
    }


def answers_section(name: str, data: Mapping[str, Any]) -> list[ReportBlock]:
    """The shares as tables: in percent, of all questions and of each kind; differences over all."""
    kinds, right = data["questions"], data["right"]
    shown = [kind for kind in right if kind != "all" or len(right) > 2]
    rows = [
        [model, *(share(right[kind]["estimates"][model]) for kind in shown)]
        for model in right["all"]["estimates"]
    ]
    head = ["right answers in percent", *(f"{kind} ({kinds[kind]:,})" for kind in shown)]
    pairs = right["all"]["differences"]
    return [Heading(f"Questions: {name}"), Table(head, rows), *(differences(pairs) if pairs else ())]


def judge(questions: Sequence[Question], replies: Sequence[str]) -> list[bool]:
    """Which replies are right.

    A number is right if its unit is that of the answer and it lies within the answer's error, or within the rounding of
    the reply, at most one per cent; a text if it begins with the answer, whatever case, articles and signs, and the first
    particle of both is the same; an expression if SymPy finds it equal.
    """
    right = [_is_right(one, reply) for one, reply in zip(questions, replies, strict=True)]
    asked = [k for k, one in enumerate(questions) if one.judged == "expression"]
    pairs = [(questions[k].answer, replies[k]) for k in asked]
    for k, same in zip(asked, equal_expressions(pairs), strict=True):
        right[k] = same
    return right


def prompt(question: Question) -> str:
    """The text that an answer follows."""
    return f"Question: {question.question}\nAnswer:"


def _question(row: Any, number: int, path: Path) -> Question:
    if not isinstance(row, dict):
        raise InputError(f"{path}, question {number}: a table is expected")
    try:
        return Question.model_validate({"id": str(number), "answer": "", **row})
    except ValidationError as error:
        raise InputError(f"{path}, question {number}: {one_line(error, Question)}") from None


def _with_choices(questions: Sequence[Question]) -> Iterator[Question]:
    """Questions with long answers as choices between these."""
    long = [one for one in questions if one.judged == "exact" and len(one.answer.split()) > _LONG]
    answers = list(dict.fromkeys(one.answer for one in long))
    for one in questions:
        if one not in long or len(answers) < 4:
            yield one
            continue
        others = sorted(
            (text for text in answers if text != one.answer),
            key=functools.partial(_drawn, one.id),
        )
        choices = sorted((one.answer, *others[:3]), key=lambda text: zlib.crc32(text.encode()))
        yield one.model_copy(update={"choices": tuple(choices)})


def _drawn(name: str, text: str) -> int:
    """An order of texts that is a question's own, and the same in every call."""
    return zlib.crc32(f"{name} {text}".encode())


def _chosen(model: LanguageModel, questions: Sequence[Question]) -> list[str]:
    """Of each question the choice whose bytes are the likeliest after the prompt."""
    if not questions:
        return []
    starts_with = begins_with_bos(model)
    before, _ = encoded(model, [prompt(one) for one in questions], bos=starts_with, eos=False)
    texts = [f" {choice}" for one in questions for choice in one.choices]
    after, _ = encoded(model, texts, bos=False, eos=False)
    heads = [ids for ids, one in zip(before, questions, strict=True) for _ in one.choices]
    scores = token_scores(
        model, [[*head, *ids] for head, ids in zip(heads, after, strict=True)], [len(ids) for ids in heads]
    )
    losses = iter(
        row.losses.sum() / len(text.encode("utf-8", "surrogatepass"))
        for row, text in zip(scores, texts, strict=True)
    )
    return [one.choices[int(np.argmin([next(losses) for _ in one.choices]))] for one in questions]


def _written(model: LanguageModel, questions: Sequence[Question]) -> list[str]:
    """The first line that the model writes after each prompt, greedily."""
    starts_with = begins_with_bos(model)
    before, _ = encoded(model, [prompt(one) for one in questions], bos=starts_with, eos=False)
    made = generated(model, before, NEW_TOKENS, 0.0, 1.0, 0)
    texts: Iterable[str] = (model.tokenizer.decode(ids, skip_special_tokens=True) for ids in made)
    return [text.strip().partition("\n")[0].strip() for text in texts]


def _is_right(question: Question, reply: str) -> bool:
    if question.judged == "choice":
        return reply == question.answer
    if question.judged == "numeric":
        (answer,) = find_quantities(question.answer)[:1]
        found = find_quantities(reply)
        return bool(found) and found[0].gives(answer)
    answer_words, words = _plain_words(question.answer), _plain_words(reply)
    begins = bool(answer_words) and words[: len(answer_words)] == answer_words
    return begins and _particle(reply) == _particle(question.answer)  # a muon neutrino begins as a muon does


def _particle(text: str) -> tuple[str, ...]:
    """The names of the first particle of a text; none where it speaks of none."""
    found = find_particles(text)
    return tuple(found[0].names) if found else ()


def _is_quantity(text: str) -> bool:
    """Whether a text is nothing but numbers with units."""
    found = find_quantities(text)
    outside = "".join(
        character
        for place, character in enumerate(text)
        if not any(one.start <= place < one.end for one in found)
    )
    return bool(found) and len(_WORD.findall(outside)) <= 1  # such as "about", or the "or" between two values


def _plain_words(text: str) -> list[str]:
    return _WORD.findall(_ARTICLE.sub("", text.casefold().strip()))
