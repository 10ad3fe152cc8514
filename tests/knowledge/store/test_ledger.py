"""The chain of events and the check of tables and index against it notice every change."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError, StoreError
from yukawa.knowledge import KnowledgeBase, new_item
from yukawa.knowledge.records import moment
from yukawa.knowledge.store import clock, ledger
from yukawa.knowledge.store.ledger import (
    GENESIS,
    Entry,
    append,
    broken_links,
    chain_anew,
    content_digest,
    erase_said,
    head,
)
from yukawa.knowledge.store.schema import events, meta, metadata, tallies


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine, [events, meta, tallies])
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
        )


@pytest.mark.parametrize("sizes", [[1], [3], [1, 1, 1], [2, 5, 1]])
def test_a_chain_is_whole_however_it_was_written(connection: sa.Connection, sizes: list[int]) -> None:
    for size in sizes:
        append(connection, [Entry("teach", "k")] * size, actor="Li", reason="")
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


def test_erased_words_leave_the_chain_whole_and_cannot_be_guessed(connection: sa.Connection) -> None:
    _write(connection)
    before = connection.execute(sa.select(events.c.hash).order_by(events.c.seq)).scalars().all()
    erase_said(connection, "actor", [2])
    erase_said(connection, "reason", [2, 4])
    erase_said(connection, "reason", [4])  # again
    assert list(broken_links(connection)) == []
    rows = connection.execute(sa.select(events).order_by(events.c.seq)).all()
    assert [row.hash for row in rows] == before
    assert [row.actor == "Li" for row in rows] == [True, False, True, True, True]
    assert [row.reason == "why" for row in rows] == [True, False, True, False, True]
    assert rows[1].reason != rows[3].reason  # the same word, another nonce
    assert rows[1].reason != hashlib.sha256(b"why").hexdigest()


def test_words_that_are_gone_without_an_erasure_are_seen(base: KnowledgeBase) -> None:
    item, other = base.teach("A first statement."), base.teach("A second one.")
    with base.store.write() as connection:
        erase_said(connection, "actor", [1])
        erase_said(connection, "reason", [2])
    assert [line.split(",")[0] for line in base.verify().problems] == [
        "ledger: event 1: its actor is gone", "ledger: event 2: its reason is gone"
    ]  # fmt: skip
    base.purge(item.id)  # of which both may have told
    assert base.verify().clean
    with base.store.write() as connection:
        erase_said(connection, "actor", [2])
    assert base.verify().problems
    assert base.show(other.id)
    last = next(event.seq for event in base.history(item.id)[1] if event.verb == "purge")
    with base.store.write() as connection:
        erase_said(connection, "actor", [last])  # who erased it is kept
    assert any(f"event {last}: its actor is gone" in line for line in base.verify().problems)


@pytest.mark.parametrize("changed", [None, 3])
def test_an_older_chain_is_chained_anew_and_what_was_changed_stays_so(
    connection: sa.Connection, changed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_FETCH", 2)
    _write(connection)
    previous = GENESIS
    for row in connection.execute(sa.select(events).order_by(events.c.seq)).mappings().all():
        old = dict(row) | {"actor_nonce": "", "reason_nonce": ""}  # as schema 0004 had it
        fields = [old[k] for k in ("seq", "time", "actor", "verb", "item_id", "version", "reason", "digest")]
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        old["hash"] = previous = hashlib.sha256((previous + text).encode()).hexdigest()
        connection.execute(sa.update(events).where(events.c.seq == row["seq"]).values(old))
    connection.execute(sa.update(events).where(events.c.seq == changed).values(reason="because"))
    before = list(broken_links(connection))
    assert before == ([f"ledger: event {changed} was changed after it was written"] if changed else [])
    chain_anew(connection)
    assert list(broken_links(connection)) == before
    erase_said(connection, "reason", [1, 2])
    assert list(broken_links(connection)) == before


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


def test_order_is_kept_whatever_the_clock_says(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _write(connection, 1)
    monkeypatch.setattr(time, "time_ns", lambda: 0)  # the clock was set back
    _write(connection, 3)
    assert list(broken_links(connection)) == []
    assert "the clock is behind" in caplog.text
    (jump,) = clock.jumps(connection)
    assert "event 2:" in jump
    assert "1970-01-01" in jump
    rows = connection.execute(sa.select(events.c.seq, events.c.time).order_by(events.c.seq)).all()
    assert list(ledger.changes_of(rows)) == [1, 2, 3, 4]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 3)), max_size=8))
def test_events_of_one_change_are_found_by_their_time(changes: list[tuple[int, int]]) -> None:
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine, [events, meta, tallies])
    wanted: list[int] = []
    with engine.begin() as connection, pytest.MonkeyPatch.context() as patch:
        at = 0
        for size, step in changes:  # the clock may stand still or run backwards
            at += step
            patch.setattr(time, "time_ns", lambda at=at: at * 1000)
            wanted += [len(wanted) + 1] * size
            append(connection, [Entry("teach", "k")] * size, actor="Li", reason="")
        rows = connection.execute(sa.select(events.c.seq, events.c.time).order_by(events.c.seq)).all()
    assert list(ledger.changes_of(rows)) == wanted
    engine.dispose()


YEAR = 365 * 24 * 3600 * 10**9
WORLD = time.time_ns


def told(folder: Path, years: Iterator[int]) -> object:
    """What a base shows after the same history, each step of which is a clock's own number of years away."""
    with pytest.MonkeyPatch.context() as patch:

        def tick() -> None:
            away = next(years) * YEAR
            patch.setattr(time, "time_ns", lambda: WORLD() + away)

        tick()
        with KnowledgeBase.open(folder, embedding="hash", reviewers=["Marie"]) as base:
            tick()
            first = base.teach("The mass of the W boson is 80.4 GeV.", source="s1", author="A")
            tick()
            second = base.teach("The mass of the W boson is 82.4 GeV.", source="s2", author="B")
            tick()
            base.update(first.id, "The mass of the W boson is 80.38 GeV.")
            tick()
            base.unload(second.id)
            gone = base.teach("Coffee in the control room costs two yuan.", source="s3", author="C")
            tick()
            base.purge(gone.id)
            tick()
            base.restore(second.id)
            names = {first.id: "first", second.id: "second"}
            versions, done = base.history(first.id)
            report = base.verify()
            assert report.problems == ()
            return (
                [names[item.id] for item in base.list()], [(names[h.item_id], h.text) for h in base.search("mass of the W boson")],
                [v.text for v in versions], [event.verb for event in done], len(base.conflicts()),
                [base.show(item_id).text for item_id in names],
            )  # fmt: skip


