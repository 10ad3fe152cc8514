"""The append-only chain of events, each hash covering the one before, and the check that tables and index agree with it.

A hash covers actor and reason by their digests, made with nonces. When an item is erased, digests take their place and the
nonces go: the chain can still be followed, and nobody can find out by guessing who or what it was.
"""

import hashlib
import itertools
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yukawa.knowledge.items import NewItem
from yukawa.knowledge.records import Provenance, VerifyReport
from yukawa.knowledge.search.ranking import Index
from yukawa.knowledge.store import checksums, clock, counted, guards, identity
from yukawa.knowledge.store import schema as t
from yukawa.knowledge.store.database import Store, fetch
from yukawa.knowledge.store.facts import rows_of
from yukawa.knowledge.texts import checked_label

GENESIS = "0" * 64
SAID = ("actor", "reason")
"""What people wrote in an event, which is erased with the item that it is about."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry to be written: a verb about a version of an item, and the digest of its content."""

    verb: str
    item_id: str | None
    version: int | None = None
    digest: str = ""


def content_digest(content: Mapping[str, Any], nonce: str) -> str:
    """SHA-256 of a version's content with its nonce.

    The nonce is erased with the text, so that the digest in the ledger then reveals nothing about it.
    """
    return hashlib.sha256((nonce + _canonical(content)).encode()).hexdigest()


_LAST = "SELECT seq, time, hash FROM events ORDER BY seq DESC LIMIT 1"


def head(connection: sa.Connection) -> tuple[int, int, str]:
    """Number, time and hash of the last event."""
    rows = fetch(connection, _LAST)
    return tuple(rows[0]) if rows else (0, 0, GENESIS)


def next_event(connection: sa.Connection) -> int:
    """The number that the next event will have. What a change begins or ends holds from it or until it.

    Order is that of these numbers and never of the clock, which may be wrong or set back.
    """
    return head(connection)[0] + 1


def append(connection: sa.Connection, entries: Sequence[Entry], *, actor: str, reason: str) -> None:
    """Write `entries` at the end of the chain, all at one time, which no event just before them has.

    Equal times in a row say which events belong to one change (see `changes_of`).

    Raises:
        InputError: actor or reason hold control characters, or are longer than a line.
    """
    actor, reason = checked_label(actor, "the name of who does it"), checked_label(reason, "the reason")
    seq, last, previous = head(connection)
    now = clock.now()
    now += now == last
    said = [(entry, actor, reason) for entry in entries]
    if setting := _clock_setting(connection, last, now):
        said.append((Entry(clock.VERB, None), "yukawa", setting))
    new = []
    for entry, who, why in said:
        seq += 1
        row = {
            "seq": seq, "time": now, "actor": who, "verb": entry.verb, "item_id": entry.item_id,
            "version": entry.version, "reason": why, "digest": entry.digest,
        } | _new_nonces()  # fmt: skip
        previous = row["hash"] = event_hash(row, previous)
        new.append(row)
    connection.execute(sa.insert(t.events), new)
    counted.count(connection, t.events, len(new))


def _clock_setting(connection: sa.Connection, last: int, now: int) -> str:
    """Report a clock that was set by more than a day; returns what the times of the events do not say of it."""
    by = clock.note(connection)
    if last - now > clock.JUMP:
        log.warning("the clock is behind the knowledge base: %s", clock.jump(last, now))
    elif by:
        log.warning("%s since the knowledge base was last changed", clock.setting(by))
        return f"{clock.setting(by)} before this change"
    return ""


def event_hash(row: Mapping[str, Any], previous: str) -> str:
    """SHA-256 over an event's fields and the hash of the event before it."""
    covered = dict(row) | {name: _sealed(row[name], row[f"{name}_nonce"]) for name in SAID}
    fields = [covered[k] for k in ("seq", "time", "actor", "verb", "item_id", "version", "reason", "digest")]
    return hashlib.sha256((previous + _canonical(fields)).encode()).hexdigest()


def _new_nonces() -> dict[str, str]:
    return {f"{name}_nonce": os.urandom(12).hex() for name in SAID}


