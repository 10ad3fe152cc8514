"""The Expert answers from passages alone, with a verbatim quotation for each sentence, and is checked quantity by quantity."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from yukawa.core.files import read_text
from yukawa.data.engine.grounds import SourcePassage
from yukawa.data.engine.newbie import PROMPTS, Words
from yukawa.knowledge.citing.checking import Finding, check
from yukawa.knowledge.documents.asking import EXACT, asked
from yukawa.knowledge.documents.words import named as named_stems
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Plan
from yukawa.knowledge.parsing.statements import sentences
from yukawa.llm import GenerationOptions, Message
from yukawa.llm.control import without_control

TOKENS = 700
_POINTS_BACK = re.compile(r"(?:it|its|they|their|this|these|those|he|she)\b", re.IGNORECASE)


class QuotedSentence(BaseModel):
    """One sentence of an answer; the quotation comes first, so that a model reads before it concludes."""

    quote: Words
    passage: int
    text: Words


class ExpertReply(BaseModel):
    """What an Expert says."""

    answered: bool
    sentences: list[QuotedSentence] = Field(default_factory=list, max_length=4)


@dataclass(frozen=True)
class Rest:
    """What a sentence rests on: `quote` is the text of the passage from `start` to `end`."""

    sentence: int
    passage: SourcePassage
    start: int
    end: int

    @property
    def quote(self) -> str:
        """The words quoted."""
        return self.passage.text[self.start : self.end]

    @property
    def sha256(self) -> str:
        """The hash of the words quoted."""
        return hashlib.sha256(self.quote.encode()).hexdigest()


@dataclass(frozen=True)
class Judged:
    """An answer with its evidence, or why there is none.

    Attributes:
        answer: one or more sentences; '' where the question is not answered.
        rests: what each sentence rests on.
        reason: why the answer cannot be accepted; '' if it can.
        refused: whether the Expert itself said that the passages do not answer.
    """

    answer: str = ""
    rests: tuple[Rest, ...] = ()
    reason: str = ""
    refused: bool = False


def messages(question: str, domain: str, passages: Sequence[SourcePassage]) -> tuple[Message, ...]:
    """The prompt of an Expert."""
    rules = read_text(PROMPTS / "expert.md").format(domain=domain)
    blocks = [f"[{number}] {without_control(p.text)}" for number, p in enumerate(passages, start=1)]
    return Message("system", rules), Message("user", "\n".join([*blocks, "", f"Question: {question}"]))


def options() -> GenerationOptions:
    """How an Expert is asked."""
    return GenerationOptions(temperature=0.0, max_tokens=TOKENS)


def quoted(question: str, passages: Sequence[SourcePassage]) -> Judged:
    """The answer without a model: the sentences of the passages that answer, checked as a model's are."""
    rests: list[Rest] = []
    parts: list[str] = []
    for passage in passages:
        for start, end in sentences(passage.text):
            body = passage.text[start:end]
            first = start + len(body) - len(body.lstrip())
            last = first + len(body.strip())
            if last > first and (not passage.exact or _by_itself(passage.text[first:last])):
                rests.append(Rest(len(parts), passage, first, last))
                parts.append(passage.text[first:last])
    return (
        _checked(question, parts, rests)
        if parts
        else Judged(reason="no sentence of the passages makes sense by itself")
    )


def _by_itself(sentence: str) -> bool:
    """Whether a sentence says without those around it what it is about: not 'Its antiparticle is the D_s⁻'."""
    return not _POINTS_BACK.match(sentence) and not check(_with_mark(sentence, 1), [_Quotation(sentence)])


def judged(question: str, reply: ExpertReply, passages: Sequence[SourcePassage]) -> Judged:
    """What a model said, with the exact place of each quotation, or why it cannot be accepted."""
    if not reply.answered or not reply.sentences:
        return Judged(reason="the passages do not answer, says the Expert", refused=True)
    rests: list[Rest] = []
    parts: list[str] = []
    for statement in reply.sentences:
        if not 1 <= statement.passage <= len(passages):
            return Judged(reason=f"there is no passage {statement.passage}")
        passage = passages[statement.passage - 1]
        place = find_quote(statement.quote, passage.text)
        if place is None:
            return Judged(reason=f"not in passage {statement.passage}: {statement.quote[:80]!r}")
        text = " ".join(statement.text.split())
        if not text:
            return Judged(reason="a sentence is empty")
        rests.append(Rest(len(parts), passage, *place))
        parts.append(text)
    return _checked(question, parts, rests)


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """First and last place of a quotation in a text, white space aside; None if it is not there or says next to nothing."""
    words = quote.split()
    if len(words) < 2:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    return found.span() if found else None


@dataclass(frozen=True)
class _Quotation:
    """A quotation as `citing` takes it."""

    text: str
    url: str | None = None


def _checked(question: str, parts: Sequence[str], rests: Sequence[Rest]) -> Judged:
    """The answer, with the first thing that is wrong with it."""
    answer = " ".join(parts)
    read = plan(question)
    cited = " ".join(_with_mark(text, number) for number, text in enumerate(parts, start=1))
    found = check(cited, [_Quotation(rest.quote) for rest in rests], read if read.complete else None)
    wrong = [f for f in found if not _is_settled(f, read, rests)]
    if not wrong and not read.complete and (beside := _beside(question, answer)):
        return Judged(answer, tuple(rests), beside)
    reason = f"{wrong[0].rule}: {wrong[0].detail}" if wrong else ""
    return Judged(answer, tuple(rests), reason)


def _is_settled(found: Finding, read: Plan, rests: Sequence[Rest]) -> bool:
    """Whether the fact itself settles what reading its sentence cannot: a constant is known by its own name."""
    constants = all(
        name.startswith("constant:") for goal in read.goals for w in goal.operands for name in w.thing.names
    )
    return found.rule == "question" and constants and all(rest.passage.exact for rest in rests)


def _with_mark(text: str, number: int) -> str:
    """A sentence with its citation before the full stop, or behind what else it ends with."""
    bare = text.rstrip()
    inside = " ".join(bare.split())
    parts = [inside[a:b].strip() for a, b in sentences(inside)]
    return " ".join(
        f"{part[:-1]} [{number}]{part[-1]}" if part[-1:] in ".!?" else f"{part} [{number}]." for part in parts
    )


def _beside(question: str, answer: str) -> str:
    """Why an answer is beside a question that is not read as a plan: it lacks the form wanted, or says nothing new."""
    wanted = asked(question)
    if wanted.wants in EXACT and not wanted.seen_in(answer):
        return f"question: no {wanted.wants} is stated"
    about = {word for word in wanted.words if wanted.is_about(word)}
    said = named_stems(answer)
    if about and not about & set(said):
        return "question: it speaks of something else"
    return "" if set(said) - set(wanted.words) else "question: it says nothing of what was asked"