@pytest.fixture(scope="module")
def told_by_right_clocks(tmp_path_factory: pytest.TempPathFactory) -> object:
    return told(tmp_path_factory.mktemp("right"), itertools.repeat(0))


def check_clocks(years: list[int], expected: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert told(Path(folder), iter(years)) == expected


CLOCKS = st.lists(st.sampled_from([-50, 0, 50]), min_size=7, max_size=7)


@settings(max_examples=4)
@given(CLOCKS)
def test_no_clock_changes_what_is_known(told_by_right_clocks: object, years: list[int]) -> None:
    check_clocks(years, told_by_right_clocks)


@pytest.mark.slow
@settings(max_examples=40)
@given(CLOCKS)
def test_no_clock_of_many_changes_what_is_known(told_by_right_clocks: object, years: list[int]) -> None:
    check_clocks(years, told_by_right_clocks)


def test_one_wrong_clock_hides_nothing_that_others_teach_later(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.teach("The ring is cold.", source="s")
    between = dt.datetime.now(dt.UTC)
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time_ns", lambda: WORLD() + 50 * YEAR)
        base.teach("The ring is long.", source="s")
    assert [item.text for item in base.list(as_of=between)] == ["The ring is cold."]
    forward, ahead_now = base.verify().notes
    assert "the clock was set forward by 18,2" in forward
    assert "is dated 20" in ahead_now
    assert "the clock now says" in ahead_now
    with monkeypatch.context() as behind:
        behind.setattr(time, "time_ns", lambda: WORLD() - 50 * YEAR)
        base.teach("The ring is deep.", source="s")
    known = {"The ring is cold.", "The ring is long.", "The ring is deep."}
    assert {item.text for item in base.list(as_of=dt.datetime.now(dt.UTC))} == known
    _, note, since = base.verify().notes
    assert "is followed by one dated 19" in note
    assert "the clock was set forward" in since
    base.teach("The ring is round.", source="s")
    assert len(base.verify().notes) == 3
    now = base.list(as_of=dt.datetime.now(dt.UTC))
    assert {item.text for item in now} == known | {"The ring is round."}


def test_processes_with_clocks_fifty_years_apart_write_one_order(tmp_path: Path) -> None:
    code = (
        "import sys, time; real = time.time_ns; time.time_ns = lambda: real() + int(sys.argv[1])\n"
        "from yukawa.knowledge import KnowledgeBase\n"
        "with KnowledgeBase.open(sys.argv[2], embedding='hash') as base:\n"
        "    for text in sys.argv[3:]: base.teach(text, source='s', author='A')\n"
    )
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        base.teach("First.", source="s", author="A")
        for away, texts in ((50 * YEAR, ("Second.", "Third.")), (-50 * YEAR, ("Fourth.",))):
            subprocess.run(
                [sys.executable, "-c", code, str(away), str(tmp_path / "base"), *texts], check=True
            )
        base.teach("Fifth.", source="s", author="A")
        events_ = [event for item in base.list() for event in base.history(item.id)[1]]
        order = [base.show(e.item_id).text for e in sorted(events_, key=lambda e: e.seq)]
        assert order == ["First.", "Second.", "Third.", "Fourth.", "Fifth."]
        assert len(base.list(as_of=dt.datetime.now(dt.UTC))) == 5
        report = base.verify()
    assert report.problems == ()
    named = Path("/proc/sys/kernel/random/boot_id").exists()  # else each process has a start of its own
    assert ["set forward" in note for note in report.notes] == ([True, False, True] if named else [False])


contents = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=10), max_size=4)


