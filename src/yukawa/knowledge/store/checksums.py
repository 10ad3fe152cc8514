"""Checksums of what the ledger does not cover, so that no flipped bit and no lost row stays unnoticed.

A version's checksum covers its passages and its facts, which are derived from it. Every row of `COUNTED` has one of its own, and
it is kept how many rows such a table has and what their checksums add up to: a row that is gone, or is there as it once was,
shows. CRC-32 finds every single flipped bit and all but one in 4 x 10^9 of other damage; people who want to deceive can make it fit.
"""

import itertools
import json
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yukawa.knowledge.store import schema as t

COUNTED = (t.meta, t.items, t.embedders, t.vectors, t.conflicts, t.answers)
"""Tables whose rows are written by `counted`; vectors are checked with their lengths (see `ledger.verify`)."""
AT_ONCE = 1000
_PASSAGE = ("id", "ordinal", "text", "terms")
_FACT = tuple(c.name for c in t.facts.c if c.name != "version_id")


def of_version(
    version_id: int, own_passages: Sequence[Mapping[str, Any]], own_facts: Sequence[Mapping[str, Any]]
) -> int:
    """The checksum of what is derived from a version: rows of its passages and of its facts."""
    rows = [[row[name] for name in _PASSAGE] for row in own_passages]
    return _crc([version_id, rows, [[row[name] for name in _FACT] for row in own_facts]])


