"""The append-only chain of events: every change of a knowledge base, each hash covering the one before."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yukawa.knowledge.store.database import fetch
from yukawa.knowledge.store.schema import events

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
