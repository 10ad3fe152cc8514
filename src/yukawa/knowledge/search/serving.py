"""Which embedder a base serves with, the index over its vectors, and one search; any process may reindex meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from yukawa.core.errors import StoreError
from yukawa.knowledge.parsing import read
from yukawa.knowledge.records import Hit, Moment
from yukawa.knowledge.search.local_index import LocalIndex
from yukawa.knowledge.search.ranking import Index, Query
from yukawa.knowledge.store import reader
from yukawa.knowledge.store.database import Store, fetch
from yukawa.knowledge.store.schema import embedders

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from yukawa.embedding import Embedder


class ServingRow(NamedTuple):
    """The row of the embedder in service."""

    id: int
    name: str
    dimensions: int


def serving_row(connection: sa.Connection, base: str) -> ServingRow:
    """The embedder that the base called `base` serves with.

    Raises:
        StoreError: it has none.
    """
    rows = fetch(connection, "SELECT id, name, dimensions FROM embedders WHERE serving")
    if not rows:
        raise StoreError(
            f"the knowledge base {base} has no embedder", hint="type: yukawa knowledge reindex minilm"
        )
    return ServingRow(*rows[0])


class Serving:
    """Holds the open embedder and index of a base; both always belong to the embedder the caller's view serves with."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._embedder: tuple[int, Embedder] | None = None
        self._index: tuple[int, Index] | None = None

    def ensure(self, embedding: str) -> None:
        """Let a base that has no embedder yet serve with `embedding`."""
        any_row = sa.select(embedders.c.id).limit(1)
        with self._store.read() as connection:
            if connection.execute(any_row).first() is not None:
                return
        from yukawa.embedding import open_embedder, settle

        embedding = settle(embedding)
        row = {"name": embedding, "dimensions": open_embedder(embedding).dimensions, "serving": True}
        with self._store.write() as connection:
            if connection.execute(any_row).first() is None:
                connection.execute(sa.insert(embedders), row)

    def search(self, query: str, k: int, as_of: Moment, filters: Mapping[str, str | None]) -> list[Hit]:
        """The `k` best passages for a checked `query`, best first; see `KnowledgeBase.search`."""
        terms = tuple(dict.fromkeys(read(query).terms()))
        with self._store.read() as connection:
            embedder, index = self.open(connection)
            allowed = reader.allowed_passages(connection, filters) if any(filters.values()) else None
            moment = reader.checked_moment(connection, as_of)
            wanted = Query(lambda: embedder.embed([query])[0], terms, moment, allowed, k)
            return reader.hits(connection, index.search(connection, wanted))

    def open(self, connection: sa.Connection) -> tuple[Embedder, Index]:
        """The serving embedder, and the index over its vectors."""
        row = serving_row(connection, self._store.name)
        return self._embedder_of(row), self._index_of(row)

    def embedder(self, connection: sa.Connection) -> tuple[int, Embedder]:
        """The serving embedder and its id."""
        row = serving_row(connection, self._store.name)
        return row.id, self._embedder_of(row)

    def embedded(self, groups: Sequence[Sequence[str]]) -> tuple[int, list[NDArray[np.float32]]]:
        """The serving embedder's id and an array (texts, d) for each group of texts, embedded in one batch."""
        with self._store.read() as connection:
            embedder_id, embedder = self.embedder(connection)
        matrix = embedder.embed([text for group in groups for text in group])
        ends = [0, *itertools.accumulate(len(group) for group in groups)]
        return embedder_id, [matrix[a:b] for a, b in itertools.pairwise(ends)]

    def index(self, connection: sa.Connection) -> Index:
        """The index over the serving embedder's vectors; the embedder itself stays unopened."""
        return self._index_of(serving_row(connection, self._store.name))

    def forget(self) -> None:
        """Drop the embedder and the index from memory, and the index's copy from disk."""
        if self._index is not None:
            self._index[1].clear()
        self._embedder, self._index = None, None

    def _embedder_of(self, row: ServingRow) -> Embedder:
        """The embedder that `row` names.

        Raises:
            StoreError: it gives vectors of another length than the base holds.
        """
        if self._embedder is None or self._embedder[0] != row.id:
            from yukawa.embedding import open_embedder

            embedder = open_embedder(row.name)
            if embedder.dimensions != row.dimensions:
                raise StoreError(
                    f"the vectors of {self._store.name} have {row.dimensions} dimensions, the embedder {row.name} gives"
                    f" {embedder.dimensions}",
                    hint=f"type: yukawa knowledge reindex {row.name}",
                )
            self._embedder = (row.id, embedder)
        return self._embedder[1]

    def _index_of(self, row: ServingRow) -> Index:
        if self._index is None or self._index[0] != row.id:
            self._index = (row.id, self._new_index(row))
        return self._index[1]

    def _new_index(self, row: ServingRow) -> Index:
        file = self._store.index_file
        if file is not None:
            return LocalIndex(file, row.id, row.dimensions)
        from yukawa.knowledge.search.postgres_index import ServerIndex

        return ServerIndex(row.id, row.dimensions)