def _sealed(written: str, nonce: str) -> str:
    """What the chain covers of an actor or a reason; without a nonce it is there already."""
    return hashlib.sha256((nonce + written).encode()).hexdigest() if nonce else written


def erase_said(connection: sa.Connection, name: str, numbers: Sequence[int]) -> None:
    """Let a digest take the place of the actor or the reason, as `name` says, of the events with these numbers."""
    said, nonce = t.events.c[name], t.events.c[f"{name}_nonce"]
    rows = [
        {"event": row.seq, "sealed": _sealed(row.said, row.nonce)}
        for start in range(0, len(numbers), _FETCH)
        for row in connection.execute(
            sa.select(t.events.c.seq, said.label("said"), nonce.label("nonce")).where(
                t.events.c.seq.in_(numbers[start : start + _FETCH])
            )
        )
    ]
    _change(connection, rows, {said.name: sa.bindparam("sealed"), nonce.name: ""})


def chain_anew(connection: sa.Connection) -> None:
    """Chain the events of bases and exports older than schema 0005 with nonces; one that was changed stays a changed one."""
    old = made = GENESIS
    names = [f"{name}_nonce" for name in SAID]
    values: dict[str, Any] = {"hash": sa.bindparam("made")} | {n: sa.bindparam(f"new_{n}") for n in names}
    query, last = sa.select(t.events).order_by(t.events.c.seq).limit(_FETCH), -(2**63)
    while some := connection.execute(query.where(t.events.c.seq > last)).mappings().all():
        rows = []
        for row in some:
            sound, old, last = row["hash"] == event_hash(dict(row), old), row["hash"], row["seq"]
            nonces = _new_nonces()
            made = event_hash(dict(row) | nonces, made) if sound else old
            rows.append({"event": last, "made": made} | {f"new_{name}": n for name, n in nonces.items()})
        _change(connection, rows, values)


