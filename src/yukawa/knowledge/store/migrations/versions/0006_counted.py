"""Every row has a checksum or is covered by one, and the rows of each table are counted."""

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from yukawa.knowledge.store import checksums
from yukawa.knowledge.store import schema as t
from yukawa.knowledge.store.ledger import by_version

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the checksums that were missing and the tallies, and write all anew; a row that was changed stays a changed one."""
    connection = op.get_bind()
    # 0 was never written: it is there where schema 0004 was made just now.
    changed = {name for name, written, made in made_before(connection) if written not in (0, made)}
    for name in ("meta", "items", "embedders"):
        op.add_column(name, t.checksum())
    op.create_table("tallies", t.text("name", primary_key=True), t.number("number"), t.number("total"))
    checksums.write_all(connection, changed)


def made_before(connection: sa.Connection) -> Iterator[tuple[tuple[Any, ...], int, int]]:
    """By the rules of schema 0004, for each row: its table's name with its key, the checksum that it has, and its own."""
    streamed = {"yield_per": checksums.AT_ONCE}
    v = t.versions.c
    for some in connection.execute(sa.select(v.id, v.checksum), execution_options=streamed).partitions():
        theirs = [by_version(connection, table, [row.id for row in some]) for table in (t.passages, t.facts)]
        for row in some:
            derived = (
                [[getattr(one, name) for name in names] for one in rows.get(row.id, ())]
                for rows, names in zip(theirs, (_PASSAGE, _FACT), strict=True)
            )
            yield (t.versions.name, row.id), row.checksum, _crc([row.id, *derived])
    for table in (t.conflicts, t.answers, t.vectors):
        for one in checksums.read_rows(connection, table):
            yield (table.name, *checksums.key_of(table, one)), one["checksum"], _made_of(table, one)


def _made_of(table: sa.Table, row: Mapping[str, Any]) -> int:
    if table is t.conflicts:
        return _crc([row[name] for name in ("key", "first_item", "second_item", "opened", "resolved")])
    if table is t.answers:
        return _crc([row["id"], row["time"], row["question"], checksums.from_text(row["answer"])])
    vector = row["vector"]
    return zlib.crc32(vector if isinstance(vector, bytes) else vector.astype("<f4").tobytes())


_FACT = (
    "ordinal", "identifier", "subject", "property", "channel", "name", "value", "error_plus", "error_minus", "resolution",
    "unit", "bound",
)  # fmt: skip
_PASSAGE = ("id", "ordinal", "text", "terms")


def _crc(value: Any) -> int:
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
    return zlib.crc32(written.encode("utf-8", "surrogatepass"))
