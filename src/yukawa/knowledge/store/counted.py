"""Writes rows that carry a checksum of their own, and keeps count of them, so that a changed or a lost one is noticed.

Whoever writes to `checksums.COUNTED` does it by these functions, inside a transaction of his own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from yukawa.knowledge.store import checksums
from yukawa.knowledge.store.database import fetch
from yukawa.knowledge.store.schema import meta


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with all their columns but the checksum."""
    if rows:
        made = [{**row, "checksum": checksums.of_row(connection, table, row)} for row in rows]
        connection.execute(sa.insert(table), made)
        count(connection, table, len(made), sum(row["checksum"] for row in made))


def delete(connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> None:
    """Delete the rows that `which` is true of."""
    checksum = sa.func.coalesce(sa.func.sum(table.c.checksum), 0)
    number, total = connection.execute(
        sa.select(sa.func.count(), checksum).select_from(table).where(which)
    ).one()
    if number:
        connection.execute(sa.delete(table).where(which))
        count(connection, table, -number, -int(total))


def change(connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool], **values: Any) -> None:
    """Give the rows that `which` is true of these values; one that was damaged before stays a damaged one."""
    for row in connection.execute(sa.select(table).where(which)).mappings().all():
        before, after = (checksums.of_row(connection, table, dict(row) | new) for new in ({}, values))
        new = values | {"checksum": after ^ before ^ row["checksum"]}
        mine = sa.and_(*(column == row[column.name] for column in table.primary_key))
        connection.execute(sa.update(table).where(mine).values(**new))
        count(connection, table, 0, new["checksum"] - row["checksum"])


def count(connection: sa.Connection, table: sa.Table, number: int, total: int = 0) -> None:
    """Count rows that were written, or deleted where `number` is negative, and add up their checksums."""
    fetch(
        connection,
        "UPDATE tallies SET number = number + ?, total = total + ? WHERE name = ? RETURNING number",
        [number, total, table.name],
    )


def next_number(connection: sa.Connection, table: sa.Table) -> int:
    """The number of the next row of a table."""
    # Writers take turns, so the next number is free; erased rows' numbers must not come back to readers' indexes.
    noted = note(connection, f"next_{table.name}")
    (highest,) = fetch(connection, f"SELECT max(id) FROM {table.name}")[0]  # noqa: S608 -- a table of ours
    return max(int(noted or 1), (highest or 0) + 1)


def note(connection: sa.Connection, key: str) -> Any:
    """What is noted of the base itself under `key`, or None."""
    found = fetch(connection, "SELECT value FROM meta WHERE key = ?", [key])
    return found[0][0] if found else None


def write_note(connection: sa.Connection, key: str, value: str) -> None:
    """Note something of the base itself in place of what was noted under `key`."""
    delete(connection, meta, meta.c.key == key)
    insert(connection, meta, [{"key": key, "value": value}])