def _change(connection: sa.Connection, rows: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> None:
    """Change rows of the ledger, which its guards forbid to everybody else (see the first migration)."""
    if not rows:
        return
    update = sa.update(t.events).where(t.events.c.seq == sa.bindparam("event")).values(**values)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE events DISABLE TRIGGER events_append_only")
        connection.execute(update, rows)
        connection.exec_driver_sql("ALTER TABLE events ENABLE TRIGGER events_append_only")
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name = 'events_no_update'"
    guards = connection.exec_driver_sql(query).all()
    for guard in guards:
        connection.exec_driver_sql(f"DROP TRIGGER {guard.name}")
    connection.execute(update, rows)
    for guard in guards:
        connection.exec_driver_sql(guard.sql)


def _missing_words(connection: sa.Connection) -> Iterator[str]:
    """Where an actor or a reason is gone, although nothing was erased that it belonged to."""
    e = t.events.c
    purges = sa.select(e.item_id, sa.func.max(e.seq)).where(e.verb == "purge").group_by(e.item_id)
    last = {row[0]: row[1] for row in connection.execute(purges)}
    query = sa.select(e.seq, e.item_id, e.actor_nonce).where((e.actor_nonce == "") | (e.reason_nonce == ""))
    for row in connection.execute(query.order_by(e.seq)):
        if row.actor_nonce == "" and last.get(row.item_id, 0) <= row.seq:
            yield f"ledger: event {row.seq}: its actor is gone, although nobody erased its item"
        elif max(last.values(), default=0) <= row.seq:  # a reason may have quoted another item
            yield f"ledger: event {row.seq}: its reason is gone, although nothing was erased after it"


def broken_links(connection: sa.Connection) -> Iterator[str]:
    """Where the chain does not hold: a missing number or a changed field."""
    previous, expected = GENESIS, 1
    for row in connection.execute(sa.select(t.events).order_by(t.events.c.seq)).mappings():
        if row["seq"] != expected:
            yield f"ledger: event {expected} is missing"
        if row["hash"] != event_hash(dict(row), previous):
            yield f"ledger: event {row['seq']} was changed after it was written"
        previous, expected = row["hash"], row["seq"] + 1


def changes_of(times: Iterable[tuple[int, int]]) -> Iterator[int]:
    """The number of the first event of the change to which each event (number, time) belongs, in their order."""
    first, last = 0, None
    for seq, at in times:
        first = first if at == last else seq
        last = at
        yield first


def erased(connection: sa.Connection) -> dict[str, str]:
    """Items whose erasure was begun, each with its last event of 'purge' and 'cleaned', by the index over these two verbs."""
    query = sa.select(t.events.c.item_id, t.events.c.verb).where(sa.text("verb IN ('purge', 'cleaned')"))
    return {str(row.item_id): row.verb for row in connection.execute(query.order_by(t.events.c.seq))}


def last_erasure(connection: sa.Connection) -> str | None:
    """The hash of the last event with which an erasure began."""
    query = sa.select(t.events.c.hash).where(
        sa.text("verb IN ('purge', 'cleaned')"), t.events.c.verb == "purge"
    )
    return connection.execute(query.order_by(t.events.c.seq.desc()).limit(1)).scalar()


def unfinished(connection: sa.Connection) -> list[str]:
    """Items whose erasure has begun and that nobody has seen cleaned since."""
    return [item_id for item_id, verb in erased(connection).items() if verb == "purge"]


def number_by_event(connection: sa.Connection) -> None:
    """Turn times into numbers of events in rows of bases and exports older than schema 0004, where things held from a time."""
    query = sa.select(t.events.c.seq, t.events.c.time).order_by(t.events.c.seq)
    first = {at: seq for seq, at in reversed(connection.execute(query).all())}
    for table, columns in ((t.versions, ("valid_from", "valid_to")), (t.conflicts, ("opened", "resolved"))):
        rows = connection.execute(sa.select(table.c.id, *(table.c[name] for name in columns))).all()
        new = [
            {"row": row.id} | {f"new_{name}": first.get(getattr(row, name)) for name in columns}
            for row in rows
        ]
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in columns}
        if new:
            connection.execute(
                sa.update(table).where(table.c.id == sa.bindparam("row")).values(**values), new
            )


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_OPENING = ("teach", "update", "restore")
_WORDS = re.compile(r"\w+")
_NORM_TOLERANCE = 1e-3
_FETCH = 2000


def verify(connection: sa.Connection, embedder_id: int, index: Index, store: Store) -> VerifyReport:
    """Check the ledger's chain, the tables against the ledger, the vectors, and the index against the tables.

    Args:
        connection: a read transaction, so that all is seen at one moment.
        embedder_id: the embedder in service.
        index: the index in service.
        store: the database.

    Returns:
        The report; each problem is one line. Where the database file itself is damaged, only that is reported.
    """
    if damage := list(_damage(connection)):
        return VerifyReport(0, 0, 0, tuple(damage))
    unsound = list(_vector_problems(connection, embedder_id))
    found = [
        *guards.problems(connection),
        *table_problems(connection),
        *checksums.problems(connection),
        *unsound,
    ]
    if not unsound:  # an index cannot be made of unsound vectors
        found += index.problems(connection)
    notes = [
        f"item {item_id}: its erasure is not finished; it is taken up at the next opening"
        for item_id in unfinished(connection)
    ]
    notes += [line for place in store.elsewhere for line in place.problems()]
    notes += [*guards.notes(connection), *clock.jumps(connection), *clock.wrong_now(connection)]
    if store.lost:
        (found if store.lost > 1 else notes).append(identity.loss(store.lost))
    sizes = [_count(connection, table) for table in (t.events, t.items, t.passages)]
    return VerifyReport(sizes[0], sizes[1], sizes[2], tuple(found), tuple(notes))


def problems(connection: sa.Connection, embedder_id: int) -> Iterator[str]:
    """Everything that `verify` looks at, but for the index, which can be made anew."""
    damage = list(_damage(connection))
    yield from damage
    if not damage:
        yield from guards.problems(connection)
        yield from table_problems(connection)
        yield from checksums.problems(connection)
        yield from _vector_problems(connection, embedder_id)


