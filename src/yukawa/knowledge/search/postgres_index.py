"""Finds passages on a PostgreSQL server: BM25 from the postings table and pgvector, fused as in `LocalIndex`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from yukawa.knowledge.search import ranking
from yukawa.knowledge.search.ranking import CANDIDATES, K1, VECTOR_WEIGHT, B, Query, Scored

# Above this many passages a search by meaning uses an HNSW index; below, comparing with every vector is quick enough.
EXACT_UP_TO = 50_000
# pgvector visits this many nodes at a time (its default is 40): recall@10 was 0.986 among 60,000 MiniLM vectors,
# most of them mixtures of real ones.
VISITED = 200

# Evaluated row by row in order of rank until enough are found: a scalar subquery is never turned into a join
# with the whole table.
_VALID = """
    (SELECT {span} FROM passages p JOIN versions v ON v.id = p.version_id WHERE p.id = ranked.passage_id)
    {allowed}
"""
_NOW = "v.valid_to IS NULL"
_THEN = "v.valid_from <= :event AND (v.valid_to IS NULL OR v.valid_to > :event)"
_ALLOWED = "AND ranked.passage_id = ANY(CAST(:allowed AS bigint[]))"

_LEXICAL = """
    SELECT passage_id, lexical FROM (
        SELECT o.passage_id, sum(w.idf * o.frequency * (:k1 + 1)
            / (o.frequency + :k1 * (1 - :b + :b * o.length / :mean_length))) / :ideal AS lexical
        FROM unnest(CAST(:terms AS text[]), CAST(:idfs AS float8[])) AS w(term, idf)
        JOIN postings o ON o.term = w.term
        WHERE {some}
        GROUP BY o.passage_id ORDER BY lexical DESC, o.passage_id OFFSET 0
    ) ranked WHERE {valid} LIMIT :candidates
"""
# With OFFSET 0 the ranking is done first; the condition on the embedder makes the partial index usable.
_NEAREST = """
    SELECT passage_id FROM (
        SELECT e.passage_id FROM vectors e
        WHERE e.embedder_id = {embedder} {some}
        ORDER BY ({vector}) <#> CAST(:vector AS vector({dimensions})) OFFSET 0
    ) ranked WHERE {valid} LIMIT :candidates
