"""Checks an answer against the passages that it cites, and adds citations where there is one passage that supports a sentence."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from yukawa.knowledge.citing.agreement import Departure, departures
from yukawa.knowledge.citing.comparing import is_supported
from yukawa.knowledge.citing.untrusted import without_reasoning
from yukawa.knowledge.facts import PROPERTIES
from yukawa.knowledge.parsing.plan import Plan, Wanted
from yukawa.knowledge.parsing.statements import (
    Assertion,
    read_sentences,
    sentences,
    statements,
    whole_sentences,
)

RULES = {
    "citation": "cites a passage that exists",
    "subject": "speaks of the passage's subject",
    "property": "gives the passage's property",
    "value": "values are in the passage",
    "error": "errors are in the passage",
    "unit": "units are in the passage",
    "limit": "limits are in the passage",
    "confidence level": "confidence levels are in the passage",
    "negation": "denies what the passage denies",
    "words": "claims what the passage says",
    "link": "links to the sources alone",
    "question": "answers the question",
}
_CITATION = re.compile(r" ?\[(\d{1,6}(?:, ?\d{1,6}){0,30})\]")
_LINK = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]{0,20}:)?//[^\s<>\"')\]]{1,2000}|\b(?:mailto|javascript|data):[^\s)]{1,2000}"
    r"|\bwww\.[^\s)]{1,500}|\]\((?=[^)\s:/.]{0,200}+[:/.])[^)\s]{1,2000}"
)
_SPACED_STOP = re.compile(r" ([.!?])$")
_SUBJECTS_ONLY = frozenset({"overview", "list", "count", "which", "reverse"})


class Quotable(Protocol):
    """What an answer may rest on: a text with the address that it comes from, if it has one."""

    @property
    def text(self) -> str:
        """The words."""

    @property
    def url(self) -> str | None:
        """The address of the text."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an answer.

    Args:
        rule: a key of `RULES`.
        sentence: the words of the answer that break it.
        detail: what is wrong, for people.
    """

    rule: str
    sentence: str
    detail: str


def citations(text: str) -> list[int]:
    """Numbers of the passages cited, in order, once each."""
    found = [int(number) for group in _CITATION.findall(text) for number in group.split(",")]
    return list(dict.fromkeys(found))


def check(
    answer: str, passages: Sequence[Quotable], question_plan: Plan | None = None
) -> tuple[Finding, ...]:
    """Find what in `answer` its passages do not support; nothing if every statement is in a passage cited with it.

    Args:
        answer: as the model wrote it, with citations such as [1] or [2][3]; reasoning blocks do not count.
        passages: what it was written from, numbered from 1 in this order.
        question_plan: the reading of the question: the answer must state the property asked of the thing asked.
    """
    answer = without_reasoning(answer)
    found = [*_links(answer, passages)]
    said: list[Assertion] = []
    for sentence, claims in _claims(answer, question_plan.question if question_plan else ""):
        said += claims
        if not claims:  # 'Yes.'
            continue
        cited = citations(sentence)
        known = [passages[n - 1] for n in cited if 1 <= n <= len(passages)]
        if unknown := [n for n in cited if not 1 <= n <= len(passages)]:
            found.append(
                Finding("citation", sentence, f"no passage has the number {', '.join(map(str, unknown))}")
            )
        elif not cited:
            found.append(Finding("citation", sentence, "no passage is cited"))
        else:
            found += (
                Finding(d.rule, sentence, d.detail) for claim in claims for d in _unsupported(claim, known)
            )
    if not said:
        found.append(Finding("citation", answer, "the answer states nothing"))
    if question_plan is not None:
        found += (Finding("question", answer, detail) for detail in _unanswered(question_plan, said))
    return tuple(dict.fromkeys(found))


def attach(answer: str, passages: Sequence[Quotable], question_plan: Plan | None = None) -> str:
    """`answer` with a citation after each sentence that had none and that exactly one passage supports."""
    answer = without_reasoning(answer)
    parts, done = [], 0
    question = question_plan.question if question_plan else ""
    for (start, end), (sentence, claims) in zip(sentences(answer), _claims(answer, question), strict=True):
        if claims and not citations(sentence):
            numbers = _only_supports(claims, passages)
            body = answer[start:end].rstrip()
            mark = "".join(f"[{n}]" for n in numbers)
            place = start + len(body.rstrip(".!?。")) if body[-1:] in ".!?。" else start + len(body)
            parts += [answer[done:place], f" {mark}" if mark else ""]
            done = place
    return "".join(parts) + answer[done:]


def _only_supports(claims: Sequence[Assertion], passages: Sequence[Quotable]) -> list[int]:
    """The passages that support the claims, if each has exactly one; else none."""
    numbers = []
    for claim in claims:
        found = [n for n, passage in enumerate(passages, start=1) if not _unsupported(claim, [passage])]
        if len(found) != 1:
            return []
        numbers += found
    return sorted(set(numbers))


def _claims(answer: str, question: str = "") -> Iterator[tuple[str, list[Assertion]]]:
    """Each sentence of the answer with what it claims; one that names no thing speaks of that of the one before or of the question."""
    places = sentences(answer)
    asked, *read = read_sentences([" ".join(question.split()), *(_bare(answer[a:b]) for a, b in places)])
    for (start, end), found in zip(places, read, strict=True):
        claims = [_completed(s, asked) for s in found]
        yield answer[start:end].strip(), [s for s in claims if _claims_something(s)]


def _completed(said: Assertion, asked: Sequence[Assertion]) -> Assertion:
    """A bare value is that of what a question asks which names no particle: '100 km' of the ring's circumference."""
    if said.quantity is None or len(asked) != 1 or _names_something(said) or asked[0].things:
        return said
    return replace(said, properties=asked[0].properties, words=asked[0].words)


