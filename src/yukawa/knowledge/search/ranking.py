"""What both indexes share: the query, the scored passage, the port, and how words and meaning are weighed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CANDIDATES = 100
# Weight of the vectors' cosine against relative BM25 in the fused score (convex combination: Bruch, Gai and
# Ingber, ACM TOIS 42 (2023) 20, find it better than reciprocal ranks); measured in benchmarks/fusion.py.
VECTOR_WEIGHT = 0.5
# Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), usual values.
K1, B = 1.2, 0.6
KEY_WEIGHT = 3.0
# A query adds up at most about this many postings: the rarest terms first, the commonest say least.
POSTINGS_BUDGET = 150_000


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage with its fused score, cosine and relative BM25."""

    passage_id: int
    score: float
    similarity: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: `terms`, after which event, and the passages allowed (None: all).

    `embed` gives the question's vector (d,). An index calls it at most once and as late as it can: embedding takes
    longer than all else and empties the processor's caches. An index without vectors never calls it.
    """

    embed: Callable[[], NDArray[np.float32]]
    terms: tuple[str, ...]
    as_of: int | None
    allowed: NDArray[np.int64] | None
    k: int


class Index(Protocol):
    """The port: both indexes answer the same queries and are never behind the ledger."""

    def search(self, connection: sa.Connection, query: Query) -> list[Scored]:
        """The best passages, best first."""

    def problems(self, connection: sa.Connection) -> list[str]:
        """Where the index disagrees with the tables."""

    def save(self, connection: sa.Connection) -> None:
        """Keep what makes the next search begin quickly; called after a bulk load."""

    def clear(self) -> None:
        """Forget everything derived, on disk too."""


def term_weight(term: str, passages: int, frequency: int) -> float:
    """Inverse document frequency of a term that occurs in `frequency` of `passages`; claim keys count threefold.

    A claim key says that a passage states exactly the quantity in question, which no likeness of words can outdo.
    """
    idf = math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))
    return KEY_WEIGHT * idf if term.startswith("=") else idf


def weighted_terms(frequencies: Iterable[tuple[int, str]], passages: int) -> list[tuple[str, float]]:
    """Terms with their weights, rarest first, as many as the budget of postings allows but at least one.

    Args:
        frequencies: for each term the number of passages that hold it, and the term.
        passages: the number of all passages.
    """
    weighted: list[tuple[str, float]] = []
    spent = 0
    for frequency, term in sorted(frequencies):
        if weighted and spent + frequency > POSTINGS_BUDGET:
            break
        spent += frequency
        weighted.append((term, term_weight(term, passages, frequency)))
    return weighted
