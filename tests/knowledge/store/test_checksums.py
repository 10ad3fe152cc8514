"""A changed cell, a lost row and a flipped bit anywhere in a base are found, or change nothing that the base says."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from yukawa.core.errors import StoreError, YukawaError
from yukawa.embedding import open_embedder
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.items import new_item
from yukawa.knowledge.search import serving
from yukawa.knowledge.search.postgres_index import ServerIndex
from yukawa.knowledge.search.serving import serving_row
from yukawa.knowledge.store import checksums, ledger, schema
from yukawa.knowledge.store.database import _migrate, _resolve, new_engine

FLIPS = 150
_OTHER_TYPE = "X'00'"


def filled(folder: Path, items: int = 20) -> KnowledgeBase:
    """A base with something of every table."""
    base = KnowledgeBase.open(folder, embedding="hash")
    base.teach_many(
        [
            new_item(f"The mass of the sample {i} is {i + 1}.5 kg, as weighed.", author="A")
            for i in range(items)
        ]
    )
    first = base.teach("The mass of the tau is 1776.9 MeV.", author="A", source="S")
    base.update(first.id, "The mass of the tau is 1776.93 MeV.")
    base.teach("The mass of the tau is 1500 MeV.", author="B")
    base.teach("# Magnets\n\n" + "The dipole was measured twice in the hall. " * 30)
    base.unload(base.teach("This is to be unloaded.").id)
    base.purge(base.teach("This is to be erased for good.").id)
    base.keep_answer("a1", "What is the mass?", {"answer": "1776.93 MeV", "sources": [{"id": first.id}]})
    base.save_index()
    return base


def said(base: KnowledgeBase) -> list[Any]:
    """All that a base says to anybody."""
    with base.store.read() as connection:
        tables = [
            connection.execute(sa.select(t).order_by(*t.primary_key)).all()
            for t in (schema.items, schema.versions, schema.passages, schema.facts, schema.conflicts, schema.answers, schema.events)
        ]  # fmt: skip
        vectors = [row.vector.tobytes() for row in connection.execute(sa.select(schema.vectors.c.vector))]
    hits = [(hit.item_id, hit.text, hit.score) for hit in base.search("mass of the tau", k=30)]
    return [*tables, vectors, hits, [item.text for item in base.list()]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["knowledge.sqlite", "knowledge.index"])
def test_no_flipped_bit_changes_what_is_said_unnoticed(tmp_path: Path, name: str) -> None:
    filled(tmp_path / "whole").close()
    with KnowledgeBase.open(tmp_path / "whole") as base:
        wanted = said(base)
    data = (tmp_path / "whole" / name).read_bytes()
    generator = random.Random(name)
    unnoticed = []
    for number in range(FLIPS):
        bit = generator.randrange(8 * len(data))
        folder = tmp_path / "damaged"
        shutil.copytree(tmp_path / "whole", folder)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(flipped)
        try:
            with KnowledgeBase.open(folder) as base:
                if base.verify().clean and said(base) != wanted:
                    unnoticed.append((number, bit))
        except (YukawaError, sqlite3.Error, sa.exc.SQLAlchemyError):
            pass  # noticed
        shutil.rmtree(folder)
    assert unnoticed == []


def everything(base: KnowledgeBase) -> KnowledgeBase:
    """A base with rows in all tables, and values in all columns."""
    first = base.teach(
        "The mass of the tau is 1776.9 MeV.", author="A", source="S", url="https://a.org", licence="CC0"
    )
    base.update(first.id, "The mass of the tau is 1776.93 MeV.")
    for value in (1500, 1600):
        base.teach(f"The mass of the tau is {value} MeV.", author="B", question="What is its mass?")
    (one, *_) = base.conflicts()
    base.resolve(one.id, keep=one.item_ids[0])
    base.teach("# Magnets\n\n" + "The dipole was measured twice in the hall. " * 30)
    base.purge(base.teach("This is to be erased for good.").id)
    base.keep_answer("a1", "What is the mass?", {"answer": "1776.93 MeV", "sources": [{"id": first.id}]})
    base.set_meta("edition", "2026")
    embedder = open_embedder("hash")
    serving._embed_all(base.store, "hash", embedder, None)  # as one that is interrupted leaves it
    return base


@contextmanager
def regardless_of_rules(base: KnowledgeBase) -> Iterator[sa.Connection]:
    """A transaction in which no trigger and no reference hinders a change; it is taken back at the end."""
    with base.store.engine.connect() as connection:
        if base.store.is_postgres:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        else:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN")
            for name in ("events_no_update", "events_no_delete"):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
        connection.rollback()


def problems(base: KnowledgeBase, connection: sa.Connection) -> list[str]:
    """What `verify` finds first in this transaction."""
    try:
        embedder_id = serving_row(connection, base.store.name).id
        ours = (line for line in ledger.problems(connection, embedder_id) if "guards the tables" not in line)
        found = list(itertools.islice(ours, 1))
        return found or (ServerIndex(embedder_id, 0).problems(connection) if base.store.is_postgres else [])
    except (StoreError, sa.exc.DBAPIError) as error:
        return [str(error)]


def others(column: sa.Column[Any], value: Any, *, on_server: bool) -> Iterator[Any]:
    """Other values for a cell, of the type of its column and of another one, as literals of SQL."""
    if column.nullable and value is not None:
        yield "NULL"
    if column.name == "vector":
        yield "(SELECT v.vector FROM vectors v WHERE v.passage_id <> vectors.passage_id LIMIT 1)"
    elif isinstance(column.type, sa.JSON):
        yield '\'{"answer": "1500 MeV"}\''
        if not on_server:
            yield "'{'"
    elif isinstance(column.type, sa.Boolean):
        yield "NOT serving" if on_server else "3 - serving"
    elif isinstance(column.type, sa.String):
        yield f"coalesce({column.name}, '') || 'x'"
    elif isinstance(column.type, sa.Float):
        yield f"coalesce({column.name}, 0) * 1.0000001 + 1e-9"
    else:
        yield f"coalesce({column.name}, 0) + 1"
        yield f"coalesce({column.name}, 0) + 1000"
    if not on_server:
        yield _OTHER_TYPE


@pytest.mark.parametrize("rows_of_each", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_no_cell_of_any_table_changes_unnoticed_and_no_row_is_lost(
    base: KnowledgeBase, rows_of_each: int
) -> None:
    everything(base)
    assert base.verify().clean
    on_server, tried, unnoticed = base.store.is_postgres, set(), []

    def change(connection: sa.Connection, statement: str, cell: str) -> None:
        nested = connection.begin_nested()
        try:
            assert connection.exec_driver_sql(statement).rowcount == 1
        except sa.exc.DBAPIError:  # the database refuses it
            nested.rollback()
            return
        tried.add(cell)
        if not problems(base, connection):
            unnoticed.append(statement)
        nested.rollback()

    with regardless_of_rules(base) as connection:
        assert problems(base, connection) == []
        for table in schema.metadata.sorted_tables:
            # The physical row, for a key may be changed too.
            at = "ctid" if on_server else "rowid"
            rows = (
                connection.exec_driver_sql(f"SELECT {at} AS place, * FROM {table.name} ORDER BY {at}")
                .mappings()
                .all()
            )
            assert rows or (table.name == "postings" and not on_server), table.name
            for row in rows[-rows_of_each:]:
                where = f"WHERE {at} = '{row['place']}'"
                for column in table.c:
                    for new in others(column, row[column.name], on_server=on_server):
                        if new == _OTHER_TYPE and rows_of_each == 1:  # see test_schema.py
                            continue
                        cell = f"{table.name}.{column.name}"
                        change(connection, f"UPDATE {table.name} SET {column.name} = {new} {where}", cell)
                change(connection, f"DELETE FROM {table.name} {where}", table.name)
    assert unnoticed == []
    empty = {"postings"} if not on_server else set()
    wanted = {f"{t.name}.{c.name}" for t in schema.metadata.sorted_tables for c in t.c if t.name not in empty}
    assert wanted | {t.name for t in schema.metadata.sorted_tables if t.name not in empty} == tried


def as_schema_0005(base: KnowledgeBase) -> None:
    """Undo the newest migration; rows have the checksums that they had before it."""
    old = import_module("yukawa.knowledge.store.migrations.versions.0006_counted")
    with base.store.write() as connection:
        connection.exec_driver_sql("DROP TABLE tallies")
        for table in ("meta", "items", "embedders"):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN checksum")
        for table in (schema.versions, schema.conflicts, schema.answers, schema.vectors):
            connection.execute(sa.update(table).values(checksum=1))
        for (name, *key), _, made in list(old.made_before(connection)):
            table = schema.metadata.tables[name]
            which = sa.and_(*(c == value for c, value in zip(table.primary_key, key, strict=True)))
            connection.execute(sa.update(table).where(which).values(checksum=made))
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")


@pytest.mark.slow_but("sqlite")
@pytest.mark.parametrize("statement", [
    "", "UPDATE facts SET value = 3 WHERE id = 1", "UPDATE conflicts SET key = 'x'", "UPDATE answers SET question = 'x'",
    "UPDATE vectors SET vector = (SELECT v.vector FROM vectors v WHERE v.passage_id = 1 LIMIT 1) WHERE passage_id = 2",
])  # fmt: skip
def test_an_older_base_gets_its_checksums_and_what_was_changed_stays_so(url: str, statement: str) -> None:
    with KnowledgeBase.open(url, embedding="hash") as base:
        everything(base)
        as_schema_0005(base)
        with base.store.write() as connection:
            connection.exec_driver_sql(statement or "SELECT 1")
    with KnowledgeBase.open(url) as base:
        assert base.verify().clean == (not statement)
        base.teach("The hall was opened in spring.")
        assert base.verify().clean == (not statement)


@pytest.mark.slow
@pytest.mark.parametrize("statement", [
    "UPDATE vectors SET vector = substr(vector, 1, 9) WHERE passage_id = 2", "UPDATE vectors SET vector = 'x' WHERE passage_id = 2",
    "UPDATE answers SET answer = '{\"a\":'", "UPDATE answers SET answer = x'00ff'", "UPDATE passages SET text = x'00ff' WHERE id = 1",
    "UPDATE meta SET value = x'ff' WHERE key = 'notes'", "UPDATE conflicts SET key = x'00'",
])  # fmt: skip
def test_an_older_base_that_is_damaged_can_be_opened_and_verified(tmp_path: Path, statement: str) -> None:
    with KnowledgeBase.open(tmp_path, embedding="hash") as base:
        everything(base)
        as_schema_0005(base)
        with base.store.write() as connection:
            connection.exec_driver_sql(statement)
            changed = connection.exec_driver_sql("SELECT changes()").scalar_one()
    with KnowledgeBase.open(tmp_path) as base:
        assert base.verify().clean == (not changed)


def migration_peak(folder: Path, items: int) -> int:
    """The most memory that the newest migration takes of a base of so many items, in bytes."""
    base = KnowledgeBase.open(folder, embedding="hash")
    base.teach_many([new_item(f"Reading {number} was {number + 7} counts.") for number in range(items)])
    as_schema_0005(base)
    with base.store.write() as connection:
        tracemalloc.start()
        _migrate(connection)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert base.verify().clean
    base.close()
    return peak


def test_a_migration_takes_the_same_memory_however_large_the_base_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "AT_ONCE", 50)
    migration_peak(tmp_path / "warm", 100)  # what is imported and compiled once
    small, large = (migration_peak(tmp_path / str(items), items) for items in (200, 1200))
    assert large < small + 400_000  # a thousand vectors alone are more than that


def stored(url: str) -> dict[str, Any]:
    """Every table of a base with its columns and its rows, as its database has them, without opening it as one."""
    engine = new_engine(_resolve(url)[0], None)
    with engine.connect() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        found: dict[str, Any] = {}
        for name in names:
            rows = connection.exec_driver_sql(f"SELECT * FROM {name}")
            found[name] = (list(rows.keys()), sorted(map(repr, rows.all())))
    engine.dispose()
    return found


def killed_at_statement(number: int) -> None:
    """Let this process be killed before it gives its database the statement of this number, from now on."""
    left = itertools.count(number, -1)

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def _(*_: Any) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_migration_that_is_killed_changes_nothing_and_is_done_at_the_next_opening(url: str) -> None:
    with KnowledgeBase.open(url, embedding="hash") as base:
        everything(base)
        as_schema_0005(base)
    before, found = stored(url), []
    for number in itertools.count(0, 7):
        child = os.fork()
        if child == 0:
            killed_at_statement(number)
            KnowledgeBase.open(url).close()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        found.append(stored(url))
        if status == 0:
            break
    after = found[-1]
    assert after["alembic_version"][1] == ["('0006',)"]
    assert all(state in (before, after) for state in found)
    assert found.count(before) > 5
    with KnowledgeBase.open(url) as base:
        assert base.verify().clean
        assert "The mass of the tau is 1776.93 MeV." in {item.text for item in base.list()}


def test_checksums_written_anew_are_those_that_were_written_one_by_one(tmp_path: Path) -> None:
    base = filled(tmp_path)
    tables = (schema.versions, *checksums.COUNTED)
    with base.store.write() as connection:
        before, after = [], []
        for found in (before, after):
            found += [
                connection.execute(sa.select(t.c.checksum).order_by(*t.primary_key)).scalars().all()
                for t in tables
            ]
            found.append(connection.execute(sa.select(schema.tallies).order_by(schema.tallies.c.name)).all())
            if found is before:
                checksums.write_all(connection)
    assert before == after
    assert all(found and all(found) for found in before)
    base.close()