def _names_something(s: Assertion) -> bool:
    return bool(s.things or s.transitions or s.properties or s.words)


def _bare(sentence: str) -> str:
    """A sentence without citations and links."""
    text = " ".join(_LINK.sub(" ", _CITATION.sub(" ", sentence)).split())
    return _SPACED_STOP.sub(r"\1", text)


def _claims_something(s: Assertion) -> bool:
    return bool(s.quantity or s.things or s.transitions or s.properties or s.words or s.others or s.negated)


def _unsupported(claim: Assertion, passages: Sequence[Quotable]) -> list[Departure]:
    """Why no passage supports a claim: how it differs from the statement that is nearest to it."""
    if is_supported(claim, [s for passage in passages for s in statements(passage.text)]):
        return []
    candidates = [found for passage in passages for found in _compared(claim, passage)]
    if not candidates:
        return [Departure("words", "the passage states nothing of the kind")]
    return min(candidates, key=_distance)


def _distance(found: Sequence[Departure]) -> tuple[int, int]:
    order = list(RULES)
    return len({d.rule for d in found} & {"subject", "property"}), sum(1 for _ in found) * 100 - min(
        (order.index(d.rule) for d in found), default=0
    )


def _compared(claim: Assertion, passage: Quotable) -> Iterator[list[Departure]]:
    stated = statements(passage.text)
    whole = list(whole_sentences(stated))
    words = {w.sentence: _words(w) for w in whole}
    if claim.quantity is not None:
        for source in stated:
            if source.quantity is not None:
                yield departures(claim, source, words[source.sentence])
        return
    for source in whole:
        yield departures(claim, source, words[source.sentence])
    if not claim.negated and not any(w.negated for w in whole) and len(whole) > 1:
        yield departures(claim, _together(whole), set().union(*words.values()))


def _words(s: Assertion) -> set[str]:
    return {*s.words, *s.others, *s.properties, *("/".join(names) for names in s.things)}


def _together(whole: Sequence[Assertion]) -> Assertion:
    """A passage without any denial as one statement."""
    return Assertion(
        0, tuple(t for s in whole for t in s.things), frozenset().union(*(s.properties for s in whole)),
        tuple(t for s in whole for t in s.transitions), frozenset().union(*(s.words for s in whole)),
    )  # fmt: skip


# ---- links and the question --------------------------------------------------------------------------


def _links(answer: str, passages: Sequence[Quotable]) -> Iterator[Finding]:
    hosts = {urlsplit(p.url).hostname for p in passages if p.url}
    for match in _LINK.finditer(answer):
        link = match[0].removeprefix("](")
        if link.startswith("www."):
            link = "//" + link
        try:
            host, scheme = urlsplit(link).hostname, urlsplit(link).scheme
        except ValueError:
            host, scheme = None, ""
        if host is None or host not in hosts or scheme not in ("", "http", "https"):
            yield Finding("link", match[0], f"not a link to one of the sources: {link[:80]}")


def _unanswered(plan: Plan, said: Sequence[Assertion]) -> Iterator[str]:
    """What the question asked and the answer does not state."""
    for goal in plan.goals:
        for wanted in goal.operands:
            if goal.operation in _SUBJECTS_ONLY:
                if not any(_speaks_of(s, wanted) for s in said):
                    yield f"nothing is said of {wanted.thing.text}"
            elif not any(_states(s, wanted) for s in said):
                yield f"the {wanted.property.replace('-', ' ')} of {wanted.thing.text} is not stated"


def _speaks_of(s: Assertion, wanted: Wanted) -> bool:
    named: Iterable[Sequence[str]] = [*s.things, *(parents for parents, _, _ in s.transitions)]
    return any(set(names) & set(wanted.thing.names) for names in named)


def _states(s: Assertion, wanted: Wanted) -> bool:
    if not _speaks_of(s, wanted):
        return False
    if wanted.property in s.properties:
        measured = wanted.property in PROPERTIES and PROPERTIES[wanted.property].dimension is not None
        return s.quantity is not None or s.negated or (not measured and bool(s.words or s.others or s.things))
    return wanted.property in ("branching-fraction", "decays", "other") and bool(s.transitions or s.words)
