"""Every row has a checksum or is covered by one, and the rows of each table are counted."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from yukawa.knowledge.store import checksums
from yukawa.knowledge.store import schema as t

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the checksums that were missing and the tallies, and write all anew; a row that was changed stays a changed one."""
    connection = op.get_bind()
    # 0 was never written: it is there where schema 0004 was made just now.
    changed = [
        (table, which)
        for table, which, made in made_before(connection)
        if connection.execute(sa.select(table.c.checksum).where(which)).scalar_one() not in (0, made)
    ]
    for name in ("meta", "items", "embedders"):
        op.add_column(name, t.checksum())
    op.create_table("tallies", t.text("name", primary_key=True), t.number("number"), t.number("total"))
    checksums.write_all(connection)
    for table, which in changed:
        connection.execute(sa.update(table).where(which).values(checksum=table.c.checksum + 1))
    checksums.count_all(connection)


def made_before(connection: sa.Connection) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool], int]]:
    """The checksum of each row by the rules of schema 0004: its table, which it is, and what the checksum should be."""
    for row in _rows(connection, sa.select(t.versions.c.id)):
        theirs = [_of(connection, table, row["id"], names) for table, names in _DERIVED]
        yield t.versions, t.versions.c.id == row["id"], _crc([row["id"], *theirs])
    for row in _rows(connection, sa.select(t.conflicts)):
        said = [row[name] for name in ("key", "first_item", "second_item", "opened", "resolved")]
        yield t.conflicts, t.conflicts.c.id == row["id"], _crc(said)
    for one in list(checksums.read_rows(connection, t.answers)):
        answered = [one["id"], one["time"], one["question"], checksums.from_text(one["answer"])]
        yield t.answers, t.answers.c.id == one["id"], _crc(answered)
    for one in list(checksums.read_rows(connection, t.vectors)):
        mine = (t.vectors.c.passage_id == one["passage_id"]) & (t.vectors.c.embedder_id == one["embedder_id"])
        numbers = one["vector"] if isinstance(one["vector"], bytes) else one["vector"].astype("<f4").tobytes()
        yield t.vectors, mine, zlib.crc32(numbers)


_FACT = (
    "ordinal", "identifier", "subject", "property", "channel", "name", "value", "error_plus", "error_minus", "resolution",
    "unit", "bound",
)  # fmt: skip
_DERIVED = ((t.passages, ("id", "ordinal", "text", "terms")), (t.facts, _FACT))


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[sa.RowMapping]:
    return list(connection.execute(query).mappings())


def _of(
    connection: sa.Connection, table: sa.Table, version_id: int, names: tuple[str, ...]
) -> list[list[Any]]:
    query = sa.select(*(table.c[name] for name in names)).where(table.c.version_id == version_id)
    return [list(row) for row in connection.execute(query.order_by(table.c.id))]


def _crc(value: Any) -> int:
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
    return zlib.crc32(written.encode("utf-8", "surrogatepass"))