@given(contents, contents, st.text(alphabet="0123456789abcdef", min_size=24, max_size=24))
def test_digests_tell_contents_apart_and_not_their_order(
    a: dict[str, object], b: dict[str, object], nonce: str
) -> None:
    assert content_digest(a, nonce) == content_digest(dict(reversed(a.items())), nonce)
    assert (content_digest(a, nonce) == content_digest(b, nonce)) == (a == b)
    assert content_digest(a, nonce) != content_digest(a, nonce[::-1] + "0")


DOCUMENT = "# Magnets\n\n" + "The dipole was measured twice in the hall. " * 40


@pytest.fixture
def taught(base: KnowledgeBase) -> KnowledgeBase:
    """A base with something of everything that can be done."""
    first = base.teach("The mass of the tau is 1776.9 MeV.", author="A", source="S")
    base.update(first.id, "The mass of the tau is 1776.93 MeV.")
    base.teach("The mass of the tau is 1500 MeV.", author="B")
    (conflict,) = base.conflicts()
    base.resolve(conflict.id, keep=first.id)
    gone = base.teach("This is to be unloaded.")
    base.unload(gone.id)
    back = base.teach("This is unloaded and restored.", question="What happens?")
    base.unload(back.id)
    base.restore(back.id)
    erased = base.teach("This is to be erased for good.")
    base.purge(erased.id)
    base.teach(DOCUMENT)
    return base


def damage(base: KnowledgeBase, *statements: str, **values: object) -> tuple[str, ...]:
    """Write with no regard for any rule, and return the problems found then."""
    server = base.store.is_postgres
    with base.store.engine.connect() as connection:
        if not server:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN")
        before = (
            ["SET session_replication_role = replica"]
            if server
            else ["DROP TRIGGER IF EXISTS events_no_update", "DROP TRIGGER IF EXISTS events_no_delete"]
        )
        after = ["SET session_replication_role = DEFAULT"] if server else []
        for statement in (*before, *statements, *after):
            connection.execute(sa.text(statement), values if statement in statements else {})
        connection.commit()
    base.store.close()
    return base.verify().problems


def test_a_whole_base_is_clean(taught: KnowledgeBase, open_again: Callable[[], KnowledgeBase]) -> None:
    report = taught.verify()
    assert report.problems == ()
    assert report.clean
    assert (report.events, report.items) == (15, 6)
    assert report.passages > 8
    assert open_again().verify() == report


def test_an_empty_base_is_clean(base: KnowledgeBase) -> None:
    assert base.verify().clean


