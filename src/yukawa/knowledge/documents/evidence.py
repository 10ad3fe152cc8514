"""How well a statement answers a question: what it covers, what is missing, whether it has the form of an answer, in one number."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from yukawa.knowledge.documents.asking import EXACT, Asked
from yukawa.knowledge.documents.statements import PassageStatement, statements
from yukawa.knowledge.documents.words import alike, stem_set, stems
from yukawa.knowledge.records import Hit

# What each piece of evidence weighs; a statement answers from a sum of 0 on. A logistic choice among all statements of the
# passages found and "none of them", fitted by `benchmarks/documents.py --fit` on the two sets in benchmarks/questions.
WEIGHTS: Mapping[str, float] = {
    "one": -7.53,
    "stated": 4.09,
    "stated of what it is about": -2.42,
    "covered": 10.6,
    "name missing": -2.56,
    "figure missing": -2.57,
    "attribute missing": -3.44,
    "verb missing": -1.15,
    "not of the kind": -5.76,
    "perhaps not of the kind": -2.43,
    "counts nothing": -3.38,
    "defines": 0.96,
    "defines nothing": -1.96,
    "words together": 3.97,
    "names it": 3.76,
    "asks": -5.55,
    "says nothing new": -1.83,
    "code": -1.14,
    "row or item": 0.69,
    "long": -4.38,
    "rank": -0.69,
    "similarity": 4.63,
    "vectors": -1.63,
}
# What a word counts that stands not in the statement itself but around it, and one that is only like it.
_HEADING, _BEFORE, _SOURCE, _PASSAGE, _ALIKE = 0.9, 0.85, 0.6, 0.25, 0.8
_RARITY_SCALE = 1.6
_DEFINES = re.compile(
    r"\W*(?:\S+\s+){0,3}?\S+\s+(?:\([^)]*\)\s*,?)?\s*(?:is|are|stands? for|means?|refers?|describes?)\b"
)
_NEAR_WORDS = 3  # two words of the question stand together in a statement within so many words
_LONG = 25  # words of a statement that is not yet long


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
        return sum(WEIGHTS[name] * value for name, value in self.evidence.items())


def body_and_headings(hit: Hit) -> tuple[str, tuple[str, ...]]:
    """A passage without the headings in front of it, and these."""
    headings = hit.place.headings if hit.place else ()
    return hit.text.removeprefix(" / ".join(headings) + ": ") if headings else hit.text, headings


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
        self._alike = [alike(word, self._vocabulary) for word in asked.words]

        def rarity(word: str) -> float:
            """Inverse document frequency as in BM25, scaled to that of a whole base."""
            holding = sum(word in passage for passage in passages)
            return _RARITY_SCALE * math.log(1 + (len(hits) - holding + 0.5) / (holding + 0.5))

        self._weights = asked.weights(rarity)
        self._about = [asked.is_about(word) for word in asked.words]
        self._whole = sum(self._weights)
        self._whole_about = self._sum(self._about) or 1e-9
        words = tuple(asked.words)
        defined = [n for n, word in enumerate(words) if word in asked.defined] or range(len(words))
        self._main = words[max(defined, key=lambda n: self._weights[n])] if words else ""

    def nowhere(self) -> list[str]:
        """The words the question is about that no passage holds."""
        known = {word for word, like in zip(self._asked.words, self._alike, strict=True) if like}
        return self._asked.nowhere(lambda word: word in self._vocabulary or word in known)

    def candidates(self, passages: int) -> Iterator[Candidate]:
        """The statements of the best passages."""
        for rank, hit in enumerate(self._hits[:passages]):
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
                evidence = self._coverage(own, here, near) | self._form(statement) | {
                    "rank": math.log(1 + rank), "similarity": hit.similarity, "vectors": float(hit.similarity != 0),
                }  # fmt: skip
                yield Candidate(hit, place, self._sum(here) / self._whole, evidence)

    def _likeness(self, words: frozenset[str]) -> list[float]:
        """For each word of the question 1 if it is among `words`, less if one is like it, else 0."""
        return [
            1.0 if word in words else _ALIKE if like and not like.isdisjoint(words) else 0.0
            for word, like in zip(self._asked.words, self._alike, strict=True)
        ]

    def _sum(self, shares: Iterable[float]) -> float:
        return sum(weight * share for weight, share in zip(self._weights, shares, strict=True))

    def _coverage(
        self, own: Sequence[float], here: Sequence[float], near: Sequence[float]
    ) -> dict[str, float]:
        """What of the question stands in the statement, around it and in its passage, and what is missing there."""
        asked = self._asked
        far = [word for word, n in zip(asked.words, near, strict=True) if n < 0.5]
        return {
            "one": 1.0,
            "stated": self._sum(own) / self._whole,
            "stated of what it is about": self._sum(a * o for a, o in zip(self._about, own, strict=True))
            / self._whole_about,
            "covered": self._sum(here) / self._whole,
            "name missing": float(any(word in asked.names for word in far)),
            "figure missing": float(any(any(c.isdigit() for c in word) for word in far)),
            "attribute missing": max(
                (1 - h for word, h in zip(asked.words, here, strict=True) if word == asked.attribute),
                default=0.0,
            ),
            "verb missing": float(
                any(word == asked.verb and not o for word, o in zip(asked.words, own, strict=True))
            ),
        }

    def _form(self, statement: PassageStatement) -> dict[str, float]:
        """Whether the statement looks like an answer of the kind wanted."""
        asked, text = self._asked, statement.text
        seen = asked.seen_in(text)
        exact = asked.wants in EXACT
        defines = self._defines(statement)
        return {
            "not of the kind": float(exact and not seen),
            "perhaps not of the kind": float(not exact and seen is False),
            "counts nothing": float(bool(asked.counted) and not asked.is_counted_in(text)),
            "defines": defines,
            "defines nothing": float(asked.wants == "definition" and not defines),
            "words together": self._together(statement.stems),
            "names it": float(bool(asked.identifiers) and asked.identifiers <= statement.words),
            "asks": float(text.rstrip().endswith("?")),
            "says nothing new": float(statement.words <= asked.words.keys()),
            "code": float(statement.kind == "code"),
            "row or item": float(statement.kind in ("row", "item")),
            "long": max(0, len(text.split()) - _LONG) / 50,
        }

    def _together(self, found: Sequence[str]) -> float:
        """The share of neighbours in the question that stand together in the statement too."""
        places: dict[str, list[int]] = {}
        for place, word in enumerate(found):
            places.setdefault(word, []).append(place)
        words, weights = tuple(self._asked.words), self._weights
        whole = together = 0.0
        for n in range(len(words) - 1):
            weight = min(weights[n], weights[n + 1])
            whole += weight
            first, second = places.get(words[n], ()), places.get(words[n + 1], ())
            if any(abs(a - b) <= _NEAR_WORDS for a in first for b in second):
                together += weight
        return together / whole if whole else 0.0

    def _defines(self, statement: PassageStatement) -> float:
        """From 0 to 1, how much the statement looks like a definition of what the question names, if one is wanted."""
        if self._asked.wants != "definition":
            return 0.0
        first = self._main in stems(" ".join(statement.text.split()[:5]))[:4]
        if first and _DEFINES.match(statement.text[:400]):
            return 1.0
        if re.search(rf"\([^)]{{0,3}}\b{re.escape(self._main)}", statement.text.lower()):
            return 0.7  # 'PileUp Per Particle Id (PUPPI)'
        return 0.5 if first and statement.kind != "text" else 0.0