def table_problems(connection: sa.Connection) -> Iterator[str]:
    """Where the chain of events is broken, or versions and passages are not what the events say."""
    yield from broken_links(connection)
    yield from _missing_words(connection)
    expected = _replayed(connection)
    for row, texts, filed in _with_passages(connection):
        name = f"version {row['number']} of item {row['item_id']}"
        said = expected.get(row["item_id"], {}).pop(row["number"], None)
        if said is None:
            yield f"{name}: no event mentions it"
        else:
            yield from _version_problems(name, row, said)
        yield from _passage_problems(name, row, texts)
        yield from _fact_problems(name, row, filed)
    for item_id, missing in expected.items():
        for number in missing:
            yield f"version {number} of item {item_id}: missing, although nobody erased it"
    current = sa.select(t.versions.c.item_id).where(t.versions.c.valid_to.is_(None))
    several = current.group_by(t.versions.c.item_id).having(sa.func.count() > 1)
    for item_id in connection.execute(several).scalars():
        yield f"item {item_id}: more than one version is current"


@dataclass(slots=True)
class _Expected:
    """What the events say of a version."""

    digest: str
    valid_from: int
    valid_to: int | None = None


def _replayed(connection: sa.Connection) -> dict[str, dict[int | None, _Expected]]:
    """Versions by item and number, as the events from the first to the last leave them."""
    expected: dict[str, dict[int | None, _Expected]] = {}
    e = t.events.c
    rows = connection.execute(
        sa.select(e.seq, e.time, e.item_id, e.verb, e.version, e.digest).order_by(e.seq)
    ).all()
    for row, at in zip(rows, changes_of((row.seq, row.time) for row in rows), strict=True):
        item_id, verb, number, digest = row[2:]
        if item_id is None:
            continue
        mine = expected.setdefault(item_id, {})
        if verb == "purge":
            mine.clear()
        elif verb == "unload" or verb in _OPENING:
            for version in mine.values():
                if version.valid_to is None:
                    version.valid_to = at
            if verb in _OPENING:
                mine[number] = _Expected(digest, at)
    return expected


def _with_passages(connection: sa.Connection) -> Iterator[tuple[sa.RowMapping, list[str], list[Any]]]:
    """Every version with the texts of its passages, and its rows in the table of facts."""
    attributes = sa.cast(t.versions.c.attributes, sa.Text).label("attributes")  # as stored: it may be damaged
    columns = [c for c in t.versions.c if c.name != "attributes"]
    all_versions = (
        sa.select(*columns, attributes, t.items.c.kind)
        .join_from(t.versions, t.items)
        .order_by(t.versions.c.id)
    )
    for rows in _streamed(connection, all_versions).mappings().partitions():
        theirs, filed = (
            by_version(connection, table, [row["id"] for row in rows]) for table in (t.passages, t.facts)
        )
        for row in rows:
            yield row, [passage.text for passage in theirs.get(row["id"], ())], filed.get(row["id"], [])


def by_version(
    connection: sa.Connection, table: sa.Table, version_ids: Sequence[int]
) -> dict[int, list[Any]]:
    """The rows of a table that refer to these versions, in their order, by version."""
    query = (
        sa.select(table).where(table.c.version_id.in_(version_ids)).order_by(table.c.version_id, table.c.id)
    )
    rows = connection.execute(query).all()
    return {key: list(group) for key, group in itertools.groupby(rows, key=lambda row: int(row.version_id))}


def _version_problems(name: str, row: sa.RowMapping, said: _Expected) -> Iterator[str]:
    try:
        digest = content_digest(_new_item(row).content(), row["nonce"])
    except ValueError:
        yield f"{name}: its attributes are not JSON"
    else:
        if digest != said.digest:
            yield f"{name}: its content was changed after it was written"
        if _new_item(row).content_key != row["content_key"]:
            yield f"{name}: its content is filed under another key"
    if (row["valid_from"], row["valid_to"]) != (said.valid_from, said.valid_to):
        yield f"{name}: valid from or until other events than the ledger says"