"""
_SIMILARITY = """
    SELECT e.passage_id, -(e.vector <#> CAST(:vector AS vector)) FROM vectors e
    WHERE e.embedder_id = :embedder AND e.passage_id = ANY(CAST(:some AS bigint[]))
"""
_DERIVED_POSTINGS = """
    SELECT t.term, p.id AS passage_id, count(*) AS frequency,
        max(cardinality(string_to_array(p.terms, ' '))) AS length
    FROM passages p, unnest(string_to_array(p.terms, ' ')) AS t(term) GROUP BY t.term, p.id
"""


class ServerIndex:
    """The index of a PostgreSQL base: nothing is kept in this process, the server ranks inside the transaction.

    Args:
        embedder_id: whose vectors are searched.
        dimensions: their length; 0 for full text alone.
    """

    def __init__(self, embedder_id: int, dimensions: int) -> None:
        self._embedder_id, self._dimensions = int(embedder_id), int(dimensions)

    def search(self, connection: sa.Connection, query: Query) -> list[Scored]:
        """See `Index.search`."""
        count, mean_length = _totals(connection)
        if count == 0:
            return []
        _prepare(connection)
        filters = _Filters(query)
        lexical = _Lexical(connection, query.terms, count, mean_length)
        scores = lexical.best(connection, filters)
        if not self._dimensions:
            return _fused(scores, {}, 0.0, query.k)
        vector = _text_of(query.embed())
        nearest = self._nearest(connection, vector, filters, count)
        scores |= lexical.of(connection, [i for i in nearest if i not in scores])
        both = [*scores, *(i for i in nearest if i not in scores)]
        parameters = {"vector": vector, "embedder": self._embedder_id, "some": both}
        similarity = {i: float(s) for i, s in connection.execute(sa.text(_SIMILARITY), parameters)}
        return _fused(scores, similarity, VECTOR_WEIGHT, query.k)

    def problems(self, connection: sa.Connection) -> list[str]:
        """See `Index.problems`: postings and totals are compared with the passages; vectors are tables here."""
        found = []
        stored = "SELECT term, passage_id, frequency, length FROM postings"
        differing = connection.execute(sa.text(
            f"SELECT count(DISTINCT passage_id) FROM (({stored} EXCEPT {_DERIVED_POSTINGS})"  # noqa: S608
            f" UNION ALL ({_DERIVED_POSTINGS} EXCEPT {stored})) differences"
        )).scalar_one()  # fmt: skip
        if differing:
            found.append(f"index: the postings of {differing} passages differ from the tables")
        counted = connection.execute(
            sa.text(
                "SELECT count(*), coalesce(sum(cardinality(string_to_array(terms, ' '))), 0) FROM passages"
            )
        ).one()
        if (stored_now := _stored_totals(connection)) != tuple(counted):
            found.append(f"index: totals are {stored_now}, the passages give {tuple(counted)}")
        return found

    def save(self, connection: sa.Connection) -> None:
        """See `Index.save`: make the HNSW index where the passages are many; writers wait until it exists."""
        if self._dimensions == 0 or _totals(connection)[0] <= EXACT_UP_TO:
            return
        connection.execute(sa.text(
            f"CREATE INDEX IF NOT EXISTS {self._hnsw} ON vectors USING hnsw"
            f" ((vector::vector({self._dimensions})) vector_ip_ops) WHERE embedder_id = {self._embedder_id}"
        ))  # fmt: skip

    def clear(self) -> None:
        """See `Index.clear`: all that is derived here leaves with its passage, in the same transaction."""

    @property
    def _hnsw(self) -> str:
        return f"hnsw_vectors_{self._embedder_id}"

    def _nearest(self, connection: sa.Connection, vector: str, filters: _Filters, count: int) -> list[int]:
        """Ids of the valid passages nearest to `vector`; approximate only where an HNSW index exists."""
        few = filters.allowed is not None and len(filters.allowed) <= EXACT_UP_TO
        parameters = filters.parameters | {"vector": vector, "candidates": filters.candidates}

        def ids(*, exact: bool) -> list[int]:
            """The ids, by comparing all vectors or by the index."""
            # Only the expression over which the HNSW index was built can use it.
            statement = _NEAREST.format(
                embedder=self._embedder_id,
                vector="e.vector" if exact else f"e.vector::vector({self._dimensions})",
                dimensions=self._dimensions,
                valid=filters.valid,
                some="AND e.passage_id = ANY(CAST(:allowed AS bigint[]))" if few else "",
            )
            return list(connection.execute(sa.text(statement), parameters).scalars())

        if few or not self._has_hnsw(connection):
            return ids(exact=True)
        found = ids(exact=False)
        # Where few of the passages visited are valid the index gives up early: look at all.
        return found if len(found) == filters.candidates else ids(exact=True)

    def _has_hnsw(self, connection: sa.Connection) -> bool:
        return connection.execute(sa.select(sa.func.to_regclass(self._hnsw))).scalar() is not None


class _Filters:
    """Which passages count: those valid at the moment of the query and allowed."""

    def __init__(self, query: Query) -> None:
        self.allowed = None if query.allowed is None else query.allowed.tolist()
        self.candidates = max(CANDIDATES, query.k)
        self.parameters: dict[str, Any] = {}
        if query.as_of is not None:
            self.parameters["event"] = query.as_of
        if self.allowed is not None:
            self.parameters["allowed"] = self.allowed
        self.valid = _VALID.format(
            span=_NOW if query.as_of is None else _THEN, allowed="" if self.allowed is None else _ALLOWED
        )


class _Lexical:
    """Relative BM25 of one query: the terms that are kept, and what they weigh."""

    def __init__(
        self, connection: sa.Connection, terms: Sequence[str], count: int, mean_length: float
    ) -> None:
        weighted = _weighted(connection, terms, count)
        self._terms = [term for term, _ in weighted]
        self._parameters: dict[str, Any] = {
            "terms": self._terms, "idfs": [idf for _, idf in weighted], "mean_length": mean_length, "k1": K1, "b": B,
            "ideal": sum(idf for _, idf in weighted) * (K1 + 1) or 1.0,
        }  # fmt: skip

    def best(self, connection: sa.Connection, filters: _Filters) -> dict[int, float]:
        """The valid passages that score highest, with their scores."""
        statement = _LEXICAL.format(some="true", valid=filters.valid)
        return self._scores(connection, statement, filters.parameters | {"candidates": filters.candidates})

    def of(self, connection: sa.Connection, passage_ids: Sequence[int]) -> dict[int, float]:
        """The scores of these passages, where they hold any of the terms."""
        statement = _LEXICAL.format(some="o.passage_id = ANY(CAST(:some AS bigint[]))", valid="true")
        return self._scores(
            connection, statement, {"some": list(passage_ids), "candidates": len(passage_ids)}
        )

    def _scores(self, connection: sa.Connection, statement: str, more: dict[str, Any]) -> dict[int, float]:
        if not self._terms:
            return {}
        rows = connection.execute(sa.text(statement), self._parameters | more)
        return {passage_id: float(score) for passage_id, score in rows}


def _prepare(connection: sa.Connection) -> None:
    # Plans depend on the arrays and vectors given, and compiling them takes longer than running them.
    connection.execute(sa.text(
        "SELECT set_config('hnsw.iterative_scan', 'strict_order', true), set_config('jit', 'off', true),"
        " set_config('hnsw.ef_search', CAST(:visited AS text), true),"
        " set_config('plan_cache_mode', 'force_custom_plan', true)"
    ), {"visited": VISITED})  # fmt: skip


def _totals(connection: sa.Connection) -> tuple[int, float]:
    """How many passages there are, and their mean length in terms."""
    count, length = _stored_totals(connection)
    return count, length / max(count, 1) or 1.0


def _stored_totals(connection: sa.Connection) -> tuple[int, int]:
    # The database itself keeps these (a trigger on passages): counting a million rows takes longer than a search.
    rows = connection.execute(
        sa.text(
            "SELECT key, CAST(value AS bigint) AS number FROM meta WHERE key IN ('passage_count', 'passage_length')"
        )
    )
    stored: dict[str, int] = {row.key: row.number for row in rows}
    return stored.get("passage_count", 0), stored.get("passage_length", 0)


def _weighted(connection: sa.Connection, terms: Sequence[str], count: int) -> list[tuple[str, float]]:
    """Terms with their idf, rarest first, as many as the budget of postings allows (see `LocalIndex`)."""
    frequencies = _frequencies(connection, terms, ranking.POSTINGS_BUDGET + 1)
    if frequencies and frequencies[0][0] > ranking.POSTINGS_BUDGET:
        # All are common: only now does it matter how common.
        frequencies = _frequencies(connection, terms, None)
    return ranking.weighted_terms(frequencies, count)


def _frequencies(connection: sa.Connection, terms: Sequence[str], limit: int | None) -> list[tuple[int, str]]:
    """In how many passages each term occurs, rarest first; counting stops at `limit`."""
    rows = connection.execute(
        sa.text(
            "SELECT w.term, (SELECT count(*) FROM (SELECT 1 FROM postings o WHERE o.term = w.term LIMIT :limit) counted)"
            " FROM unnest(CAST(:terms AS text[])) AS w(term)"
        ),
        {"terms": sorted(set(terms)), "limit": limit},
    )
    return sorted((frequency, term) for term, frequency in rows)


def _fused(scores: dict[int, float], similarity: dict[int, float], weight: float, k: int) -> list[Scored]:
    found = [
        Scored(i, weight * similarity.get(i, 0.0) + (1 - weight) * scores.get(i, 0.0), similarity.get(i, 0.0), scores.get(i, 0.0))
        for i in scores.keys() | similarity.keys()
    ]  # fmt: skip
    return sorted(found, key=lambda s: (-s.score, s.passage_id))[:k]


def _text_of(vector: Any) -> str:
    """A vector in pgvector's notation."""
    return "[" + ",".join(repr(float(x)) for x in np.asarray(vector, dtype=np.float32)) + "]"
