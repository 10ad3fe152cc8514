"""The tables of a knowledge base, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives automatic row numbers to INTEGER keys only, PostgreSQL needs room for more than 2**31.
RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Vector(TypeDecorator[NDArray[np.float32]]):
    """A vector: half-precision numbers in a BLOB on SQLite, a pgvector column on PostgreSQL.

    Half precision moves a cosine of unit vectors by some 10^-5 (measured in tests/knowledge/store/test_schema.py),
    far below any difference in meaning, and halves the size of a base.
    """

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of `dialect`."""
        if dialect.name == "postgresql":
            from pgvector.sqlalchemy import Vector as PgVector

            return dialect.type_descriptor(PgVector())
        return dialect.type_descriptor(sa.LargeBinary())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """An array as the database takes it."""
        if value is None or dialect.name == "postgresql":
            return value
        return np.ascontiguousarray(value, dtype="<f2").tobytes()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What the database gave as an array."""
        if value is None:
            return value
        if dialect.name == "postgresql":
            return np.asarray(value, dtype=np.float32)
        return np.frombuffer(value, dtype="<f2").astype(np.float32)


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)

items = sa.Table(
    "items",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
)

# A version holds from valid_from until valid_to (microseconds since 1970, UTC); the current one has no end.
versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("item_id", sa.ForeignKey("items.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("question", sa.Text),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("url", sa.String),
    sa.Column("licence", sa.String),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Column("content_key", sa.String, nullable=False),
    sa.Column("nonce", sa.String, nullable=False),
    sa.Column("valid_from", sa.BigInteger, nullable=False),
    sa.Column("valid_to", sa.BigInteger),
    sa.UniqueConstraint("item_id", "number"),
    # One current version per content: the database itself refuses to learn a thing twice. That partial index,
    # uq_versions_current_content, is in the migration alone: naming it here for both databases would load
    # SQLAlchemy's whole PostgreSQL dialect in each process.
)

passages = sa.Table(
    "passages",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("version_id", sa.ForeignKey("versions.id"), nullable=False, index=True),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("terms", sa.Text, nullable=False),
)

embedders = sa.Table(
    "embedders",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("dimensions", sa.Integer, nullable=False),
    sa.Column("serving", sa.Boolean, nullable=False),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("passage_id", sa.ForeignKey("passages.id"), primary_key=True),
    sa.Column("embedder_id", sa.ForeignKey("embedders.id"), primary_key=True),
    sa.Column("vector", Vector, nullable=False),
)

# Full-text postings; filled on PostgreSQL only, where the server ranks. SQLite bases rank in process.
postings = sa.Table(
    "postings",
    metadata,
    sa.Column("term", sa.String, primary_key=True),
    sa.Column("passage_id", sa.ForeignKey("passages.id"), primary_key=True, index=True),
    sa.Column("frequency", sa.Integer, nullable=False),
    sa.Column("length", sa.Integer, nullable=False),
)

# The claims of a version: a key naming quantity and subject, and the value with its errors.
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("version_id", sa.ForeignKey("versions.id"), nullable=False, index=True),
    sa.Column("key", sa.String, nullable=False, index=True),
    sa.Column("value", sa.Float),
    sa.Column("resolution", sa.Float),
    sa.Column("error_plus", sa.Float),
    sa.Column("error_minus", sa.Float),
    sa.Column("unit", sa.String, nullable=False),
    sa.Column("bound", sa.String),
)

conflicts = sa.Table(
    "conflicts",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("first_item", sa.ForeignKey("items.id"), nullable=False, index=True),
    sa.Column("second_item", sa.ForeignKey("items.id"), nullable=False, index=True),
    sa.Column("opened", sa.BigInteger, nullable=False),
    sa.Column("resolved", sa.BigInteger),
)

# The append-only ledger: each event's hash covers the one before it.
events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", RowId, primary_key=True, autoincrement=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("verb", sa.String, nullable=False),
    sa.Column("item_id", sa.String, index=True),
    sa.Column("version", sa.Integer),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)

# Answers given, so that an expert can correct one by its id. Not knowledge: not in the ledger.
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("answer", sa.JSON, nullable=False),
)
