"""Answers from documents: the statement that says what is asked of the thing that is asked about, or none."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yukawa.knowledge.base import KnowledgeBase
from yukawa.knowledge.documents.asking import Asked, asked
from yukawa.knowledge.documents.statements import PassageStatement, statements
from yukawa.knowledge.documents.words import likeness, stems
from yukawa.knowledge.records import Hit

CANDIDATES = 60
# An answer is given from this coverage on, if no word is missing that weighs more than this, and if the passage is
# near the question in meaning, where there are vectors. Chosen on benchmarks/questions/documents_dev.jsonl.
COVERED, MISSING, NEAR = 0.775, 4.0, 0.2
# A statement about an identifier of the question needs less: there is no other thing of that name.
COVERED_NAMED, MISSING_NAMED = 0.6, 2.0
FLOOR = 0.5  # passages of less coverage are not shown: they only distract
STATEMENTS, NEAREST = 2, 3
_BESIDE = 0.9  # a second statement is quoted if it ranks this near to the first
# What a word counts that stands not in the statement itself but around it.
_HEADING, _BEFORE, _SOURCE, _PASSAGE = 0.9, 0.85, 0.6, 0.25
_RARITY_SCALE = 1.6
_DEFINES = re.compile(
    r"\W*(?:\S+\s+){0,3}?\S+\s+(?:\([^)]*\)\s*,?)?\s*(?:is|are|stands? for|means?|refers?|describes?)\b"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A statement quoted whole, with where it stands.

    Args:
        text: the statement; code and list items with the sentence that leads to them.
        headings: those above it, outermost first.
        covered: the share from 0 to 1 of what the question names that it and its surroundings state.
        missing: the weight of the heaviest word of the question that they do not state.
        hit: the passage it is taken from, with its place in the source.
    """

    text: str
    headings: tuple[str, ...]
    covered: float
    missing: float
    hit: Hit

    @property
    def quote(self) -> str:
        """The statement with its headings in front."""
        return f"{' / '.join(self.headings)}: {self.text}" if self.headings else self.text


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """The statements that answer, best first; if none does, `nearest` are the passages that come close, if any do."""

    spans: tuple[Span, ...]
    nearest: tuple[Span, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether no statement answers."""
        return not self.spans


def answer_from_documents(
    question: str, base: KnowledgeBase, *, as_of: str | None = None, domain: str | None = None
) -> DocumentAnswer | None:
    """The statements of taught documents that answer `question`; None if there are no documents to search.

    A statement answers if it, its headings, the sentence before it and its source state what the question names, none of
    it rare and missing, and if it holds a number, date or name where one is wanted. Meaning is looked at where the base
    has vectors; without them words alone decide.

    Args:
        question: in English.
        base: where documents are.
        as_of: the moment from whose knowledge to answer.
        domain: only documents of this domain.

    Raises:
        InputError: the question is empty, or `as_of` names no moment of the base.
    """
    hits = base.search(question, k=CANDIDATES, as_of=as_of, domain=domain, kind="document")
    wanted = asked(question)
    if not hits or not wanted.words:
        return None if not hits else DocumentAnswer(())
    ranked = sorted(_weighed(wanted, hits), key=lambda pair: -pair[0])
    best = ranked[0][0] if ranked else 0.0
    supported = [
        span for rank, span in ranked[:STATEMENTS] if rank >= _BESIDE * best and _is_supported(wanted, span)
    ]
    if supported and _is_supported(wanted, ranked[0][1]):
        return DocumentAnswer(tuple(supported))
    nearest = [span for _, span in ranked if span.covered >= FLOOR]
    return DocumentAnswer(
        (), tuple({span.hit.passage_id: span for span in reversed(nearest[:NEAREST])}.values())[::-1]
    )


def _is_supported(wanted: Asked, span: Span) -> bool:
    if not wanted.is_answered_by(span.text) or 0 < span.hit.similarity < NEAR:
        return False
    if wanted.identifiers:
        names_it = wanted.identifiers <= frozenset(stems(span.quote))
        return names_it and span.covered >= COVERED_NAMED and span.missing <= MISSING_NAMED
    return span.covered >= COVERED and span.missing <= MISSING


def _weighed(wanted: Asked, hits: Sequence[Hit]) -> list[tuple[float, Span]]:
    """Rank and span of every statement in the passages."""
    weights = wanted.weights(_rarity([frozenset(stems(hit.text)) for hit in hits]))
    found: list[tuple[float, Span]] = []
    for hit in hits:
        headings = hit.place.headings if hit.place else ()
        prefix = " / ".join(headings) + ": "
        body = hit.text.removeprefix(prefix) if headings else hit.text
        around = (
            (_HEADING, frozenset(stems(prefix))),
            (_SOURCE, frozenset(stems(hit.provenance.source.rpartition(".")[0] or hit.provenance.source))),
            (_PASSAGE, frozenset(stems(hit.text))),
        )
        for statement in statements(body):
            own, covered, missing = _evidence(wanted, weights, statement, around)
            span = Span(statement.text, headings, covered, missing, hit)
            found.append((_rank(wanted, weights, statement, hit, own, covered), span))
    return found


def _rarity(passages: Sequence[frozenset[str]]) -> Callable[[str], float]:
    """How rare a word is among the passages found (inverse document frequency as in BM25, scaled to a whole base)."""
    count = len(passages)

    def rarity(word: str) -> float:
        holding = sum(word in passage for passage in passages)
        return _RARITY_SCALE * math.log(1 + (count - holding + 0.5) / (holding + 0.5))

    return rarity


def _evidence(
    wanted: Asked,
    weights: dict[str, float],
    statement: PassageStatement,
    around: Sequence[tuple[float, frozenset[str]]],
) -> tuple[float, float, float]:
    """Shares of the question's weight that the statement states itself and with its surroundings; the heaviest gap."""
    before = (_BEFORE, frozenset(stems(statement.before)))
    total = own = covered = missing = 0.0
    for word, weight in weights.items():
        here = likeness(word, statement.words)
        there = max(share * likeness(word, words) for share, words in (*around, before))
        total += weight
        own += weight * here
        covered += weight * max(here, there)
        if wanted.shares.get(word, 1.0) > 0.4:
            missing = max(missing, weight * (1 - max(here, there)))
    return own / total, covered / total, missing


def _rank(
    wanted: Asked,
    weights: dict[str, float],
    statement: PassageStatement,
    hit: Hit,
    own: float,
    covered: float,
) -> float:
    """What orders statements: coverage, then how plainly it answers; questions, lead-ins and repetitions come last."""
    text = statement.text
    length = len(text.split())
    fresh = bool(statement.words - set(wanted.words))
    names_it = bool(wanted.identifiers) and wanted.identifiers <= statement.words
    lead = statement.kind == "text" and text.endswith(":")
    return (
        covered + 0.3 * names_it + 0.2 * own + 0.15 * hit.lexical + 0.15 * max(0.0, hit.similarity)
        + 0.25 * _defines(wanted, weights, statement)
        - 0.35 * (not wanted.is_answered_by(text)) - 0.25 * text.rstrip().endswith("?") - 0.3 * (not fresh)
        - 0.004 * max(0, length - 25) - 0.1 * (statement.kind == "code") - 0.1 * lead
    )  # fmt: skip


def _defines(wanted: Asked, weights: dict[str, float], statement: PassageStatement) -> float:
    """From 0 to 1, how much the statement looks like a definition of what the question names, if one is wanted."""
    if wanted.wants != "definition":
        return 0.0
    main = max(weights, key=lambda word: weights[word])
    first = main in stems(" ".join(statement.text.split()[:5]))[:4]
    if first and _DEFINES.match(statement.text[:400]):
        return 1.0
    if re.search(
        rf"\([^)]{{0,3}}\b{re.escape(main)}", statement.text.lower()
    ):  # 'PileUp Per Particle Id (PUPPI)'
        return 0.7
    return 0.5 if first and statement.kind != "text" else 0.0
