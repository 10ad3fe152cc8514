"""What acts on the tables besides what we made is damage, in a file and on a server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from yukawa.core.errors import StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import guards, schema

FUNCTION = (
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.question := 'x'; RETURN NEW; END $$"
)
SERVERS = {
    "": "",
    "CREATE TRIGGER later BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION f()": "'later' is a trigger",
    # The name of one of ours, on another table.
    "CREATE TRIGGER events_append_only BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION f()": "is a trigger",
    "CREATE RULE quiet AS ON INSERT TO answers DO INSTEAD NOTHING": "'quiet' is a rule",
    "CREATE VIEW more AS SELECT * FROM items": "'more' is a view",
    "CREATE MATERIALIZED VIEW more AS SELECT 1": "'more' is a view",
    "ALTER TABLE tallies RENAME TO old; CREATE VIEW tallies AS SELECT * FROM old": "'tallies' is a view",
    "CREATE TABLE more () INHERITS (answers)": "'more' is a child table",
    "ALTER TABLE answers ENABLE ROW LEVEL SECURITY": "'answers' is under a policy",
    "ALTER TABLE events DISABLE TRIGGER events_append_only": "the trigger events_append_only",
    "ALTER TABLE events ENABLE REPLICA TRIGGER events_append_only": "the trigger events_append_only",
    "DROP TRIGGER passages_totals_insert ON passages": "the trigger passages_totals_insert",
    "CREATE OR REPLACE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$":
        "the trigger events_append_only",
    # What belongs to somebody else and does not touch the base.
    "CREATE SCHEMA theirs; CREATE VIEW theirs.items AS SELECT 1": "", "CREATE VIEW e AS SELECT 1; ALTER EXTENSION vector ADD VIEW e": "",
    "CREATE TABLE theirs (a int); CREATE TRIGGER t BEFORE INSERT ON theirs FOR EACH ROW EXECUTE FUNCTION f()": "",
}  # fmt: skip


@pytest.mark.parametrize("statement", SERVERS)
def test_what_acts_on_a_servers_tables_and_is_not_ours_is_found(
    postgres: Callable[[], str], tmp_path: Path, statement: str
) -> None:
    with KnowledgeBase.open(postgres(), embedding="hash", reviewers=["Marie"]) as base:
        base.teach("The ring is cold.")
        base.purge(base.teach("This is to be erased.").id)  # which touches the guards
        with base.store.write() as connection:
            connection.exec_driver_sql(FUNCTION)
            connection.exec_driver_sql(statement or "SELECT 1")
        found = base.verify().problems
        if not SERVERS[statement]:
            assert found == ()
            base.backup(tmp_path / "copy.jsonl.gz")
            return
        (problem,) = found
        assert SERVERS[statement] in problem
        with pytest.raises(StoreError, match="is damaged: database: "):
            base.backup(tmp_path / "copy.jsonl.gz")


@pytest.mark.parametrize("setting", ["on", "off", "local"])
def test_a_server_that_answers_before_it_has_written_is_noted(
    postgres: Callable[[], str], setting: str
) -> None:
    url = postgres()
    with KnowledgeBase.open(url, embedding="hash") as base, base.store.write() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = {setting}")
    with KnowledgeBase.open(url) as base:
        report = base.verify()
        assert report.clean
        assert [note.split()[1] for note in report.notes] == ["synchronous_commit"] * (setting == "off")


def test_the_guards_of_a_server_are_written_as_it_writes_them(postgres: Callable[[], str]) -> None:
    """What is compared is what the server says of a trigger that was made so, and all tables are looked at."""
    with KnowledgeBase.open(postgres(), embedding="hash") as base, base.store.read() as connection:
        assert list(guards.problems(connection)) == []
        for name in schema.metadata.tables:
            connection.exec_driver_sql(f"CREATE RULE quiet AS ON DELETE TO {name} DO INSTEAD NOTHING")
        assert len(list(guards.problems(connection))) == len(schema.metadata.tables)
        connection.rollback()


@pytest.mark.parametrize("statement", [
    "CREATE TRIGGER later AFTER INSERT ON versions BEGIN UPDATE answers SET question = 'x'; END", "CREATE VIEW more AS SELECT 1",
    "DROP TRIGGER events_no_update", "DROP TRIGGER events_no_delete",
])  # fmt: skip
def test_what_acts_on_the_tables_and_is_not_ours_is_found_and_not_restored(
    tmp_path: Path, statement: str
) -> None:
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        base.teach("The ring is cold.")
        base.backup(tmp_path / "copy")
    for file in (tmp_path / "base" / "knowledge.sqlite", tmp_path / "copy"):
        plain = sqlite3.connect(file)
        plain.execute(statement)
        plain.execute("PRAGMA user_version = 0")  # not sealed
        plain.close()
    data = (tmp_path / "copy").read_bytes()
    (tmp_path / "copy").write_bytes(data[: len(data) - len(data) % 4096])
    with KnowledgeBase.open(tmp_path / "base") as base:
        assert len(base.verify().problems) == 1
    with pytest.raises(StoreError, match="is damaged: database: "):
        KnowledgeBase.restore_backup(tmp_path / "copy", tmp_path / "restored")
