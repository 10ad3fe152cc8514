"""The tables that migrations make, and the vector column: what half precision costs."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store.identity import APPLICATION
from yukawa.knowledge.store.schema import Vector, metadata


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
