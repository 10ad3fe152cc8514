"""Checksums of what the ledger does not cover: derived rows, conflicts and answers, so that no flipped bit stays unnoticed.

A version's checksum covers its passages and its facts, which are derived from it; a vector, a conflict and an answer have
one each. CRC-32 finds every single flipped bit and all but one in 4 x 10^9 of other damage; people who want to deceive can make it fit.
"""

import itertools
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yukawa.knowledge.store.schema import answers, conflicts, facts, passages, vectors, versions

_AT_ONCE = 1000
_PASSAGE = ("id", "ordinal", "text", "terms")
_FACT = tuple(c.name for c in facts.c if c.name not in ("id", "version_id"))
_CONFLICT = ("key", "first_item", "second_item", "opened", "resolved")


def of_version(
    version_id: int, own_passages: Sequence[Mapping[str, Any]], own_facts: Sequence[Mapping[str, Any]]
) -> int:
    """The checksum of what is derived from a version: rows of its passages and of its facts."""
    rows = [[row[name] for name in _PASSAGE] for row in own_passages]
    return _crc([version_id, rows, [[row[name] for name in _FACT] for row in own_facts]])


def of_conflict(row: Mapping[str, Any]) -> int:
    """The checksum of a conflict."""
    return _crc([row[name] for name in _CONFLICT])


def of_answer(row: Mapping[str, Any]) -> int:
    """The checksum of an answer that was kept."""
    said = row["answer"]
    return _crc(
        [row["id"], row["time"], row["question"], json.loads(said) if isinstance(said, str) else said]
    )


def of_vector(vector: Any, *, on_server: bool) -> int:
    """The checksum of a vector as the database keeps it: in half precision in a file, in single precision on a server."""
    import numpy as np  # slow to import, and most questions need no vector

    return zlib.crc32(np.ascontiguousarray(vector, dtype="<f4" if on_server else "<f2").tobytes())


def _crc(value: Any) -> int:
    return zlib.crc32(
        json.dumps(value, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")
    )


def write_all(connection: sa.Connection) -> None:
    """Write every checksum anew, after rows were derived or brought in otherwise than one by one."""
    _write(connection, versions, ((row, found) for row, _, found in derived(connection)))
    for table, made in ((conflicts, of_conflict), (answers, of_answer)):
        _write(connection, table, ((row["id"], made(row)) for row in _rows(connection, table)))
    on_server = connection.dialect.name == "postgresql"
    for row in list(connection.execute(sa.select(vectors.c.passage_id, vectors.c.embedder_id))):
        mine = (vectors.c.passage_id == row.passage_id) & (vectors.c.embedder_id == row.embedder_id)
        vector = connection.execute(sa.select(vectors.c.vector).where(mine)).scalar_one()
        connection.execute(
            sa.update(vectors).where(mine).values(checksum=of_vector(vector, on_server=on_server))
        )


def _write(connection: sa.Connection, table: sa.Table, made: Iterable[tuple[Any, int]]) -> None:
    update = sa.update(table).where(table.c.id == sa.bindparam("row")).values(checksum=sa.bindparam("made"))
    if rows := [{"row": row, "made": checksum} for row, checksum in made]:
        connection.execute(update, rows)


def problems(connection: sa.Connection) -> Iterator[str]:
    """Rows that are not as they were written; vectors are checked with their lengths (see `ledger.verify`)."""
    for version_id, written, found in derived(connection):
        if written != found:
            yield f"version row {version_id}: its passages or facts were changed after they were written"
    for table, what, made in ((conflicts, "conflict", of_conflict), (answers, "answer", of_answer)):
        for row in _rows(connection, table):
            try:
                sound = row["checksum"] == made(row)
            except ValueError:  # what was JSON
                sound = False
            if not sound:
                yield f"{what} {row['id']}: it was changed after it was written"


def derived(connection: sa.Connection) -> Iterator[tuple[int, int, int]]:
    """Each version's row number, the checksum that was written, and that of the passages and facts now there."""
    query = sa.select(versions.c.id, versions.c.checksum).order_by(versions.c.id)
    for batch in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).partitions():
        ids = [row.id for row in batch]
        theirs, filed = (_by_version(connection, table, ids) for table in (passages, facts))
        for row in batch:
            yield row.id, row.checksum, of_version(row.id, theirs.get(row.id, []), filed.get(row.id, []))


def _by_version(
    connection: sa.Connection, table: sa.Table, ids: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    query = sa.select(table).where(table.c.version_id.in_(ids)).order_by(table.c.version_id, table.c.id)
    grouped = itertools.groupby(connection.execute(query).mappings(), key=lambda row: int(row["version_id"]))
    return {version_id: [dict(row) for row in rows] for version_id, rows in grouped}


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[dict[str, Any]]:
    # JSON as its text: it may be damaged.
    columns = [sa.cast(c, sa.Text).label(c.name) if isinstance(c.type, sa.JSON) else c for c in table.c]
    query = sa.select(*columns).order_by(*table.primary_key)
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).mappings():
        yield dict(row)
