"""How well a statement answers a question: what it covers, what is missing, whether it has the form of an answer, in one number."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from yukawa.embedding.base import Vectors
from yukawa.knowledge.documents.asking import EXACT, Asked
from yukawa.knowledge.documents.statements import PassageStatement, statements
from yukawa.knowledge.documents.words import alike, misspelt, stem_set
from yukawa.knowledge.records import Hit

# What each piece of evidence weighs; a statement answers from a sum of 0 on. A logistic choice among all statements of the
# passages found and "none of them", fitted by `benchmarks/documents.py --fit` on the sets in benchmarks/questions. These few hold
# for questions of a set that was not fitted; the more there were, the worse they carried over.
WEIGHTS: Mapping[str, float] = {
    "one": -8.86,
    "covered": 12.05,
    "unknown": -8.92,
    "name missing": -0.61,
    "figure missing": -1.67,
    "not of the kind": -4.48,
    "perhaps not of the kind": -1.19,
    "counts nothing": -2.32,
    "names it": 1.79,
    "asks": -2.56,
    "long": -1.21,
}
# The same for the few statements that `WEIGHTS` puts first, when their likeness in meaning is known too.
WEIGHTS_WITH_MEANING: Mapping[str, float] = {
    "one": -8.58,
    "covered": 5.91,
    "unknown": -5.4,
    "name missing": -0.95,
    "figure missing": -3.09,
    "not of the kind": -3.39,
    "perhaps not of the kind": -0.86,
    "counts nothing": -1.86,
    "names it": 1.06,
    "asks": -1.28,
    "long": -0.85,
    "means it": 8.26,
}
COMPARED = 4  # statements whose meaning is compared: each takes some 15 ms
MEANING = "minilm"  # the embedder whose cosines the weights hold for
# The weight of a word that is not in the statement itself but around it, and of one that is only similar.
_HEADING, _BEFORE, _SOURCE, _PASSAGE, _ALIKE = 0.9, 0.85, 0.6, 0.25, 0.8
_RARITY_SCALE = 1.6
_LONG = 25  # words of a statement that is not yet long
_READ = 500  # characters of a statement and its headings whose meaning is compared

Embed: TypeAlias = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement of a passage, with its evidence.

    Args:
        hit: the passage.
        place: its number in the passage.
        covered: the share from 0 to 1 of what the question names that it and its surroundings state.
        evidence: values by the names of `WEIGHTS`.
    """

    hit: Hit
    place: int
    covered: float
    evidence: Mapping[str, float]

    @property
    def score(self) -> float:
        """The evidence, weighed: 0 and more speak for an answer."""
        weights = WEIGHTS_WITH_MEANING if "means it" in self.evidence else WEIGHTS
        return sum(weights[name] * value for name, value in self.evidence.items())

    @property
    def statement(self) -> PassageStatement:
        """The statement itself."""
        return statements(body_and_headings(self.hit)[0])[self.place]


def body_and_headings(hit: Hit) -> tuple[str, tuple[str, ...]]:
    """A passage without the headings in front of it, and these."""
    headings = hit.place.headings if hit.place else ()
    return hit.text.removeprefix(" / ".join(headings) + ": ") if headings else hit.text, headings


def with_meaning(question: str, candidates: Sequence[Candidate], embed: Embed) -> list[Candidate]:
    """The best of `candidates`, which come best first, with the cosine of question and statement as evidence, best first."""
    best = candidates[:COMPARED]
    read = [" / ".join([*body_and_headings(c.hit)[1][-2:], c.statement.text])[:_READ] for c in best]
    vectors = embed([question, *read])
    cosines = vectors[1:] @ vectors[0]
    found = (
        replace(c, evidence={**c.evidence, "means it": float(x)}) for c, x in zip(best, cosines, strict=True)
    )
    return sorted(found, key=lambda c: -c.score)


