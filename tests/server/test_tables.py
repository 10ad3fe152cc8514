"""The server's tables: the chain shows what was changed, a repeated request is one, conversations are their owner's."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.knowledge.conftest import postgres as postgres

from yukawa.core.errors import StoreError
from yukawa.knowledge.store.database import Store
from yukawa.server import tables as module
from yukawa.server.keys import Keys, Person
from yukawa.server.tables import ServerTables


@pytest.fixture
def tables(tmp_path):
    made = ServerTables(Store(tmp_path / "knowledge"), tmp_path)
    yield made
    made.close()


def test_the_chain_is_whole_until_somebody_touches_it(tables, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: tables.note("me", "teach", f"item {n}"), range(20)))
    entries, whole = tables.noted()
    assert whole
    assert [entry["seq"] for entry in entries] == list(range(20, 0, -1))
    assert len(tables.noted(3)[0]) == 3
    for change in (
        "UPDATE audit SET actor = 'you' WHERE seq = 7",
        "DELETE FROM audit WHERE seq = 7",
        "UPDATE audit SET at = 1 WHERE seq = 20",
    ):
        with sqlite3.connect(tmp_path / "server.db") as connection:
            before = connection.execute("SELECT * FROM audit WHERE seq IN (7, 20)").fetchall()
            connection.execute(change)
            connection.commit()
            assert not tables.noted()[1], change
            connection.execute("DELETE FROM audit WHERE seq IN (7, 20)")
            connection.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", before)
    assert tables.noted()[1]


def test_of_many_equal_requests_at_once_one_begins(tables):
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: tables.begin_once("me", "k", "r", 60), range(12)))
    assert sorted(found) == ["begun"] + ["running"] * 11
    assert tables.begin_once("me", "k", "another", 60) == "other"
    assert tables.begin_once("you", "k", "another", 60) == "begun"
    tables.end_once("me", "k", 201, b"done")
    assert tables.begin_once("me", "k", "r", 60) == (201, b"done")


@pytest.mark.parametrize("status", [500, 503, 507, 429, 408])
def test_a_request_that_failed_by_no_fault_of_its_own_may_be_sent_again(tables, status):
    assert tables.begin_once("me", "k", "r", 60) == "begun"
    tables.end_once("me", "k", status, b"")
    assert tables.begin_once("me", "k", "r", 60) == "begun"


def test_a_request_whose_process_died_begins_anew(tables, tmp_path):
    code = (
        "from pathlib import Path; from yukawa.knowledge.store.database import Store; from yukawa.server.tables import ServerTables\n"
        f"home = Path({str(tmp_path)!r}); tables = ServerTables(Store(home / 'knowledge'), home)\n"
        "assert tables.begin_once('me', 'k', 'r', 60) == 'begun'\n"
        "import os; os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert tables.begin_once("me", "k", "r", 60) == "begun"
    assert tables.begin_once("me", "k", "r", 60) == "running"
    assert tables.begin_once("me", "k", "r", 0) == "begun"


def test_a_reply_is_forgotten_after_a_day(tables, monkeypatch):
    tables.begin_once("me", "k", "r", 60)
    tables.end_once("me", "k", 200, b"done")
    real = module.now
    monkeypatch.setattr(module, "now", lambda: real() + 25 * 3600 * 10**6)
    assert tables.begin_once("me", "k", "r", 60) == "begun"


def test_a_conversation_is_its_owners(tables):
    tables.add_turn("c", "me", "a?", "1", new=True)
    tables.add_turn("c", "me", "b?", "2", new=False)
    assert tables.questions("c", "me") == ["a?", "b?"]
    assert tables.questions("c", "you") is tables.turns_of("c", "you") is None
    assert [row["answer_id"] for row in tables.turns_of("c", "me")] == ["1", "2"]
    assert (tables.chats_of("me")[0]["title"], tables.chats_of("you")) == ("a?", [])
    assert not tables.remove_chat("c", "you")
    assert tables.remove_chat("c", "me")
    with tables.read() as connection:
        assert connection.execute(sa.select(module.turns)).all() == []


def test_tables_of_a_newer_version_are_refused(tables, tmp_path):
    with tables.write() as connection:
        connection.execute(sa.update(module.about).values(version=99))
    with pytest.raises(StoreError, match="newer"):
        ServerTables(Store(tmp_path / "knowledge"), tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    store = Store(tmp_path / "knowledge")
    (tmp_path / "home").mkdir(mode=0o500)
    with pytest.raises((StoreError, OSError)):
        ServerTables(store, tmp_path / "home")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_killed_process_whose_parent_has_not_looked_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    holder = f"{socket.gethostname()}/{process.pid}"
    assert module._lives(holder)
    os.kill(process.pid, 9)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not module._lives(holder)
    process.wait()


@pytest.mark.slow
def test_all_of_it_is_so_on_a_postgresql_server(postgres, tmp_path):
    """Two servers over one database: one chain, one reply to a repeated request, keys and conversations of both."""
    url = postgres()
    stores = [Store(url), Store(url)]
    both = [ServerTables(store, tmp_path) for store in stores]
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: both[n % 2].note("me", "teach", f"item {n}"), range(40)))
            begun = list(pool.map(lambda n: both[n % 2].begin_once("me", "key", "request", 60), range(8)))
        entries, whole = both[0].noted()
        assert (len(entries), whole) == (40, True)
        assert sorted(begun) == ["begun", *["running"] * 7]
        both[0].end_once("me", "key", 201, b"reply")
        assert both[1].begin_once("me", "key", "request", 60) == (201, b"reply")
        key, row = Keys(both[0]).add("M. Chen", "teacher", actor="test")
        assert Keys(both[1]).holder(key) == Person("M. Chen", "teacher", row["id"])
        both[0].add_turn("chat", "M. Chen", "a question", "an answer", new=True)
        assert both[1].questions("chat", "M. Chen") == ["a question"]
        assert both[1].questions("chat", "another") is None
        assert not (tmp_path / "server.db").exists()
        Keys(both[1]).revoke("M. Chen", actor="test")
        assert Keys(both[0]).holder(key) is None
    finally:
        for store in stores:
            store.close()
