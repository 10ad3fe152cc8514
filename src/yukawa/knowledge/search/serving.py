"""The embedder and the index that a base serves with, and embedding it anew with another one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from yukawa.core.errors import StoreError
from yukawa.embedding import open_embedder, settle
from yukawa.knowledge.items import meaning
from yukawa.knowledge.parsing import read
from yukawa.knowledge.records import Hit, Moment
from yukawa.knowledge.search.ranking import Index, Query
from yukawa.knowledge.store import counted, ledger, reader
from yukawa.knowledge.store.checksums import count_all
from yukawa.knowledge.store.database import Store, damaged, fetch
from yukawa.knowledge.store.schema import embedders, items, passages, vectors, versions

if TYPE_CHECKING:
    from yukawa.embedding.base import Embedder, Vectors


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
        self._lock = threading.Lock()  # of several threads one opens them

    def ensure(self, embedding: str) -> None:
        """Let a base that has no embedder yet serve with `embedding`."""
        any_row = sa.select(embedders.c.id).limit(1)
        with self._store.read() as connection:
            if connection.execute(any_row).first() is not None:
                return
        embedding = settle(embedding)
        row = {"name": embedding, "dimensions": open_embedder(embedding).dimensions, "serving": True}
        with self._store.write() as connection:
            if connection.execute(any_row).first() is None:
                _new_embedder(connection, row)

    def search(self, query: str, k: int, as_of: Moment, filters: Mapping[str, str | None]) -> list[Hit]:
        """The `k` best passages for a checked `query`, best first; see `KnowledgeBase.search`."""
        terms = tuple(dict.fromkeys(read(query).terms()))
        with self._store.read() as connection:
            embedder, index = self.open(connection)
            allowed = reader.allowed_passages(connection, filters) if any(filters.values()) else None
            event = reader.event_at(connection, as_of)
            wanted = Query(lambda: embedder.embed([query])[0], terms, event, allowed, k)
            return reader.hits(connection, index.search(connection, wanted), event)

    def open(self, connection: sa.Connection) -> tuple[Embedder, Index]:
        """The serving embedder, and the index over its vectors."""
        row = serving_row(connection, self._store.name)
        return self._embedder_of(row), self._index_of(row)

    def embedder(self, connection: sa.Connection) -> tuple[int, Embedder]:
        """The serving embedder and its id."""
        row = serving_row(connection, self._store.name)
        return row.id, self._embedder_of(row)

    def embedded(self, groups: Sequence[Sequence[str]]) -> tuple[int, list[Vectors]]:
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
        with self._lock:
            if self._index is not None:
                self._index[1].clear()
            self._embedder, self._index = None, None

    def _embedder_of(self, row: ServingRow) -> Embedder:
        """The embedder that `row` names.

        Raises:
            StoreError: it gives vectors of another length than the base holds.
        """
        with self._lock:
            if self._embedder is None or self._embedder[0] != row.id:
                self._embedder = (row.id, self._opened(row))
            return self._embedder[1]

    def _opened(self, row: ServingRow) -> Embedder:
        if not isinstance(row.name, str):
            raise damaged("the name of its embedder is of another type")
        embedder = open_embedder(row.name)
        if embedder.dimensions != row.dimensions:
            raise StoreError(
                f"the vectors of {self._store.name} have {row.dimensions} dimensions, the embedder {row.name} gives"
                f" {embedder.dimensions}",
                hint=f"type: yukawa knowledge reindex {row.name}",
            )
        return embedder

    def _index_of(self, row: ServingRow) -> Index:
        from yukawa.knowledge.search import local_index, postgres_index  # slow to import, and seldom needed

        with self._lock:
            if self._index is None or self._index[0] != row.id:
                file, facts = self._store.index_file, (row.id, row.dimensions)
                if file is None:
                    self._index = (row.id, postgres_index.ServerIndex(*facts))
                else:
                    self._index = (row.id, local_index.LocalIndex(file, self._store.scratch, *facts))
            return self._index[1]


_BATCH = 512


def reindex(
    store: Store, embedding: str, *, actor: str, progress: Callable[[int, int], None] | None = None
) -> bool:
    """Let the base serve with `embedding`; False if it does already, with a vector for every passage.

    Vectors are written a batch to a transaction, so that an interrupted run is continued by the next one. The
    last transaction embeds what was taught meanwhile and changes over: searches see the old vectors or the
    new ones, all of them. A serving embedder whose vectors are not whole is replaced in the same way by itself.

    Raises:
        InputError: no embedder is called so. ModelError: it failed; the base serves as before.
    """
    embedding = settle(embedding)
    embedder = open_embedder(embedding)
    with store.read() as connection:
        if _is_whole(connection, embedding, embedder):
            return False
    _embed_all(store, embedding, embedder, progress)
    with store.write() as connection:
        target = _target(connection, embedding, embedder)
        embed_missing(connection, target, embedder)  # what was taught meanwhile
        _change_over(connection, target)
        ledger.append(
            connection, [ledger.Entry("reindex", None)], actor=actor, reason=f"embedder {embedding}"
        )  # fmt: skip
    return True


def embed_missing(connection: sa.Connection, embedder_id: int, embedder: Embedder) -> None:
    """Write a vector for each passage that lacks one of this embedder, inside the caller's transaction."""
    after = 0
    while rows := _lacking(connection, embedder_id, embedder, after):
        _insert(connection, embedder_id, rows, embedder.embed([_meaning(row) for row in rows]))
        after = rows[-1].id


