"""What the server's tables hold of an item goes with it, whoever erases it; what others asked stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from tests.knowledge.conftest import postgres as postgres
from tests.knowledge.conftest import url as url
from tests.knowledge.store.test_places import MARK, STATEMENT, holding
from typer.testing import CliRunner

from yukawa.cli.main import app
from yukawa.core.errors import StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import places
from yukawa.server.forgetting import ServerTexts, forget_erased
from yukawa.server.tables import ServerTables

QUESTION = f"Is it true that {STATEMENT.replace('.', '?')}"
OTHER = "What is the mass of the tau lepton?"


def fill(base, tables):
    """An item, and all that a server keeps where somebody asks for it, beside what somebody else asks."""
    item = base.teach(STATEMENT, author="ada")
    base.keep_answer("a1", QUESTION, {"answer": STATEMENT, "sources": [{"id": item.id}]})
    base.keep_answer("a2", OTHER, {"answer": "1776.93 MeV", "sources": []})
    tables.add_turn("c1", "ada", QUESTION, "a1", new=True)
    tables.add_turn("c1", "ada", OTHER, "a2", new=False)
    tables.add_turn("c2", "bob", OTHER, "a2", new=True)
    assert tables.begin_once("ada", "k1", "r", 60) == "begun"
    tables.end_once("ada", "k1", 201, STATEMENT.encode())
    assert tables.begin_once("ada", "k2", "r", 60) == "begun"  # not answered yet
    return item


def said(tables):
    return "\n".join(tables.texts())


@pytest.fixture
def base(url, tmp_path):
    with KnowledgeBase.open(url, embedding="none") as opened:
        yield opened


@pytest.fixture
def tables(base, tmp_path):
    made = ServerTables(base.store, tmp_path)
    yield made
    made.close()


def test_what_quotes_an_erased_item_goes_and_what_others_asked_stays(base, tables, tmp_path):
    item = fill(base, tables)
    place = ServerTexts(base.store, tmp_path)
    base.store.elsewhere.append(place)
    assert holding(tmp_path, MARK) <= set(places.files(base.store))
    assert list(place.problems()) == []
    base.purge(item.id)
    assert MARK not in said(tables)
    assert holding(tmp_path, MARK) == set()
    tables.end_once("ada", "k2", 200, STATEMENT.encode())  # it was being answered meanwhile
    assert MARK not in said(tables)
    for key in ("k1", "k2"):
        status, body = tables.begin_once("ada", key, "r", 60)
        assert status == 410
        assert b"erased" in body
    assert tables.questions("c1", "ada") == [OTHER]
    assert [turn["question"] for turn in tables.turns_of("c1", "ada")] == ["", OTHER]
    assert [chat["title"] for chat in tables.chats_of("ada")] == [""]
    assert [chat["title"] for chat in tables.chats_of("bob")] == [OTHER]
    assert tables.begin_once("ada", "k3", "r", 60) == "begun"
    tables.end_once("ada", "k3", 200, b"later")
    place.forget()
    assert tables.begin_once("ada", "k3", "r", 60) == (200, b"later")


def test_an_erasure_without_the_server_is_reported_and_followed_at_its_start(base, tables, tmp_path):
    item = fill(base, tables)
    base.purge(item.id)
    assert base.verify().notes == ()
    base.store.elsewhere.append(ServerTexts(base.store, tmp_path))
    (note,) = base.verify().notes
    assert "may hold text of erased items until the server starts" in note
    forget_erased(base.store)
    assert base.verify().notes == ()
    assert MARK not in said(tables)
    assert holding(tmp_path, MARK) == set()


def test_over_a_base_that_is_only_read_questions_stay(tmp_path):
    with (
        KnowledgeBase.open(tmp_path / "base", embedding="none") as base,
        closing(ServerTables(base.store, tmp_path)) as tables,
    ):
        base.purge(base.teach(STATEMENT).id)
        tables.add_turn("c", "ada", OTHER, "not kept", new=True)
        base.store.readonly = True
        ServerTexts(base.store, tmp_path).forget()
        assert tables.questions("c", "ada") == [OTHER]
        base.store.readonly = False
        ServerTexts(base.store, tmp_path).forget()
        assert tables.questions("c", "ada") == []


def test_nothing_is_made_where_no_server_was(tmp_path):
    with KnowledgeBase.open(tmp_path / "base", embedding="none") as base:
        place = ServerTexts(base.store, tmp_path)
        base.store.elsewhere.append(place)
        base.purge(base.teach(STATEMENT).id)
        assert list(place.texts()) == list(place.problems()) == []
    assert not (tmp_path / "server.db").exists()


def refuse(*_):
    raise StoreError("the server's tables are in use")


def test_an_erasure_is_not_finished_before_the_tables_are_written_anew(tmp_path, monkeypatch, caplog):
    with KnowledgeBase.open(tmp_path / "base", embedding="none") as base:
        with closing(ServerTables(base.store, tmp_path)) as tables:
            item = fill(base, tables)
        base.store.elsewhere.append(ServerTexts(base.store, tmp_path))
        with monkeypatch.context() as patch:
            patch.setattr(ServerTables, "rewrite", refuse)
            with pytest.raises(StoreError, match="in use"):
                base.purge(item.id)
            forget_erased(base.store)
        assert "is not gone from the server's tables yet" in caplog.text
        assert any("not finished" in note for note in base.verify().notes)
        base.purge(item.id)
        assert base.verify().notes == ()
        assert holding(tmp_path, MARK) == set()


def test_a_file_that_somebody_reads_is_not_said_to_be_written_anew(tmp_path):
    with (
        KnowledgeBase.open(tmp_path / "base", embedding="none") as base,
        closing(ServerTables(base.store, tmp_path)) as tables,
    ):
        tables.add_turn("c", "ada", QUESTION, "a", new=True)
        sa.event.listen(tables._engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout = 20"))
        tables._engine.dispose()
        reader = sqlite3.connect(tmp_path / "server.db")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM turns").fetchall()
        tables.add_turn("c", "ada", OTHER, "a", new=False)
        with pytest.raises(StoreError, match="others read it"):
            tables.rewrite([])
        reader.close()
        tables.rewrite([])


def test_the_verb_erases_from_the_tables_too(tmp_path, monkeypatch):
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with (
        KnowledgeBase.open(tmp_path / "knowledge", embedding="none") as base,
        closing(ServerTables(base.store, tmp_path)) as tables,
    ):
        item = fill(base, tables)
    assert holding(tmp_path, MARK)
    result = CliRunner().invoke(app, ["knowledge", "purge", item.id, "--yes"])
    assert result.exit_code == 0, result.output
    assert holding(tmp_path, MARK) == set()


def test_whatever_people_send_lies_where_an_erasure_looks_and_goes_with_it(serving):
    with serving() as served, served.client() as client, served.browser() as browser:
        store = served.services.base.store
        once = iter(range(99))

        def post(path, **body):
            reply = client.post(path, json=body, headers={"idempotency-key": f"k{next(once)}"})
            assert reply.status_code < 300, reply.text
            return reply.json()

        item = post("/api/teach", text=STATEMENT, source="handbook")["id"]
        answer = post("/api/ask", question=f"Where was the Zorblax magnet cooled, in {MARK}?", chat="new")
        post("/api/preview", text=STATEMENT)
        post("/v1/chat/completions", model="yukawa", messages=[{"role": "user", "content": QUESTION}])
        browser.get("/")
        browser.send("/ask", question=QUESTION)
        browser.send(f"/answers/{answer['id']}/correct", text=STATEMENT)
        assert MARK in browser.get("/").text
        found = holding(served.home, MARK)
        assert found & set(ServerTexts(store, served.home).files())
        assert found <= set(places.files(store)), "text is written where no erasure looks for it"
        erased = client.post(f"/api/items/{item}/purge", json={"reason": "asked for"})
        nothing = {"files": [], "trained": [], "unsearched": 0}
        assert erased.json() == {"id": item, "status": "purged"} | nothing
        assert holding(served.home, MARK) == set()
        page = browser.get("/")
        assert MARK not in page.text
        assert "(erased)" in page.text
        again = client.post(
            "/api/teach", json={"text": STATEMENT, "source": "handbook"}, headers={"idempotency-key": "k0"}
        )
        assert again.status_code == 410
        assert "what the request did was not undone" in again.json()["error"]["message"]
        assert client.get("/api/audit").json()["whole"]


@pytest.mark.parametrize("content", [b"noise", b"x" * 8192, b"SQLite format 3\0" + bytes(5000)])
def test_a_damaged_database_of_the_server_is_reported_in_one_line(tmp_path, content):
    with KnowledgeBase.open(tmp_path / "base", embedding="none") as base:
        item = base.teach(STATEMENT)
        (tmp_path / "server.db").write_bytes(content)
        base.store.elsewhere.append(ServerTexts(base.store, tmp_path))
        with pytest.raises(StoreError, match=r"the server.s database .*server\.db") as raised:
            base.purge(item.id)
        assert "restore" not in str(raised.value)
        assert any("the server's database" in note for note in base.verify().notes)


def test_what_was_made_from_an_item_is_named_to_who_erases_it(serving, tmp_path):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "work.jsonl").write_text(STATEMENT)
    with serving(runs=tmp_path / "runs") as served, served.client() as client, served.browser() as browser:
        for erase in ("api", "page"):
            item = client.post("/api/teach", json={"text": STATEMENT}).json()["id"]
            if erase == "api":
                found = client.post(f"/api/items/{item}/purge", json={}).json()
                assert found["files"] == ["mine/work.jsonl"]
            else:
                browser.get(f"/knowledge/{item}")
                page = browser.send(f"/knowledge/{item}/purge", sure="yes")
                assert page.status_code == 202
                assert "mine/work.jsonl still holds text of it" in page.text
        assert [entry["verb"] for entry in client.get("/api/audit").json()["entries"][:2]] == [
            "purge",
            "teach",
        ]