@pytest.mark.slow_but("sqlite")
@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE events SET reason = 'other' WHERE seq = 3", "event 3 was changed"),
        ("UPDATE events SET actor = 'nobody' WHERE seq = 1", "event 1 was changed"),
        ("DELETE FROM events WHERE seq = 4", "event 4 is missing"),
        ("UPDATE versions SET text = 'The mass is 1 MeV.' WHERE number = 2 AND text LIKE '%1776.93%'", "content was changed"),
        ("UPDATE versions SET source = 'a better one' WHERE id = 1", "version 1 of item"),
        ("UPDATE versions SET attributes = '{\"a\": 1}' WHERE id = 1", "content was changed"),
        ("UPDATE versions SET nonce = '' WHERE id = 1", "content was changed"),
        ("UPDATE items SET kind = 'statement' WHERE kind = 'document'", "content was changed"),
        ("UPDATE versions SET valid_from = valid_from - 1 WHERE id = 1", "other events"),
        ("UPDATE versions SET valid_to = NULL WHERE text = 'This is to be unloaded.'", "other events"),
        ("UPDATE versions SET valid_to = valid_from + 1 WHERE text LIKE '%1776.93%'", "other events"),
        ("UPDATE versions SET valid_to = NULL WHERE id = 1", "more than one version is current"),
        ("UPDATE versions SET number = 7 WHERE id = 1", "no event mentions it"),
        ("DELETE FROM vectors WHERE passage_id = 2", "passage 2: it has no vector"),
        ("UPDATE passages SET text = 'The mass is 1 MeV.' WHERE id = 2", "its passage is not its text"),
        ("UPDATE passages SET text = replace(text, 'twice', 'never') WHERE text LIKE '%dipole%'", "words that are not in its text"),
    ],
)  # fmt: skip
def test_damage_is_found(taught: KnowledgeBase, statement: str, problem: str) -> None:
    problems = damage(taught, statement)
    assert [p for p in problems if problem in p], problems
    assert all("\n" not in p for p in problems)


def test_a_version_that_vanished_is_missed(taught: KnowledgeBase) -> None:
    of = "WHERE version_id = 1"
    problems = damage(
        taught, f"DELETE FROM vectors WHERE passage_id IN (SELECT id FROM passages {of})",
        f"DELETE FROM postings WHERE passage_id IN (SELECT id FROM passages {of})",
        f"DELETE FROM passages {of}", f"DELETE FROM facts {of}", "DELETE FROM versions WHERE id = 1",
    )  # fmt: skip
    assert [p for p in problems if p.startswith("version 1 of item") and "nobody erased it" in p], problems


def test_lost_passages_are_missed(taught: KnowledgeBase) -> None:
    problems = damage(
        taught, "DELETE FROM vectors WHERE passage_id = 2", "DELETE FROM postings WHERE passage_id = 2",
        "DELETE FROM passages WHERE id = 2",
    )  # fmt: skip
    assert [p for p in problems if "has no passages" in p], problems


@pytest.mark.parametrize(
    ("vector", "problem"),
    [
        (np.zeros(256), "has length 0, not 1"),
        (np.full(256, 2.0), "has length 32, not 1"),
        (np.full(256, np.nan), "has length nan, not 1"),
        (np.full(16, 0.25), "has 16 dimensions, not 256"),
    ],
)
def test_wrong_vectors_are_found_in_a_file(tmp_path: Path, vector: np.ndarray, problem: str) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach("One.")
    base.teach("Two.")
    data = vector.astype("<f2").tobytes()
    problems = damage(base, "UPDATE vectors SET vector = :data WHERE passage_id = 2", data=data)
    assert [p for p in problems if problem in p and p.startswith("passage 2:")], problems
    problems = damage(base, "UPDATE vectors SET vector = :data WHERE passage_id = 2", data=data[:-1])
    assert [p for p in problems if p.startswith("passage 2: its vector has")], problems


