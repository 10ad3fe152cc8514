"""Says what is not there: an item never taught, misspelt or erased, or a moment before the base began."""

from __future__ import annotations

import datetime as dt
import time

import sqlalchemy as sa

from yukawa.core.errors import InputError, NotFound, nearest
from yukawa.knowledge.records import microseconds, moment
from yukawa.knowledge.store.schema import events, items

_CLOCKS_DIFFER_BY = 1_000_000  # microseconds


def unknown_item(connection: sa.Connection, item_id: str) -> NotFound:
    """The error for an id that names no item: whether it was erased, else which id is near."""
    erased = sa.select(events.c.seq).where(events.c.item_id == item_id, events.c.verb == "purge")
    if connection.execute(erased.limit(1)).first():
        return NotFound(f"item {item_id} was erased", hint=f"type: yukawa knowledge history {item_id}")
    like = sa.select(items.c.id).where(items.c.id.startswith(item_id[:2], autoescape=True)).limit(5000)
    near = nearest(item_id, connection.execute(like).scalars())
    hint = f"did you mean {near}?" if near else "type: yukawa knowledge list"
    return NotFound(f"there is no item {item_id!r}", hint=hint)


def checked_moment(connection: sa.Connection, as_of: dt.datetime | str | None) -> int | None:
    """`as_of` in microseconds, if the base can answer from that moment.

    Raises:
        InputError: it is no time, before the base's first event, or in the future.
    """
    asked = microseconds(as_of)
    if asked is None:
        return None
    first = connection.execute(sa.select(sa.func.min(events.c.time))).scalar()
    if first is None or asked < first:
        began = moment(first)
        since = f"; this base begins on {began:%Y-%m-%d %H:%M:%S} UTC" if began else "; this base is empty"
        raise InputError(f"nothing was known on {as_of}{since}", hint="give a later moment")
    if asked > time.time_ns() // 1000 + _CLOCKS_DIFFER_BY:
        raise InputError(f"{as_of} lies in the future", hint="leave as_of out to ask for now")
    return asked
