"""The chain of events: whole as written, and no change of it goes unseen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.store import ledger
from yukawa.knowledge.store.ledger import (
    GENESIS,
    Entry,
    append,
    broken_links,
    content_digest,
    head,
    next_moment,
)
from yukawa.knowledge.store.schema import events


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    events.create(engine)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def _write(connection: sa.Connection, count: int = 5) -> None:
    for number in range(count):
        append(
            connection,
            [Entry("teach", f"k{number}", 1, "d")],
            actor="Li",
            reason="why",
            moment=next_moment(connection),
        )


@pytest.mark.parametrize("sizes", [[1], [3], [1, 1, 1], [2, 5, 1]])
def test_a_chain_is_whole_however_it_was_written(connection: sa.Connection, sizes: list[int]) -> None:
    for size in sizes:
        append(
            connection, [Entry("teach", "k")] * size, actor="Li", reason="", moment=next_moment(connection)
        )
    assert list(broken_links(connection)) == []
    assert head(connection)[0] == sum(sizes)


def test_an_empty_ledger_begins_at_genesis(connection: sa.Connection) -> None:
    assert head(connection) == (0, 0, GENESIS)
    assert list(broken_links(connection)) == []


@pytest.mark.parametrize(("column", "value"), [
    ("actor", "Eve"), ("verb", "unload"), ("item_id", "k9"), ("version", 2), ("reason", "because"),
    ("digest", "e"), ("time", 5), ("hash", "0" * 64),
])  # fmt: skip
def test_every_changed_field_is_seen(connection: sa.Connection, column: str, value: object) -> None:
    _write(connection)
    connection.execute(sa.update(events).where(events.c.seq == 3).values({column: value}))
    problems = list(broken_links(connection))
    assert problems
    assert any("event 3" in p or "event 4" in p for p in problems)


@pytest.mark.parametrize("seq", [1, 3])
def test_a_removed_event_is_seen(connection: sa.Connection, seq: int) -> None:
    _write(connection)
    connection.execute(sa.delete(events).where(events.c.seq == seq))
    assert any(f"event {seq} is missing" in p for p in broken_links(connection))


def test_exchanged_events_are_seen(connection: sa.Connection) -> None:
    _write(connection)
    for old, new in ((2, 99), (3, 2), (99, 3)):
        connection.execute(sa.update(events).where(events.c.seq == old).values(seq=new))
    assert list(broken_links(connection))


def test_time_never_runs_backwards(connection: sa.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(connection, 1)
    monkeypatch.setattr(ledger.time, "time_ns", lambda: 0)  # the clock was set back
    _write(connection, 3)
    assert list(broken_links(connection)) == []
    times = connection.execute(sa.select(events.c.time).order_by(events.c.seq)).scalars().all()
    assert times == sorted(set(times))


contents = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=10), max_size=4)


@given(contents, contents, st.text(alphabet="0123456789abcdef", min_size=24, max_size=24))
def test_digests_tell_contents_apart_and_not_their_order(
    a: dict[str, object], b: dict[str, object], nonce: str
) -> None:
    assert content_digest(a, nonce) == content_digest(dict(reversed(a.items())), nonce)
    assert (content_digest(a, nonce) == content_digest(b, nonce)) == (a == b)
    assert content_digest(a, nonce) != content_digest(a, nonce[::-1] + "0")
