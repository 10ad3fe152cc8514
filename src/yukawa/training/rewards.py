"""Judges of replies for reinforcement learning: each gives a reply a number from 0 to 1, and the same one every time."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yukawa.core.errors import InputError
from yukawa.knowledge.citing import check, without_reasoning
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.quantities import find_quantities
from yukawa.knowledge.parsing.statements import sentences

NUMBER, CITATION = "number", "citation"
REWARDS = (NUMBER, CITATION)
_SOURCE = re.compile(r"^\[(\d{1,3})\][ \t]+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class NumberedSource:
    """A numbered source in a question."""

    text: str
    url: str | None = None


def reward(name: str, question: str, answer: str, reply: str) -> float:
    """What a reply is worth.

    `number`: 1 if the first number of the reply states the answer's, in its unit and within its error (or half its last
    digit), else 0. `citation`: the share of the reply's sentences in which the checks of answers find nothing wrong with
    the sources of the question that are cited; 0 if it states nothing, does not answer or links elsewhere.

    Args:
        name: one of `REWARDS`.
        question: what the user said last; for `citation` with sources in lines such as `[1] The tau has a mass of …`.
        answer: the known answer; only `number` needs it.
        reply: of the model; reasoning blocks do not count.
    """
    return _JUDGES[name](question, answer, reply)


def check_judged(name: str, question: str, answer: str) -> None:
    """Refuse a question that a judge cannot judge.

    Raises:
        InputError: the answer is not a single number, or the question has no sources, numbered from 1.
    """
    if name == NUMBER and len(find_quantities(answer)) != 1:
        raise InputError(
            f"the answer {answer[:80]!r} is not one number, as training.reward=number needs it",
            hint="write a number with its unit, such as 1776.93 MeV",
        )
    numbers = [int(number) for number, _ in _SOURCE.findall(question)]
    if name == CITATION and (not numbers or numbers != list(range(1, len(numbers) + 1))):
        raise InputError(
            "the question has no sources numbered from 1, as training.reward=citation needs them",
            hint="write each in a line of its own, such as [1] The tau has a mass of 1776.93 MeV.",
        )


def _number(question: str, answer: str, reply: str) -> float:
    (wanted,), found = find_quantities(answer), find_quantities(without_reasoning(reply))
    return float(bool(found) and found[0].gives(wanted))


def _citation(question: str, answer: str, reply: str) -> float:
    sources = [NumberedSource(text.strip()) for _, text in _SOURCE.findall(question)]
    asked = _SOURCE.sub("", question).strip().removeprefix("Question:").strip()
    found = check(reply, sources, plan(asked))
    if any(one.rule in ("question", "link") for one in found):
        return 0.0
    said = without_reasoning(reply)
    places = [said[start:end].strip() for start, end in sentences(said)]
    wrong = {one.sentence for one in found}
    if not places or said in wrong:
        return 0.0
    return sum(sentence not in wrong for sentence in places) / len(places)


_JUDGES: dict[str, Callable[[str, str, str], float]] = {NUMBER: _number, CITATION: _citation}


def rewards(
    name: str, questions: Sequence[str], answers: Sequence[str], replies: Sequence[str]
) -> list[float]:
    """`reward` of each reply."""
    return [reward(name, *row) for row in zip(questions, answers, replies, strict=True)]