def of_row(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> int:
    """The checksum of a row of a counted table."""
    if table is t.vectors:
        on_server = connection.dialect.name == "postgresql"
        return of_vector(row["passage_id"], row["embedder_id"], row["vector"], on_server=on_server)
    return _crc([table.name, *(_plain(c, row[c.name]) for c in table.c if c.name != "checksum")])


def of_vector(passage_id: int, embedder_id: int, vector: Any, *, on_server: bool) -> int:
    """The checksum of a vector as the database keeps it: in half precision in a file, in single precision on a server."""
    import numpy as np  # slow to import, and most questions need no vector

    if not isinstance(vector, bytes):  # the bytes of a file are taken as they are, for they may be damaged
        vector = np.ascontiguousarray(vector, dtype="<f4" if on_server else "<f2").tobytes()
    return zlib.crc32(vector, zlib.crc32(b"%d %d" % (passage_id, embedder_id)))


def _plain(column: sa.Column[Any], value: Any) -> Any:
    """A value the same whether it is about to be written or was read by `read_rows`."""
    if isinstance(column.type, sa.JSON):
        return from_text(value)
    return int(value) if isinstance(column.type, sa.Boolean) else value


def from_text(value: Any) -> Any:
    """What the text or the bytes of a JSON column say; themselves, where damage left no JSON."""
    try:
        return json.loads(value) if isinstance(value, str | bytes) else value
    except ValueError:
        return value


def _crc(value: Any) -> int:
    # Bytes are in no column: where damage put some, the checksum is another one.
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
    return zlib.crc32(written.encode("utf-8", "surrogatepass"))


def write_all(connection: sa.Connection, wrong: Container[tuple[Any, ...]] = ()) -> None:
    """Write every checksum anew and count the rows, after they were derived or brought in otherwise than one by one.

    A row in `wrong`, by the name of its table and its key, gets one that is not its own.
    """
    _write(connection, t.versions, (((row,), made) for row, _, made in derived(connection)), wrong)
    for table in COUNTED:
        made = ((key_of(table, row), of_row(connection, table, row)) for row in read_rows(connection, table))
        _write(connection, table, made, wrong)
    count_all(connection)


def key_of(table: sa.Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key of a row."""
    return tuple(row[c.name] for c in table.primary_key)


def _write(
    connection: sa.Connection,
    table: sa.Table,
    made: Iterator[tuple[tuple[Any, ...], int]],
    wrong: Container[tuple[Any, ...]],
) -> None:
    """Write checksums by the keys of their rows, some at a time while the next are read: a base may be larger than memory."""
    which = sa.and_(*(column == sa.bindparam(f"key_{column.name}") for column in table.primary_key))
    update = sa.update(table).where(which).values(checksum=sa.bindparam("made"))
    while some := list(itertools.islice(made, AT_ONCE)):
        rows = [
            {"made": checksum + ((table.name, *key) in wrong)}
            | {f"key_{c.name}": value for c, value in zip(table.primary_key, key, strict=True)}
            for key, checksum in some
        ]
        connection.execute(update, rows)


def count_all(connection: sa.Connection, tables: Sequence[sa.Table] = (*COUNTED, t.events)) -> None:
    """Count the rows of these tables anew."""
    for table in tables:
        connection.execute(sa.delete(t.tallies).where(t.tallies.c.name == table.name))
        total = sa.func.sum(table.c.checksum) if table in COUNTED else sa.null()
        which = t.meta.c.key.not_in(t.SERVERS) if table is t.meta else sa.true()
        query = sa.select(sa.func.count(), total).select_from(table).where(which)
        number, added = connection.execute(query).one()
        connection.execute(
            sa.insert(t.tallies), {"name": table.name, "number": number, "total": int(added or 0)}
        )


def problems(connection: sa.Connection) -> Iterator[str]:
    """Rows that are not as they were written, or not there; but for vectors, and for how many of these there are."""
    for version_id, written, found in derived(connection):
        if written != found:
            yield f"version row {version_id}: its passages or facts were changed after they were written"
    for table in COUNTED:
        if table is not t.vectors:
            yield from _of_table(connection, table)
    kept = sa.select(t.meta.c.key).where(t.meta.c.key.in_(t.SERVERS), t.meta.c.checksum != 0)
    for key in connection.execute(kept).scalars():
        yield f"note {key}: it was changed after it was written"
    number = connection.execute(sa.select(sa.func.count()).select_from(t.events)).scalar_one()
    yield from miscounted(connection, t.events, number, 0)
    known = {table.name for table in (*COUNTED, t.events)}
    for name in connection.execute(sa.select(t.tallies.c.name)).scalars():
        if name not in known:
            yield f"tallies: there is no table {name!r} whose rows are counted"


def _of_table(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    number, total = 0, 0
    for row in read_rows(connection, table):
        number, total = number + 1, total + row["checksum"]
        if row["checksum"] != of_row(connection, table, row):
            key, *_ = table.primary_key
            yield f"{_called(table)} {row[key.name]}: it was changed after it was written"
    yield from miscounted(connection, table, number, total)


def _called(table: sa.Table) -> str:
    return "note" if table is t.meta else table.name.removesuffix("s")


def miscounted(connection: sa.Connection, table: sa.Table, number: int, total: int) -> Iterator[str]:
    """Whether another number of rows was written, or others, than the `number` whose checksums add up to `total`."""
    query = sa.select(t.tallies.c.number, t.tallies.c.total).where(t.tallies.c.name == table.name)
    written = connection.execute(query).first()
    if written is None:
        yield f"tallies: the rows of {table.name} are not counted"
    elif written.number != number:
        yield f"{table.name}: {number} rows are there, {written.number} were written"
    elif written.total != total:
        yield f"{table.name}: its rows are not those that were written last"


def derived(connection: sa.Connection) -> Iterator[tuple[int, int, int]]:
    """Each version's row number, the checksum that was written, and that of the passages and facts now there."""
    query = sa.select(t.versions.c.id, t.versions.c.checksum).order_by(t.versions.c.id)
    for batch in connection.execute(query, execution_options={"yield_per": AT_ONCE}).partitions():
        ids = [row.id for row in batch]
        theirs, filed = (_by_version(connection, table, ids) for table in (t.passages, t.facts))
        for row in batch:
            yield row.id, row.checksum, of_version(row.id, theirs.get(row.id, []), filed.get(row.id, []))


def _by_version(
    connection: sa.Connection, table: sa.Table, ids: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    query = sa.select(table).where(table.c.version_id.in_(ids)).order_by(table.c.version_id, table.c.id)
    grouped = itertools.groupby(connection.execute(query).mappings(), key=lambda row: int(row["version_id"]))
    return {version_id: [dict(row) for row in rows] for version_id, rows in grouped}


def read_rows(connection: sa.Connection, table: sa.Table) -> Iterator[dict[str, Any]]:
    """Rows as they are stored; those that a server itself keeps are compared with its tables (see `ServerIndex.problems`)."""
    # JSON and vectors as their bytes, for they may be damaged; truth as its number, for SQLite takes any.
    raw: dict[type, type] = {sa.JSON: sa.Text, sa.Boolean: sa.Integer}
    if connection.dialect.name == "sqlite":
        raw |= {sa.JSON: sa.LargeBinary, t.Vector: sa.LargeBinary}
    columns = [sa.cast(c, raw[type(c.type)]).label(c.name) if type(c.type) in raw else c for c in table.c]
    query = sa.select(*columns).order_by(*table.primary_key)
    if table is t.meta:
        query = query.where(t.meta.c.key.not_in(t.SERVERS))
    for row in connection.execute(query, execution_options={"yield_per": AT_ONCE}).mappings():
        yield dict(row)
