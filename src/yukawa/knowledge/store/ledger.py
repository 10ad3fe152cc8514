"""The append-only chain of events, each hash covering the one before, and the check that tables and index agree with it."""

import hashlib
import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yukawa.knowledge.items import NewItem
from yukawa.knowledge.records import Provenance, VerifyReport
from yukawa.knowledge.search.ranking import Index
from yukawa.knowledge.store.database import fetch
from yukawa.knowledge.store.facts import rows_of
from yukawa.knowledge.store.schema import events, facts, items, passages, vectors, versions

GENESIS = "0" * 64


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


def next_moment(connection: sa.Connection) -> int:
    """Now in microseconds, later than every event so far even if the clock was set back."""
    return max(time.time_ns() // 1000, head(connection)[1] + 1)


def append(
    connection: sa.Connection, entries: Sequence[Entry], *, actor: str, reason: str, moment: int
) -> None:
    """Write `entries` at the end of the chain, all at one moment."""
    seq, _, previous = head(connection)
    rows = []
    for entry in entries:
        seq += 1
        row = {
            "seq": seq, "time": moment, "actor": actor, "verb": entry.verb, "item_id": entry.item_id,
            "version": entry.version, "reason": reason, "digest": entry.digest,
        }  # fmt: skip
        previous = row["hash"] = event_hash(row, previous)
        rows.append(row)
    connection.execute(sa.insert(events), rows)


def event_hash(row: Mapping[str, Any], previous: str) -> str:
    """SHA-256 over an event's fields and the hash of the event before it."""
    fields = [row[k] for k in ("seq", "time", "actor", "verb", "item_id", "version", "reason", "digest")]
    return hashlib.sha256((previous + _canonical(fields)).encode()).hexdigest()


def broken_links(connection: sa.Connection) -> Iterator[str]:
    """Where the chain does not hold: a missing number, a changed field, a time that runs backwards."""
    previous, expected, last_time = GENESIS, 1, 0
    for row in connection.execute(sa.select(events).order_by(events.c.seq)).mappings():
        if row["seq"] != expected:
            yield f"ledger: event {expected} is missing"
        if row["hash"] != event_hash(dict(row), previous):
            yield f"ledger: event {row['seq']} was changed after it was written"
        if row["time"] < last_time:
            yield f"ledger: event {row['seq']} is older than the one before it"
        previous, expected, last_time = row["hash"], row["seq"] + 1, row["time"]


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_OPENING = ("teach", "update", "restore")
_WORDS = re.compile(r"\w+")
_NORM_TOLERANCE = 1e-3
_FETCH = 2000


def verify(connection: sa.Connection, embedder_id: int, dimensions: int, index: Index) -> VerifyReport:
    """Check the ledger's chain, the tables against the ledger, the vectors, and the index against the tables.

    Args:
        connection: a read transaction, so that all is seen at one moment.
        embedder_id: the embedder in service.
        dimensions: the length of its vectors.
        index: the index in service.

    Returns:
        The report; each problem is one line. Where the database file itself is damaged, only that is reported.
    """
    problems = list(_damage(connection))
    if problems:
        return VerifyReport(0, 0, 0, tuple(problems))
    problems += table_problems(connection)
    unsound = list(_vector_problems(connection, embedder_id, dimensions))
    problems += unsound
    if not unsound:  # an index cannot be made of unsound vectors
        problems += index.problems(connection)
    return VerifyReport(
        _count(connection, events), _count(connection, items), _count(connection, passages), tuple(problems)
    )


def table_problems(connection: sa.Connection) -> Iterator[str]:
    """Where the chain of events is broken, or versions and passages are not what the events say."""
    yield from broken_links(connection)
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
    current = sa.select(versions.c.item_id).where(versions.c.valid_to.is_(None))
    several = current.group_by(versions.c.item_id).having(sa.func.count() > 1)
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
    columns = (events.c.item_id, events.c.verb, events.c.version, events.c.time, events.c.digest)
    query = sa.select(*columns).where(events.c.item_id.is_not(None)).order_by(events.c.seq)
    for item_id, verb, number, at, digest in connection.execute(query):
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
    attributes = sa.cast(versions.c.attributes, sa.Text).label("attributes")  # as stored: it may be damaged
    columns = [c for c in versions.c if c.name != "attributes"]
    all_versions = (
        sa.select(*columns, attributes, items.c.kind).join_from(versions, items).order_by(versions.c.id)
    )
    for rows in _streamed(connection, all_versions).mappings().partitions():
        theirs, filed = (by_version(connection, t, [row["id"] for row in rows]) for t in (passages, facts))
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
    if (row["valid_from"], row["valid_to"]) != (said.valid_from, said.valid_to):
        yield f"{name}: valid at other times than the events say"


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


def _vector_problems(connection: sa.Connection, embedder_id: int, dimensions: int) -> Iterator[str]:
    """Passages whose vector is missing, of a wrong length, or not of unit length."""
    if not dimensions:
        return
    import numpy as np  # slow to import, and only a check needs it

    on_server = connection.dialect.name == "postgresql"
    # The raw bytes on SQLite: a vector cut short could not even be read.
    vector = vectors.c.vector if on_server else sa.type_coerce(vectors.c.vector, sa.LargeBinary)
    mine = (vectors.c.passage_id == passages.c.id) & (vectors.c.embedder_id == embedder_id)
    query = (
        sa.select(passages.c.id, vector.label("vector"))
        .join_from(passages, vectors, mine, isouter=True)
        .order_by(passages.c.id)
    )
    for rows in _streamed(connection, query).partitions():
        whole: list[tuple[int, Any]] = []
        for row in rows:
            passage_id, value = row.id, row.vector
            length = None if value is None else len(value) / (1 if on_server else 2)  # half precision
            if length is None:
                yield f"passage {passage_id}: it has no vector"
            elif length != dimensions:
                yield f"passage {passage_id}: its vector has {length:g} dimensions, not {dimensions}"
            else:
                whole.append(
                    (passage_id, value if on_server else np.frombuffer(value, dtype="<f2").astype(np.float32))
                )
        if whole:
            norms = np.linalg.norm(np.stack([v for _, v in whole]).astype(np.float64), axis=1)
            for place in np.flatnonzero(~(np.abs(norms - 1) <= _NORM_TOLERANCE)):  # not a number is wrong too
                yield f"passage {whole[place][0]}: its vector has length {norms[place]:.4g}, not 1"


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _damage(connection: sa.Connection) -> Iterator[str]:
    """What SQLite finds wrong with its own file."""
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield f"database: {line}"
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"database: row {row} of {table} refers to a row of {parent} that is not there"


def _streamed(connection: sa.Connection, query: sa.Select[Any]) -> sa.Result[Any]:
    return connection.execute(query, execution_options={"yield_per": _FETCH})
