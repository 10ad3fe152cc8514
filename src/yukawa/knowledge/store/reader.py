"""Reads items, versions, events and hits from the tables, inside a transaction that the caller holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from yukawa.core.errors import InputError
from yukawa.knowledge.domains import DOMAINS
from yukawa.knowledge.records import KINDS, Conflict, Event, Hit, Item, Provenance, moment
from yukawa.knowledge.search.local_index import Scored
from yukawa.knowledge.store.schema import conflicts, events, items, passages, versions
from yukawa.knowledge.store.writer import chunks

_ITEM = sa.select(versions, items.c.kind).join_from(versions, items)


def one(connection: sa.Connection, item_id: str, as_of: int | None = None) -> Item | None:
    """The version in force at `as_of`, or else the newest version."""
    query = _ITEM.where(versions.c.item_id == item_id)
    if as_of is not None:
        query = query.where(_in_force(as_of))
    row = connection.execute(query.order_by(versions.c.number.desc()).limit(1)).mappings().first()
    return None if row is None else _with_conflicts(connection, [_item(dict(row))])[0]


def all_versions(connection: sa.Connection, item_id: str) -> list[Item]:
    """Every version of an item, oldest first."""
    query = _ITEM.where(versions.c.item_id == item_id).order_by(versions.c.number)
    return [_item(dict(row)) for row in connection.execute(query).mappings()]


def current(connection: sa.Connection, item_ids: Sequence[str]) -> dict[str, Item]:
    """Items in force among `item_ids`, by id."""
    rows: list[Item] = []
    for chunk in chunks(list(item_ids)):
        query = _ITEM.where(versions.c.item_id.in_(chunk), versions.c.valid_to.is_(None))
        rows += [_item(dict(row)) for row in connection.execute(query).mappings()]
    return {item.id: item for item in _with_conflicts(connection, rows)}


def current_by_content(connection: sa.Connection, keys: Sequence[str]) -> dict[str, Item]:
    """Items in force that hold these contents already, by content key, marked 'known'."""
    found: dict[str, Item] = {}
    for chunk in chunks(list(keys)):
        query = _ITEM.where(versions.c.content_key.in_(chunk), versions.c.valid_to.is_(None))
        for row in connection.execute(query).mappings():
            found[row["content_key"]] = replace(_item(dict(row)), status="known")
    return found


def last_versions(connection: sa.Connection, item_ids: Sequence[str]) -> dict[str, int]:
    """The highest version number of each item that exists; 0 for one whose versions are erased."""
    found: dict[str, int] = {}
    for chunk in chunks(list(item_ids)):
        query = (
            sa.select(items.c.id, sa.func.max(versions.c.number))
            .join_from(items, versions, isouter=True)
            .where(items.c.id.in_(chunk))
            .group_by(items.c.id)
        )
        found |= {item_id: number or 0 for item_id, number in connection.execute(query)}
    return found


def listed(
    connection: sa.Connection, *, domain: str | None, kind: str | None, author: str | None, source: str | None, unloaded: bool,
    as_of: int | None, limit: int | None,
) -> list[Item]:  # fmt: skip
    """Items that pass the filters, newest first."""
    query = _ITEM.where(*_filters({"domain": domain, "kind": kind, "author": author, "source": source}))
    if unloaded:
        later = versions.alias()
        newer = sa.exists().where(later.c.item_id == versions.c.item_id, later.c.number > versions.c.number)
        query = query.where(versions.c.valid_to.is_not(None), ~newer)
    else:
        query = query.where(versions.c.valid_to.is_(None) if as_of is None else _in_force(as_of))
    query = query.order_by(versions.c.valid_from.desc(), versions.c.id.desc()).limit(limit)
    return _with_conflicts(connection, [_item(dict(row)) for row in connection.execute(query).mappings()])


def allowed_passages(connection: sa.Connection, filters: Mapping[str, str | None]) -> NDArray[np.int64]:
    """Ids of all passages whose versions pass the filters."""
    query = (
        sa.select(passages.c.id).select_from(passages.join(versions).join(items)).where(*_filters(filters))
    )
    return np.array(connection.execute(query).scalars().all(), dtype=np.int64)


_HITS = (
    "SELECT p.id, p.text, p.terms, v.item_id, i.kind, v.question, v.number,"
    " v.author, v.source, v.url, v.licence, v.domain, v.attributes"
    " FROM passages p JOIN versions v ON v.id = p.version_id JOIN items i ON i.id = v.item_id WHERE p.id IN ({})"
)


def hits(fetched: Callable[[str, list[int]], list[Any]], found: Sequence[Scored]) -> list[Hit]:
    """The passages found, with their texts and provenance, in the same order.

    Args:
        fetched: gives the rows of a plain statement.
        found: the passages; those that are gone meanwhile are left out.
    """
    if not found:
        return []
    marks = ",".join("?" * len(found))
    rows = {row[0]: row for row in fetched(_HITS.format(marks), [s.passage_id for s in found])}
    return [_hit(rows[s.passage_id], s) for s in found if s.passage_id in rows]


def events_of(connection: sa.Connection, item_id: str) -> list[Event]:
    """All events about an item, oldest first."""
    query = sa.select(events).where(events.c.item_id == item_id).order_by(events.c.seq)
    return [
        Event(
            r["seq"], _moment(r["time"]), r["actor"], r["verb"], r["item_id"], r["version"], r["reason"], r["digest"], r["hash"]
        )
        for r in connection.execute(query).mappings()
    ]  # fmt: skip


def open_conflicts(connection: sa.Connection, item_ids: Sequence[str] | None = None) -> list[Conflict]:
    """Unresolved conflicts between two items in force; only those that touch `item_ids` if given."""
    query = sa.select(conflicts).where(conflicts.c.resolved.is_(None))
    if item_ids is None:
        rows: list[Any] = list(connection.execute(query))
    else:  # two look-ups by index; an OR over both columns would read the whole table
        sides = (conflicts.c.first_item, conflicts.c.second_item)
        parts = chunks(list(item_ids))
        rows = list(
            {
                r.id: r for c in parts for side in sides for r in connection.execute(query.where(side.in_(c)))
            }.values()
        )
    rows.sort(key=lambda r: r.id)
    said: dict[str, tuple[str, str]] = {}
    for chunk in chunks(sorted({i for r in rows for i in (r.first_item, r.second_item)})):
        v = versions.c
        current_ones = sa.select(v.item_id, v.text, v.source).where(
            v.item_id.in_(chunk), v.valid_to.is_(None)
        )
        said |= {item_id: (text, source) for item_id, text, source in connection.execute(current_ones)}
    return [
        Conflict(
            r.id, r.key, (r.first_item, r.second_item), (said[r.first_item][0], said[r.second_item][0]),
            (said[r.first_item][1], said[r.second_item][1]), _moment(r.opened), None,
        )
        for r in rows
        if r.first_item in said and r.second_item in said
    ]  # fmt: skip


def _with_conflicts(connection: sa.Connection, found: list[Item]) -> list[Item]:
    if not found:
        return found
    touching = open_conflicts(connection, [item.id for item in found])
    return [replace(i, conflicts=tuple(c for c in touching if i.id in c.item_ids)) for i in found]


def _in_force(as_of: int) -> sa.ColumnElement[bool]:
    ends = sa.or_(versions.c.valid_to.is_(None), versions.c.valid_to > as_of)
    return sa.and_(versions.c.valid_from <= as_of, ends)


def _filters(filters: Mapping[str, str | None]) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = []
    for name, value in filters.items():
        if value is None:
            continue
        allowed = {"domain": tuple(DOMAINS), "kind": KINDS}.get(name)
        if allowed and value not in allowed:
            raise InputError(f"{value!r} is no {name}", hint=f"allowed: {', '.join(allowed)}")
        if name == "source":  # a part of the label; % and _ stand for themselves
            wanted.append(versions.c.source.icontains(value, autoescape=True))
        elif name == "kind":
            wanted.append(items.c.kind == value)
        else:
            wanted.append(versions.c[name] == value)
    return wanted


def _provenance(row: Mapping[str, Any]) -> Provenance:
    return Provenance(row["author"], row["source"], row["url"], row["licence"], row["domain"])


def _item(row: Mapping[str, Any]) -> Item:
    return Item(
        row["item_id"], row["kind"], row["number"], row["text"], row["question"], _provenance(row), row["attributes"],
        _moment(row["valid_from"]), moment(row["valid_to"]),
    )  # fmt: skip


def _hit(row: tuple[Any, ...], scored: Scored) -> Hit:
    passage_id, text, terms, item_id, kind, question, number, *told, attributes = row
    if isinstance(attributes, str):  # SQLite has no JSON type
        attributes = json.loads(attributes)
    keys = tuple(term[1:] for term in terms.split(" ") if term.startswith("="))
    return Hit(
        item_id, passage_id, text, scored.score, scored.similarity, scored.lexical, kind, question, number,
        Provenance(*told), attributes, keys,
    )  # fmt: skip


def _moment(microseconds: int) -> Any:
    return moment(microseconds)