def _passage_problems(name: str, row: sa.RowMapping, texts: list[str]) -> Iterator[str]:
    if not texts:
        yield f"{name}: it has no passages"
    elif row["kind"] != "document":
        if texts != [row["text"]]:
            yield f"{name}: its passage is not its text"
    else:  # how a document is cut may change between releases, its words may not
        words = set(_WORDS.findall(row["text"]))
        if any(not words.issuperset(_WORDS.findall(text)) for text in texts):
            yield f"{name}: a passage has words that are not in its text"


def _new_item(row: sa.RowMapping) -> NewItem:
    own = (row["kind"], row["text"], row["question"], Provenance.of(row))
    return NewItem(*own, (), json.loads(row["attributes"]), row["item_id"])


def _fact_problems(name: str, row: sa.RowMapping, filed: list[Any]) -> Iterator[str]:
    """Whether a source's facts are filed as its data state them; how people's texts are read may change between releases."""
    if row["kind"] == "data":
        try:
            wanted = rows_of(row["id"], _new_item(row).facts)
        except (ValueError, TypeError, KeyError):  # damaged attributes, which are reported already
            return
        if [{k: v for k, v in one._mapping.items() if k != "id"} for one in filed] != wanted:
            yield f"{name}: its facts are filed otherwise than it states them"


def _vector_problems(connection: sa.Connection, serving: int) -> Iterator[str]:
    """Passages without a vector of the serving embedder, and vectors that were changed or are not of the length they should have."""
    p, v, e = t.passages.c, t.vectors.c, t.embedders.c
    own = t.vectors.join(t.embedders, e.id == v.embedder_id)
    there = sa.exists().where(v.passage_id == p.id, v.embedder_id == serving)
    embeds = sa.exists().where(e.id == serving, e.dimensions > 0)
    lacking = connection.execute(sa.select(p.id).where(embeds, ~there).order_by(p.id))
    yield from (f"passage {passage_id}: it has no vector" for passage_id in lacking.scalars())
    on_server = connection.dialect.name == "postgresql"
    # The raw bytes on SQLite: a vector cut short could not even be read.
    vector = v.vector if on_server else sa.type_coerce(v.vector, sa.LargeBinary)
    columns = (v.passage_id, v.embedder_id, v.checksum, e.dimensions, vector.label("vector"))
    query = sa.select(*columns).select_from(own).order_by(v.passage_id, v.embedder_id)
    number, total = 0, 0
    for some in _streamed(connection, query).partitions():
        number, total = number + len(some), total + sum(row.checksum for row in some)
        for row in some:
            yield from _of_vector(row, on_server=on_server)
    yield from checksums.miscounted(connection, t.vectors, number, total)


def _of_vector(row: sa.Row[Any], *, on_server: bool) -> Iterator[str]:
    import numpy as np  # slow to import, and only a check needs it

    length = len(row.vector) / (1 if on_server else 2)  # half precision
    if length != row.dimensions:
        yield f"passage {row.passage_id}: its vector has {length:g} dimensions, not {row.dimensions}"
        return
    stored = row.vector if on_server else np.frombuffer(row.vector, dtype="<f2")
    if row.checksum != checksums.of_vector(row.passage_id, row.embedder_id, stored, on_server=on_server):
        yield f"passage {row.passage_id}: its vector was changed after it was written"
    norm = float(np.linalg.norm(stored.astype(np.float64)))
    if not abs(norm - 1) <= _NORM_TOLERANCE:  # not a number is wrong too
        yield f"passage {row.passage_id}: its vector has length {norm:.4g}, not 1"


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _damage(connection: sa.Connection) -> Iterator[str]:
    """What SQLite finds wrong with its own file, and values that no reader expects."""
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield f"database: {line}"
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"database: row {row} of {table} refers to a row of {parent} that is not there"
    yield from t.wrong_types(connection)


def _streamed(connection: sa.Connection, query: sa.Select[Any]) -> sa.Result[Any]:
    return connection.execute(query, execution_options={"yield_per": _FETCH})