def _embed_all(
    store: Store, embedding: str, embedder: Embedder, progress: Callable[[int, int], None] | None
) -> None:
    """Write a vector for each passage that lacks one; embedding is done in no transaction, so others may write."""
    with store.write() as connection:
        target = _target(connection, embedding, embedder)
        total = connection.execute(sa.select(sa.func.count()).select_from(passages)).scalar_one()
        mine = sa.select(sa.func.count()).where(vectors.c.embedder_id == target)
        done = connection.execute(mine).scalar_one()
    after = 0
    while True:
        with store.read() as connection:
            rows = _lacking(connection, target, embedder, after)
        if not rows:
            return
        matrix = embedder.embed([_meaning(row) for row in rows])
        with store.write() as connection:
            target = _target(connection, embedding, embedder)
            _insert(connection, target, rows, matrix)
        after = rows[-1].id
        done += len(rows)
        if progress is not None:
            progress(done, max(done, total))


def _is_whole(connection: sa.Connection, embedding: str, embedder: Embedder) -> bool:
    e = embedders
    serving = connection.execute(sa.select(e.c.id, e.c.name, e.c.dimensions).where(e.c.serving)).first()
    if serving is None or (serving.name, serving.dimensions) != (embedding, embedder.dimensions):
        return False
    return not _lacking(connection, serving.id, embedder, after=0)


def _target(connection: sa.Connection, embedding: str, embedder: Embedder) -> int:
    """The id under which the new vectors are kept; looked up each time, for another reindexing may end first."""
    e = embedders
    row = {"name": embedding, "dimensions": embedder.dimensions, "serving": False}
    same = sa.and_(*(e.c[key] == value for key, value in row.items()))
    found = connection.execute(sa.select(e.c.id).where(same)).scalar()
    if found is None:
        return _new_embedder(connection, row)
    return int(found)


def _new_embedder(connection: sa.Connection, row: Mapping[str, Any]) -> int:
    """Insert a row of an embedder; returns its number."""
    number = counted.next_number(connection, embedders)
    counted.insert(connection, embedders, [{**row, "id": number}])
    return number


def _lacking(connection: sa.Connection, target: int, embedder: Embedder, after: int) -> Sequence[Any]:
    """The first passages beyond the id `after` that have no vector yet, with the columns that are embedded."""
    if not embedder.dimensions:
        return []
    query = (
        sa.select(passages.c.id, passages.c.text, versions.c.question, versions.c.attributes, items.c.kind)
        .select_from(passages.join(versions).join(items))
        .where(passages.c.id > after, ~_has_vector(target))
        .order_by(passages.c.id)
        .limit(_BATCH)
    )
    found: Sequence[Any] = connection.execute(query).all()
    return found


def _insert(connection: sa.Connection, target: int, lacking: Sequence[Any], matrix: Vectors) -> None:
    """Write the vectors of passages that are still there and still lack one."""
    query = sa.select(passages.c.id).where(
        passages.c.id.in_([row.id for row in lacking]), ~_has_vector(target)
    )
    still = set(connection.execute(query).scalars())
    new = [
        {"passage_id": row.id, "embedder_id": target, "vector": vector}
        for row, vector in zip(lacking, matrix, strict=True)
        if row.id in still
    ]
    counted.insert(connection, vectors, new)


def _has_vector(target: int) -> sa.Exists:
    return sa.exists().where(vectors.c.passage_id == passages.c.id, vectors.c.embedder_id == target)


def _meaning(row: Any) -> str:
    return meaning(row.text, row.question, row.kind, row.attributes)


def _change_over(connection: sa.Connection, target: int) -> None:
    """Let `target` serve and drop all others with their vectors."""
    e = embedders
    others = connection.execute(sa.select(e.c.id).where(e.c.id != target)).scalars().all()
    counted.delete(connection, vectors, vectors.c.embedder_id != target)
    counted.delete(connection, e, e.c.id != target)
    counted.change(connection, e, e.c.id == target, serving=True)
    count_all(connection, [vectors])  # whatever was lost of them is made again
    if connection.dialect.name == "postgresql":
        for other in others:  # the server's index over their vectors
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS hnsw_vectors_{int(other)}")
