"""Answers from documents: the statement that says what is asked of the thing that is asked about, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from yukawa.knowledge.base import KnowledgeBase
from yukawa.knowledge.documents.asking import asked
from yukawa.knowledge.documents.evidence import (
    MEANING,
    Candidate,
    Embed,
    Weighing,
    body_and_headings,
    with_meaning,
)
from yukawa.knowledge.documents.statements import PassageStatement, statements
from yukawa.knowledge.records import Hit

# Passages searched, of which the first are read statement by statement; the others tell how rare a word is.
SEARCHED, READ = 60, 30
# So many statements are quoted at most: those that score less than the best by no more than this.
STATEMENTS, BESIDE = 3, 3.0
PARAGRAPH_WORDS = 40  # the sentences around a statement are quoted with it up to this length
# Passages of less coverage are not shown: they only distract. Measured by benchmarks/nearest.py.
FLOOR, NEAREST = 0.75, 3


@dataclass(frozen=True, slots=True)
class Span:
    """A statement quoted whole, with its place.

    Args:
        text: the statement; a sentence of a short paragraph with those around it, code and list items with what leads to them.
        headings: those above it, outermost first.
        covered: the share from 0 to 1 of what the question names that it and its surroundings state.
        hit: the passage it is taken from, with its place in the source.
    """

    text: str
    headings: tuple[str, ...]
    covered: float
    hit: Hit

    @property
    def quote(self) -> str:
        """The statement with its headings in front."""
        return f"{' / '.join(self.headings)}: {self.text}" if self.headings else self.text


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """The statements that answer, best first; if none does, the passages that come near, and the words that no document holds."""

    spans: tuple[Span, ...]
    nearest: tuple[Span, ...] = ()
    nowhere: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether no statement answers."""
        return not self.spans


def answer_from_documents(
    question: str, base: KnowledgeBase, *, as_of: str | None = None, domain: str | None = None
) -> DocumentAnswer | None:
    """The statements of taught documents that answer `question`; None if there are no documents to search.

    Args:
        question: in English.
        base: where documents are.
        as_of: the moment from whose knowledge to answer.
        domain: only documents of this domain.

    Raises:
        InputError: the question is empty, or `as_of` names no moment of the base.
    """
    hits = base.search(question, k=SEARCHED, as_of=as_of, domain=domain, kind="document")
    return answer_from_passages(question, hits, meaning_of(base)) if hits else None


def meaning_of(base: KnowledgeBase) -> Embed | None:
    """What turns texts into vectors whose likeness is evidence; None for a base without such vectors."""
    return base.embed if base.embedding == MEANING else None


def answer_from_passages(question: str, hits: Sequence[Hit], embed: Embed | None = None) -> DocumentAnswer:
    """The statements of these passages that answer `question`.

    A question about something that no passage mentions is refused. Else each statement is weighed: what it and its surroundings
    state of what the question names, what of it is missing, and whether it has the form of an answer, such as a number for
    'how many' (see `yukawa.knowledge.documents.evidence`).

    Args:
        question: in English.
        hits: all that a search found for it, best first: how rare a word is, is counted in them.
        embed: compares the meaning of the question with that of the statements that come nearest, if given.
    """
    wanted = asked(question)
    if not hits or not wanted.words:
        return DocumentAnswer(())
    weighing = Weighing(wanted, hits)
    ranked = sorted(weighing.candidates(READ), key=lambda c: -c.score)
    nowhere = tuple(wanted.words[word] for word in weighing.nowhere())
    best = ranked
    if embed is not None and ranked and not weighing.misses_a_name():
        best = with_meaning(question, ranked, embed)
    if weighing.misses_a_name() or not ranked or best[0].score < 0:
        near = [c for c in ranked if c.covered >= FLOOR][:NEAREST]
        first_of_passage = {c.hit.passage_id: c for c in reversed(near)}
        return DocumentAnswer((), tuple(map(_span, reversed(first_of_passage.values()))), nowhere)
    chosen = [c for c in best[:STATEMENTS] if c.score >= max(0.0, best[0].score - BESIDE)]
    spans = {(span.hit.passage_id, span.text): span for span in map(_span, chosen)}
    return DocumentAnswer(tuple(spans.values()))


def _span(candidate: Candidate) -> Span:
    _, headings = body_and_headings(candidate.hit)
    return Span(quoted(candidate), headings, candidate.covered, candidate.hit)


def quoted(candidate: Candidate) -> str:
    """The words that are quoted for a candidate: the statement, a sentence with its neighbours in a short paragraph."""
    found = statements(body_and_headings(candidate.hit)[0])
    first, last = _with_neighbours(found, candidate.place)
    return " ".join(statement.text for statement in found[first : last + 1])


def _with_neighbours(found: Sequence[PassageStatement], place: int) -> tuple[int, int]:
    """The first and last sentence to quote: those of the same paragraph that follow, then those before, while they are short."""

    def belongs(n: int) -> bool:
        return 0 <= n < len(found) and (found[n].kind, found[n].paragraph) == ("text", found[place].paragraph)

    def is_short(first: int, last: int) -> bool:
        return sum(len(s.text.split()) for s in found[first : last + 1]) <= PARAGRAPH_WORDS

    first = last = place
    while belongs(last + 1) and is_short(first, last + 1):
        last += 1
    while belongs(first - 1) and is_short(first - 1, last):
        first -= 1
    return first, last