def test_attributes_that_are_no_json_are_found_in_a_file(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach("One.")
    assert [p for p in damage(base, "UPDATE versions SET attributes = '{'") if "not JSON" in p]


def test_rows_without_their_owners_are_found_in_a_file(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach("One.")
    problems = damage(base, "INSERT INTO conflicts VALUES (1, 'k', 'x', 'y', 0, NULL, 0)")
    report = base.verify()
    assert (report.events, report.items, report.passages) == (0, 0, 0)  # of a damaged file nothing is counted
    assert any("conflicts refers to a row of items" in p for p in problems), problems


def test_a_damaged_file_is_told_of(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach_many([new_item(f"One of the statements that fill pages is statement{i}.") for i in range(200)])
    base.close()
    file = tmp_path / "knowledge.sqlite"
    content = bytearray(file.read_bytes())
    for page in range(20, len(content) // 4096):
        content[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    file.write_bytes(content)
    try:
        problems = KnowledgeBase.open(tmp_path).verify().problems
    except StoreError as error:
        problems = (str(error),)
    assert problems
    assert any("damaged" in p or p.startswith("database:") for p in problems)


@pytest.mark.slow
def test_many_items_are_verified_quickly(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach_many([new_item(f"A plain statement about item{i}.", item_id=f"i{i}") for i in range(2000)])
    base.verify()
    began = time.process_time()  # a busy machine does not count
    assert base.verify().clean
    assert time.process_time() - began < 1.0  # 20,000 items within 5 s, with room for a slow machine


# ---- a model of what a base should do -------------------------------------------------------------

TEXTS = [
    f"The {thing} was {done}." for thing in ("magnet", "cavity", "target") for done in ("moved", "cooled")
]
steps = st.lists(
    st.tuples(st.sampled_from("teach teach update unload restore purge".split()), st.integers(0, 5), st.integers(0, 5)),
    min_size=1, max_size=14,
)  # fmt: skip


class Model:
    """What is in force, and what was at each earlier moment: texts by item."""

    def __init__(self, base: KnowledgeBase) -> None:
        self.base, self.known, self.now = base, dict[str, str](), dict[str, str]()
        self.past: list[tuple[dt.datetime, dict[str, str]]] = []

    def step(self, verb: str, which: int, text: str) -> None:
        if verb == "teach":
            twin = [i for i, t in self.now.items() if t == text]
            item = self.base.teach(text)
            assert [item.id] == twin if twin else item.id not in self.known
            self.known[item.id] = self.now[item.id] = text
        elif self.known:
            self._change(verb, sorted(self.known)[which % len(self.known)], text)
        with self.base.store.read() as connection:
            seq, time_of_last, _ = ledger.head(connection)
        at = moment(time_of_last)
        if seq and at is not None and (not self.past or at > self.past[-1][0]):
            self.past.append((at, dict(self.now)))

    def _change(self, verb: str, item: str, text: str) -> None:
        wanted = text if verb == "update" else self.known[item]
        elsewhere = any(t == wanted for i, t in self.now.items() if i != item)
        if verb == "purge":
            self.base.purge(item)
            for state in (self.known, self.now, *(then for _, then in self.past)):
                state.pop(item, None)
        elif verb == "unload":
            self.base.unload(item)
            self.now.pop(item, None)
        elif (verb == "update" and item not in self.now) or (
            elsewhere and (verb == "update" or item not in self.now)
        ):
            with pytest.raises(InputError):
                self.base.update(item, text) if verb == "update" else self.base.restore(item)
        else:
            self.base.update(item, text) if verb == "update" else self.base.restore(item)
            self.known[item] = self.now[item] = wanted

    def found(self, as_of: dt.datetime | None = None) -> dict[str, str]:
        return {hit.item_id: hit.text for hit in self.base.search("the was", k=100, as_of=as_of)}


def check_sequence(tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[str, int, int]]) -> None:
    with KnowledgeBase.open(tmp_path_factory.mktemp("base"), embedding="hash") as base:
        model = Model(base)
        for verb, which, text in sequence:
            model.step(verb, which, TEXTS[text])
            assert model.found() == model.now
        assert base.verify().problems == ()
        for at, then in model.past:
            assert model.found(at) == then
            assert {i.id: i.text for i in base.list(as_of=at)} == then
        with KnowledgeBase.open(base.store.folder or "") as fresh:
            assert {hit.item_id: hit.text for hit in fresh.search("the was", k=100)} == model.now


@settings(max_examples=5)
@given(steps)
def test_any_sequence_of_changes_does_what_a_simple_model_does(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[str, int, int]]
) -> None:
    check_sequence(tmp_path_factory, sequence)


@pytest.mark.slow
@settings(max_examples=60)
@given(steps)
def test_many_sequences_of_changes_do_what_a_simple_model_does(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[str, int, int]]
) -> None:
    check_sequence(tmp_path_factory, sequence)
