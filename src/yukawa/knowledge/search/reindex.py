"""Embeds a base anew with another embedder, while the old one serves until the new vectors are whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from yukawa.knowledge.items import meaning
from yukawa.knowledge.store import ledger
from yukawa.knowledge.store.database import Store
from yukawa.knowledge.store.ledger import Entry
from yukawa.knowledge.store.schema import embedders, items, passages, vectors, versions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from yukawa.embedding import Embedder

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
    from yukawa.embedding import open_embedder, settle

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
            connection, [Entry("reindex", None)], actor=actor, reason=f"embedder {embedding}",
            moment=ledger.next_moment(connection),
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
        found = connection.execute(sa.insert(e).returning(e.c.id), row).scalar_one()
    return int(found)


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


def _insert(connection: sa.Connection, target: int, rows: Sequence[Any], matrix: NDArray[np.float32]) -> None:
    """Write the vectors of passages that are still there and still lack one."""
    query = sa.select(passages.c.id).where(passages.c.id.in_([row.id for row in rows]), ~_has_vector(target))
    still = set(connection.execute(query).scalars())
    new = [
        {"passage_id": row.id, "embedder_id": target, "vector": vector}
        for row, vector in zip(rows, matrix, strict=True)
        if row.id in still
    ]
    if new:
        connection.execute(sa.insert(vectors), new)


def _has_vector(target: int) -> sa.Exists:
    return sa.exists().where(vectors.c.passage_id == passages.c.id, vectors.c.embedder_id == target)


def _meaning(row: Any) -> str:
    return meaning(row.text, row.question, row.kind, row.attributes)


def _change_over(connection: sa.Connection, target: int) -> None:
    """Let `target` serve and drop all others with their vectors."""
    e = embedders
    others = connection.execute(sa.select(e.c.id).where(e.c.id != target)).scalars().all()
    connection.execute(sa.delete(vectors).where(vectors.c.embedder_id != target))
    connection.execute(sa.delete(e).where(e.c.id != target))
    connection.execute(sa.update(e).where(e.c.id == target).values(serving=True))
    if connection.dialect.name == "postgresql":
        for other in others:  # the server's index over their vectors
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS hnsw_vectors_{int(other)}")
