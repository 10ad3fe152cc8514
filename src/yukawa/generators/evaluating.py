"""How well models write code of high-energy physics: sentences become decay cards, which are parsed, checked and run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yukawa.core.errors import YukawaError
from yukawa.generators import checking, events, plans, reading, requests, species, writing

if TYPE_CHECKING:
    from yukawa.llm import SyncChat

MARKS = ("parses", "passes", "holds", "generates")
_EVENTS = 20
_TOKENS = 400
_FENCED = re.compile(r"```\w*\n(.*?)(?:```|\Z)", re.DOTALL)
_RULES = """You write decay cards for EvtGen. Reply with the card alone.
Example. Sentence: simulate J/psi -> rho0 pi0, rho0 -> pi+ pi-
Decay J/psi
1.0 rho0 pi0 PHSP;
Enddecay
Decay rho0
1.0 pi+ pi- VSS;
Enddecay
End"""

# Writes the card of a sentence, or raises a YukawaError.
Writer = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class CodeTask:
    """A sentence with the experiment and the chain that it wants; no chain where a refusal is right."""

    sentence: str
    experiment: str
    steps: tuple[plans.DecayStep, ...]


@dataclass(frozen=True, slots=True)
class CodeMarks:
    """What is right about a card.

    Args:
        parses: it is read without an error of its grammar, and decays something.
        passes: the check finds no error.
        holds: it holds every decay of the chain.
        generates: events of it are generated.
    """

    parses: bool = False
    passes: bool = False
    holds: bool = False
    generates: bool = False


def code_tasks() -> list[CodeTask]:
    """The sentences of the package that want a card, written by hand for four experiments in English, Chinese and LaTeX."""
    found = []
    for sentence, experiment, chain in species.table_rows("sentences"):
        steps = () if chain == "-" else tuple(map(_step, chain.split("; ")))
        found.append(CodeTask(sentence, experiment, steps))
    return found


def _step(text: str) -> plans.DecayStep:
    """A decay, with its model in brackets where the sentence names one."""
    chain, _, model = text.rstrip("]").partition(" [")
    parent, _, daughters = chain.partition(" -> ")
    return plans.DecayStep(parent, tuple(daughters.split()), model=tuple(model.split()))


def mark_card(text: str, steps: Sequence[plans.DecayStep]) -> CodeMarks:
    """Mark a card for the chain that was wanted; each mark needs the one before it, but that it holds the chain."""
    card = reading.read_card(text)
    parses = not [each for each in card.found if each.level == "error"] and any(
        block.modes for block in card.blocks()
    )
    if not parses:
        return CodeMarks()
    passes = not [each for each in checking.check(text, name="card.dec") if each.level == "error"]
    holds = not writing.missing_steps(text, plans.CardPlan(tuple(steps)))
    try:
        events.EventGenerator(card).generate(_EVENTS, next(card.blocks()).parent)
    except (YukawaError, ValueError, ArithmeticError, LookupError):
        return CodeMarks(True, passes, holds)
    return CodeMarks(True, passes, holds, passes)


def grammar(sentence: str) -> str:
    """The card that code alone writes."""
    return requests.write_request("decay-card", sentence).text


def card_writer(chat: SyncChat) -> Writer:
    """A model writes the card itself."""
    from yukawa.llm import GenerationOptions, Message

    def write(sentence: str) -> str:
        """The text of a reply, or of the first block of code in it."""
        messages = [Message("system", _RULES), Message("user", f"Sentence: {' '.join(sentence.split())}")]
        text = chat.chat(messages, GenerationOptions(max_tokens=_TOKENS)).text
        fenced = _FENCED.search(text)
        return fenced[1] if fenced else text

    return write


def plan_writer(chat: SyncChat) -> Writer:
    """A model reads the sentence as a plan, and code writes the card."""
    return lambda sentence: writing.write_card(requests.propose_plan(sentence, chat)).text


def evaluate_code(
    writers: Mapping[str, Writer],
    tasks: Sequence[CodeTask],
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Let each writer write each card, and compare the shares that are right.

    Args:
        writers: by name; all are compared with the first, pair by pair of cards.
        tasks: those that want a card.
        progress: called with the number of cards done, and with that of all.

    Returns:
        The tasks' number; for each writer the share of each mark with its Wilson interval, and how many it refused to
        write; for each other writer the difference from the first, with the interval of the paired bootstrap and the p-value
        of McNemar's exact test.
    """
    from yukawa.core.statistics import wilson_estimate

    marks: dict[str, list[CodeMarks]] = {}
    refused: dict[str, int] = {}
    for number, (name, write) in enumerate(writers.items()):
        marks[name], refused[name] = [], 0
        for at, task in enumerate(tasks):
            try:
                marks[name].append(mark_card(write(task.sentence), task.steps))
            except YukawaError:
                marks[name].append(CodeMarks())
                refused[name] += 1
            if progress:
                progress(number * len(tasks) + at + 1, len(writers) * len(tasks))
    first, *others = marks
    shares = {
        name: {
            mark: _interval(wilson_estimate(sum(getattr(each, mark) for each in rows), len(rows)))
            for mark in MARKS
        }
        for name, rows in marks.items()
    }
    differences = [
        _difference(marks[first], marks[name], mark) | {"first": first, "second": name}
        for name in others
        for mark in MARKS
    ]
    return {"tasks": len(tasks), "shares": shares, "refused": refused, "differences": differences}


def _interval(found: Any) -> dict[str, float | None]:
    return {
        name: None if getattr(found, name) != getattr(found, name) else round(getattr(found, name), 4)
        for name in ("value", "low", "high")
    }


def _difference(first: Sequence[CodeMarks], second: Sequence[CodeMarks], mark: str) -> dict[str, Any]:
    from yukawa.core.statistics import SHARE, Sample, difference, mcnemar_p

    pairs = [(getattr(one, mark), getattr(other, mark)) for one, other in zip(first, second, strict=True)]
    only = [sum(one and not other for one, other in pairs), sum(other and not one for one, other in pairs)]
    one, other = (Sample.mean([float(pair[side]) for pair in pairs], within=SHARE) for side in (0, 1))
    return {"mark": mark, **_interval(difference(one, other)), "p": mcnemar_p(*only)}
