"""The tables that migrations make, and the vector column: what half precision costs."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from yukawa.core.errors import StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.records import Hit
from yukawa.knowledge.store.identity import APPLICATION
from yukawa.knowledge.store.schema import Vector, metadata, wrong_types


def test_the_tables_that_migrations_make_are_those_of_the_schema(base: KnowledgeBase) -> None:
    with base.store.read() as connection:
        found = sa.inspect(connection)
        for table in metadata.sorted_tables:
            made = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(made) >= {column.name for column in table.columns}, table.name
            for column in table.columns:
                assert made[column.name]["nullable"] == column.nullable, f"{table.name}.{column.name}"
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]
            referred = {
                (key["constrained_columns"][0], key["referred_table"])
                for key in found.get_foreign_keys(table.name)
            }
            assert referred == {(key.parent.name, key.column.table.name) for key in table.foreign_keys}
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA application_id").scalar() == APPLICATION


def test_a_stored_vector_comes_back_to_half_precision_and_cosines_hold() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(2000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    column, dialect = Vector(), sqlite.dialect()
    stored = np.stack(
        [column.process_result_value(column.process_bind_param(v, dialect), dialect) for v in vectors]
    )
    assert stored.dtype == np.float32
    queries = vectors[:20]
    assert (
        np.abs(stored @ queries.T - vectors @ queries.T).max() < 5e-4
    )  # a vector with itself is the worst case
    away = ~np.eye(2000, 20, dtype=bool)
    assert np.abs((stored @ queries.T - vectors @ queries.T)[away]).max() < 5e-5


def test_a_value_of_another_type_is_found_in_every_column(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path, embedding="hash") as base:
        for value in (1500, 1700):  # which contradict each other
            base.teach(
                f"The mass of the tau is {value} MeV.",
                question="What is it?",
                url="https://a.org",
                licence="CC0",
            )
        base.keep_answer("a1", "What?", {"answer": "x"})
        with base.store.read() as connection:
            assert list(wrong_types(connection)) == []
        tried = set()
        with base.store.engine.connect() as connection:
            connection.exec_driver_sql("DROP TRIGGER events_no_update")
            for table in metadata.sorted_tables:
                for column, new in itertools.product(table.columns, ('CAST("{}" AS BLOB)', "1.5", "'text'")):
                    name, change = f'"{column.name}"', connection.begin_nested()
                    with contextlib.suppress(
                        sa.exc.DBAPIError
                    ):  # a key that must be another, or the number of a row
                        set_to = f"UPDATE {table.name} SET {name} = {new.format(column.name)} WHERE {name} IS NOT NULL"
                        if connection.exec_driver_sql(set_to).rowcount:
                            kinds = set(
                                connection.scalars(
                                    sa.select(sa.func.typeof(column)).where(column.is_not(None))
                                )
                            )
                            said = list(wrong_types(connection))
                            for kind in kinds - stored(column):
                                tried.add(column)
                                assert any(f"its {column.name} is of the type {kind}" in one for one in said)
                            assert bool(said) == bool(kinds - stored(column))
                    change.rollback()
            connection.rollback()
    assert len(tried) > 35


def stored(column: sa.Column[object]) -> set[str]:
    """What SQLite may store in a column."""
    kinds = {str: "text", int: "integer", bool: "integer", float: "real"}
    return {
        "blob"
        if column.name == "vector"
        else "text"
        if isinstance(column.type, sa.JSON)
        else kinds[column.type.python_type],
        "null" if column.nullable else "",
    }


@pytest.mark.parametrize("statement", [
    "UPDATE versions SET source = CAST(source AS BLOB)", "UPDATE versions SET attributes = '{'", "UPDATE versions SET attributes = 5",
    "UPDATE items SET kind = CAST(kind AS BLOB)", "UPDATE conflicts SET key = CAST(key AS BLOB)",
    "UPDATE passages SET terms = CAST(terms AS BLOB)", "UPDATE embedders SET name = CAST(name AS BLOB)",
])  # fmt: skip
def test_what_reads_such_a_row_says_that_the_base_is_damaged(tmp_path: Path, statement: str) -> None:
    with KnowledgeBase.open(tmp_path, embedding="hash") as base:
        for value in (1500, 1700):
            base.teach(f"The mass of the tau is {value} MeV.")
    with sqlite3.connect(tmp_path / "knowledge.sqlite") as plain:
        plain.execute(statement)
    plain.close()
    with KnowledgeBase.open(tmp_path, embedding="hash") as base:
        for read in (base.list, lambda: base.search("mass of the tau"), base.conflicts):
            with contextlib.suppress(StoreError):
                json.dumps([one.as_json() for one in read() if not isinstance(one, Hit)])
        assert not base.verify().clean