class Weighing:
    """Weighs the statements of passages for one question.

    Args:
        asked: the question.
        hits: the passages that a search found for it, best first; how rare a word is, is counted in them.
    """

    def __init__(self, asked: Asked, hits: Sequence[Hit]) -> None:
        self._asked, self._hits = asked, hits
        passages = [stem_set(f"{hit.question or ''} {hit.text}") for hit in hits]
        self._vocabulary = frozenset().union(*passages)
        self._alike = [self._like(word) for word in asked.words]

        def rarity(word: str) -> float:
            """Inverse document frequency as in BM25, scaled to that of a whole base."""
            holding = sum(word in passage for passage in passages)
            return _RARITY_SCALE * math.log(1 + (len(hits) - holding + 0.5) / (holding + 0.5))

        self._weights = asked.weights(rarity)
        whole = sum(self._weights)
        nowhere = self.nowhere()
        # What no passage holds cannot tell one statement from another.
        self._weights = [0.0 if w in nowhere else n for w, n in zip(asked.words, self._weights, strict=True)]
        self._whole = sum(self._weights) or 1e-9
        self._unknown = 1 - self._whole / whole if whole else 0.0

    def _like(self, word: str) -> frozenset[str]:
        """The words of the passages that are like one of the question; if it occurs nowhere, those it may be a slip of."""
        if word in self._asked.identifiers:
            return frozenset()
        found = alike(word, self._vocabulary)
        if found or word in self._vocabulary or word in self._asked.names:
            return found
        return misspelt(word, self._vocabulary)

    def nowhere(self) -> list[str]:
        """The words the question is about that no passage holds."""
        known = {word for word, like in zip(self._asked.words, self._alike, strict=True) if like}
        return self._asked.nowhere(lambda word: word in self._vocabulary or word in known)

    def misses_a_name(self) -> bool:
        """Whether a name in the question, such as 'Kubernetes' or 'Sim11', occurs in no passage."""
        return not self._asked.names.isdisjoint(self.nowhere())

    def candidates(self, passages: int) -> Iterator[Candidate]:
        """The statements of the best passages."""
        for hit in self._hits[:passages]:
            body, headings = body_and_headings(hit)
            source = hit.provenance.source
            heading = self._likeness(stem_set(" / ".join(headings)))
            title = self._likeness(stem_set(source.rpartition(".")[0] or source))
            passage = self._likeness(stem_set(hit.text))
            for place, statement in enumerate(statements(body)):
                if statement.kind == "text" and statement.text.endswith(":"):
                    continue  # it only leads to what follows
                if hit.question:  # the answer to a question is read with it
                    statement = replace(statement, text=f"{hit.question} {statement.text}")
                own = self._likeness(statement.words)
                before = self._likeness(stem_set(statement.before))
                here = [
                    max(o, _HEADING * h, _BEFORE * b, _SOURCE * t, _PASSAGE * p)
                    for o, h, b, t, p in zip(own, heading, before, title, passage, strict=True)
                ]
                near = [
                    max(*four, _ALIKE * t)
                    for *four, t in zip(own, heading, before, passage, title, strict=True)
                ]
                evidence = self._coverage(here, near) | self._form(statement)
                yield Candidate(hit, place, self._sum(here) / self._whole, evidence)

    def _likeness(self, words: frozenset[str]) -> list[float]:
        """For each word of the question 1 if it is among `words`, less if one is like it, else 0."""
        return [
            1.0 if word in words else _ALIKE if like and not like.isdisjoint(words) else 0.0
            for word, like in zip(self._asked.words, self._alike, strict=True)
        ]

    def _sum(self, shares: Iterable[float]) -> float:
        return sum(weight * share for weight, share in zip(self._weights, shares, strict=True))

    def _coverage(self, here: Sequence[float], near: Sequence[float]) -> dict[str, float]:
        """What of the question is in the statement and around it, and what is missing in its whole passage."""
        asked = self._asked
        far = [word for word, n in zip(asked.words, near, strict=True) if n < 0.5]
        return {
            "one": 1.0,
            "covered": self._sum(here) / self._whole,
            "unknown": self._unknown,
            "name missing": float(any(word in asked.names for word in far)),
            "figure missing": float(any(any(c.isdigit() for c in word) for word in far)),
        }

    def _form(self, statement: PassageStatement) -> dict[str, float]:
        """Whether the statement looks like an answer of the kind wanted."""
        asked, text = self._asked, statement.text
        seen = asked.seen_in(text)
        exact = asked.wants in EXACT
        return {
            "not of the kind": float(exact and not seen),
            "perhaps not of the kind": float(not exact and seen is False),
            "counts nothing": float(bool(asked.counted) and not asked.is_counted_in(text)),
            "names it": float(bool(asked.identifiers) and asked.identifiers <= statement.words),
            "asks": float(text.rstrip().endswith("?")),
            "long": max(0, len(text.split()) - _LONG) / 50,
        }
