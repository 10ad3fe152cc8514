"""Reads items, versions, events and hits from the tables, inside a transaction that the caller holds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from yukawa.core.errors import InputError, NotFound, nearest
from yukawa.knowledge import records
from yukawa.knowledge.items import PLACES, NewItem, Passage, meaning
from yukawa.knowledge.records import Conflict, Hit, Item, Moment, Provenance, moment
from yukawa.knowledge.search.ranking import Scored
from yukawa.knowledge.store import clock, ledger
from yukawa.knowledge.store.database import damaged, fetch, from_json
from yukawa.knowledge.store.facts import reviewed
from yukawa.knowledge.store.ledger import by_version
from yukawa.knowledge.store.schema import answers, conflicts, events, items, passages, versions
from yukawa.knowledge.store.writer import chunks
from yukawa.knowledge.trust import trust_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CLOCKS_DIFFER_BY = 1_000_000  # microseconds

_BEGAN, _ENDED = events.alias("began"), events.alias("ended")
_ITEM = (
    sa.select(versions, items.c.kind, _BEGAN.c.time.label("began"), _ENDED.c.time.label("ended"))
    .join_from(versions, items)
    .join(_BEGAN, _BEGAN.c.seq == versions.c.valid_from, isouter=True)
    .join(_ENDED, _ENDED.c.seq == versions.c.valid_to, isouter=True)
)


def one(connection: sa.Connection, item_id: str, as_of: int | None = None) -> Item | None:
    """The version valid after the event `as_of`, or else the newest version."""
    query = _ITEM.where(versions.c.item_id == item_id)
    if as_of is not None:
        query = query.where(valid_at(as_of))
    row = connection.execute(query.order_by(versions.c.number.desc()).limit(1)).mappings().first()
    return None if row is None else _with_conflicts(connection, [_item(row)], as_of)[0]


def shown(connection: sa.Connection, item_id: str, as_of: int | None = None) -> Item:
    """The version valid after the event `as_of`, or else the newest.

    Raises:
        NotFound: there is no such item, then or ever.
    """
    item = one(connection, item_id, as_of)
    if item is None:
        raise unknown_item(connection, item_id)
    return item


def all_versions(connection: sa.Connection, item_id: str) -> list[Item]:
    """Every version of an item, oldest first."""
    query = _ITEM.where(versions.c.item_id == item_id).order_by(versions.c.number)
    return _items(connection, query)


def current(connection: sa.Connection, item_ids: Sequence[str]) -> dict[str, Item]:
    """Current items among `item_ids`, by id."""
    rows: list[Item] = []
    for chunk in chunks(list(item_ids)):
        query = _ITEM.where(versions.c.item_id.in_(chunk), versions.c.valid_to.is_(None))
        rows += _items(connection, query)
    return {item.id: item for item in _with_conflicts(connection, rows)}


def current_by_content(connection: sa.Connection, keys: Sequence[str]) -> dict[str, Item]:
    """Current items that hold these contents already, by content key, marked 'known'."""
    found: dict[str, Item] = {}
    for chunk in chunks(list(keys)):
        query = _ITEM.where(versions.c.content_key.in_(chunk), versions.c.valid_to.is_(None))
        for row in connection.execute(query).mappings():
            found[row["content_key"]] = replace(_item(row), status="known")
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
    connection: sa.Connection, filters: Mapping[str, str | None], *, unloaded: bool, as_of: int | None, limit: int | None
) -> list[Item]:  # fmt: skip
    """Items that pass the filters, newest first."""
    query = _ITEM.where(*_filters(filters))
    if unloaded:
        later = versions.alias()
        newer = sa.exists().where(later.c.item_id == versions.c.item_id, later.c.number > versions.c.number)
        query = query.where(versions.c.valid_to.is_not(None), ~newer)
    else:
        query = query.where(valid_at(as_of))
    query = query.order_by(versions.c.valid_from.desc(), versions.c.id.desc()).limit(limit)
    return _with_conflicts(connection, _items(connection, query), as_of)


def allowed_passages(connection: sa.Connection, filters: Mapping[str, str | None]) -> NDArray[np.int64]:
    """The ids (n,) of all passages whose versions pass the filters."""
    import numpy as np  # slow to import, and most questions need no passage

    query = (
        sa.select(passages.c.id).select_from(passages.join(versions).join(items)).where(*_filters(filters))
    )
    return np.array(connection.execute(query).scalars().all(), dtype=np.int64)


_HITS = (  # through the driver: SQLAlchemy's layers take several times as long as this query
    "SELECT p.id, p.text, p.terms, v.item_id, i.kind, v.question, v.number,"
    " v.author, v.source, v.url, v.licence, v.domain, p.ordinal, v.attributes"
    " FROM passages p JOIN versions v ON v.id = p.version_id JOIN items i ON i.id = v.item_id WHERE p.id IN ({})"
)


def hits(connection: sa.Connection, found: Sequence[Scored], as_of: int | None = None) -> list[Hit]:
    """The passages found, with their texts and provenance, in the same order, trusted as after that event."""
    if not found:
        return []
    marks = ",".join("?" * len(found))
    rows = {row[0]: row for row in fetch(connection, _HITS.format(marks), [s.passage_id for s in found])}
    theirs = [(row[3], row[6]) for row in rows.values() if row[4] != "data"]
    agreed = reviewed(connection, theirs, as_of) if theirs else set()
    return [_hit(rows[s.passage_id], s, agreed) for s in found if s.passage_id in rows]


def answer(connection: sa.Connection, answer_id: str) -> Mapping[str, Any]:
    """An answer kept for corrections.

    Raises:
        NotFound: no such answer.
    """
    query = sa.select(answers).where(answers.c.id == answer_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(
            f"there is no answer {answer_id!r}", hint="each `yukawa ask` prints the id of its answer"
        )
    return dict(row)


def kept_answers(connection: sa.Connection, answer_ids: Sequence[str]) -> set[str]:
    """Those of some answers that are kept."""
    return {
        found
        for some in chunks(list(answer_ids))
        for found in connection.execute(sa.select(answers.c.id).where(answers.c.id.in_(some))).scalars()
    }


def events_of(connection: sa.Connection, item_id: str) -> list[records.Event]:
    """All events about an item, oldest first."""
    e = events.c
    said = [sa.case((e[f"{name}_nonce"] == "", ""), else_=e[name]).label(name) for name in ledger.SAID]
    query = sa.select(e.seq, e.time, e.verb, e.item_id, e.version, e.digest, e.hash, *said)
    rows = connection.execute(query.where(e.item_id == item_id).order_by(e.seq)).mappings()
    return [records.Event(**{**row, "time": moment(row["time"])}) for row in rows]


def open_conflicts(
    connection: sa.Connection, item_ids: Sequence[str] | None = None, as_of: int | None = None
) -> list[Conflict]:
    """Unresolved conflicts between two current items, now or after an event; only those that touch `item_ids` if given."""
    query = (
        sa.select(conflicts, events.c.time)
        .join_from(conflicts, events, events.c.seq == conflicts.c.opened)
        .where(_holds(conflicts.c.opened, conflicts.c.resolved, as_of))
    )
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
    for r in rows:
        _check_types(r.first_item, (r.key, r.second_item), (), {})
    rows.sort(key=lambda r: r.id)
    said = sides_of(connection, {item_id for r in rows for item_id in (r.first_item, r.second_item)}, as_of)
    return [
        Conflict(r.id, r.key, (said[r.first_item], said[r.second_item]), moment(r.time), None)
        for r in rows
        if r.first_item in said and r.second_item in said
    ]


def sides_of(
    connection: sa.Connection, item_ids: Iterable[str], as_of: int | None = None
) -> dict[str, records.Side]:
    """What current items say in a conflict, by id."""
    v, found = versions.c, {}
    columns = (v.item_id, v.text, v.source, v.author, events.c.time, v.number, items.c.kind)
    for chunk in chunks(sorted(item_ids)):
        query = (
            sa.select(*columns)
            .join_from(versions, items)
            .join(events, events.c.seq == v.valid_from)
            .where(v.item_id.in_(chunk), valid_at(as_of))
        )
        rows = connection.execute(query).all()
        agreed = reviewed(connection, [(r.item_id, r.number) for r in rows if r.kind != "data"], as_of)
        for r in rows:
            _check_types(r.item_id, (r.text, r.source, r.author, r.kind), (), {})
            trust = trust_of(r.kind, r.author, reviewed=(r.item_id, r.number) in agreed)
            found[r.item_id] = records.Side(r.item_id, r.text, r.source, r.author, moment(r.time), trust)
    return found


# ---- versions as they were taught -----------------------------------------------------------------


def stored_items(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> Iterator[NewItem]:
    """The versions in `rows` (columns of versions, and `kind`) as they were taught, to teach them again or elsewhere.

    Passages and terms are those stored: a source's data give more than can be read from their text.
    """
    ids = [row["id"] for row in rows]
    pieces = by_version(connection, passages, ids)
    for row in rows:
        about = (row["question"], row["kind"], row["attributes"])
        yield NewItem(
            row["kind"], row["text"], row["question"], Provenance.of(row),
            tuple(
                Passage(piece.text, meaning(piece.text, *about), tuple(piece.terms.split(" ") if piece.terms else ()))
                for piece in pieces.get(row["id"], ())
            ),
            row["attributes"], row["item_id"],
        )  # fmt: skip


def last_stored(connection: sa.Connection, item_id: str) -> NewItem:
    """The newest version of an item, which must exist, as it was taught."""
    query = _ITEM.where(versions.c.item_id == item_id).order_by(versions.c.number.desc()).limit(1)
    return next(stored_items(connection, connection.execute(query).mappings().all()))


# ---- what is not there ----------------------------------------------------------------------------


def unknown_item(connection: sa.Connection, item_id: str) -> NotFound:
    """The error for an id that names no item: whether it was erased, else which id is near."""
    erased = sa.select(events.c.seq).where(events.c.item_id == item_id, events.c.verb == "purge")
    if item_id in ledger.unfinished(connection):
        return NotFound(
            f"item {item_id} is erased, but files may still hold its text",
            hint=f"type: yukawa knowledge purge {item_id}",
        )
    if connection.execute(erased.limit(1)).first():
        return NotFound(f"item {item_id} was erased", hint=f"type: yukawa knowledge history {item_id}")
    like = sa.select(items.c.id).where(items.c.id.startswith(item_id[:2], autoescape=True)).limit(5000)
    near = nearest(item_id, connection.execute(like).scalars())
    hint = f"did you mean {near}?" if near else "type: yukawa knowledge list"
    return NotFound(f"there is no item {item_id!r}", hint=hint)


def event_at(connection: sa.Connection, as_of: Moment) -> int | None:
    """The number of the last event that was dated no later than `as_of`, if the base can answer from that moment.

    Raises:
        InputError: it is not a time, is before the base's first event, or lies in the future.
    """
    wanted = records.microseconds(as_of)
    if wanted is None:
        return None
    first = connection.execute(sa.select(sa.func.min(events.c.time))).scalar()
    if first is None or wanted < first:
        began = moment(first)
        since = f"; this base begins on {began:%Y-%m-%d %H:%M:%S} UTC" if began else "; this base is empty"
        raise InputError(f"nothing was known on {as_of}{since}", hint="give a later moment")
    if wanted > clock.now() + _CLOCKS_DIFFER_BY:
        raise InputError(f"{as_of} lies in the future", hint="omit as_of to search the base of now")
    return int(
        fetch(connection, "SELECT seq FROM events WHERE time <= ? ORDER BY seq DESC LIMIT 1", [wanted])[0][0]
    )


# ---- rows as objects ------------------------------------------------------------------------------


def _with_conflicts(connection: sa.Connection, found: list[Item], as_of: int | None = None) -> list[Item]:
    """Items with their open conflicts and the trust in them after that event."""
    if not found:
        return found
    touching: dict[str, list[Conflict]] = {}
    for conflict in open_conflicts(connection, [item.id for item in found], as_of):
        for item_id in conflict.item_ids:
            touching.setdefault(item_id, []).append(conflict)
    theirs = [(item.id, item.version) for item in found if item.kind != "data"]
    agreed = reviewed(connection, theirs, as_of)
    return [
        replace(
            item,
            conflicts=tuple(touching.get(item.id, ())),
            trust=trust_of(item.kind, item.provenance.author, reviewed=(item.id, item.version) in agreed),
        )
        for item in found
    ]


def valid_at(as_of: int | None) -> sa.ColumnElement[bool]:
    """Versions that are current now, or were after the event of that number."""
    return _holds(versions.c.valid_from, versions.c.valid_to, as_of)


def _holds(begin: sa.Column[int], end: sa.Column[int], as_of: int | None) -> sa.ColumnElement[bool]:
    """Rows that have no end, or had begun and not ended after the event of that number."""
    return end.is_(None) if as_of is None else sa.and_(begin <= as_of, sa.or_(end.is_(None), end > as_of))


def _filters(filters: Mapping[str, str | None]) -> list[sa.ColumnElement[bool]]:
    records.check_filters(filters.get("domain"), filters.get("kind"))
    wanted: list[sa.ColumnElement[bool]] = []
    for name, value in filters.items():
        if value is None:
            continue
        if name == "source":  # a part of the label; % and _ are taken literally
            wanted.append(versions.c.source.icontains(value, autoescape=True))
        elif name == "kind":
            wanted.append(items.c.kind == value)
        else:
            wanted.append(versions.c[name] == value)
    return wanted


def _items(connection: sa.Connection, query: sa.Select[Any]) -> list[Item]:
    return [_item(row) for row in connection.execute(query).mappings()]


def _check_types(item_id: Any, texts: Iterable[Any], perhaps: Iterable[Any], attributes: Any) -> None:
    """Refuse a damaged row, whose values are of other types.

    Raises:
        StoreError: one is.
    """
    there = all(isinstance(value, str) for value in (item_id, *texts))
    if not (there and all(isinstance(v, str | None) for v in perhaps) and isinstance(attributes, dict)):
        raise damaged(f"a value of item {item_id} is of another type")


def _item(row: sa.RowMapping) -> Item:
    about = [row[name] for name in ("question", "url", "licence")]
    _check_types(
        row["item_id"], [row[name] for name in ("kind", "text", "author", "source", "domain")], about, row["attributes"]
    )  # fmt: skip
    return Item(
        row["item_id"], row["kind"], row["number"], row["text"], row["question"], Provenance.of(row), row["attributes"],
        moment(row["began"]), moment(row["ended"]),
    )  # fmt: skip


def _hit(row: tuple[Any, ...], scored: Scored, agreed: Container[tuple[str, int]]) -> Hit:
    passage_id, text, terms, item_id, kind, question, number, *provenance, ordinal, attributes = row
    if isinstance(attributes, str):  # SQLite has no JSON type
        attributes = from_json(attributes)
    _check_types(item_id, (text, terms, kind, *provenance[:2]), (question, *provenance[2:]), attributes)
    places = attributes.get(PLACES, ())
    place = records.Place.of(places[ordinal]) if ordinal < len(places) else None
    keys = tuple(term[1:] for term in terms.split(" ") if term.startswith("="))
    return Hit(
        item_id, passage_id, text, scored.score, scored.similarity, scored.lexical, kind, question, number,
        Provenance(*provenance), attributes, keys, place, trust_of(kind, provenance[0], reviewed=(item_id, number) in agreed),
    )  # fmt: skip
