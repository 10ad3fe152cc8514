"""The tables of a knowledge base, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

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


class Vector(TypeDecorator[Any]):
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
        import numpy as np  # slow to import, and most questions need no vector

        return np.ascontiguousarray(value, dtype="<f2").tobytes()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What the database gave as an array."""
        import numpy as np

        if value is None:
            return value
        if dialect.name == "postgresql":
            return np.asarray(value, dtype=np.float32)
        return np.frombuffer(value, dtype="<f2").astype(np.float32)


def text(name: str, kind: type[sa.String] = sa.String, *, null: bool = False, **more: Any) -> sa.Column[str]:
    """A column of strings."""
    return sa.Column(name, kind(), nullable=null, **more)


def number(
    name: str, kind: type[sa.Integer] = sa.BigInteger, *, null: bool = False, **more: Any
) -> sa.Column[int]:
    """A column of whole numbers."""
    return sa.Column(name, kind(), nullable=null, **more)


def refers(name: str, table: str, kind: Any = None, **more: Any) -> sa.Column[Any]:
    """A column of ids of `table`; a migration, which does not know the other tables, names their `kind`."""
    return sa.Column(name, kind, sa.ForeignKey(f"{table}.id"), nullable=False, **more)


def checksum() -> sa.Column[int]:
    """The column of a row's CRC-32 (see `store.checksums`)."""
    return number("checksum", server_default=sa.text("0"))


def nonces() -> list[sa.Column[str]]:
    """The columns of the nonces with which an event's actor and reason are hashed."""
    return [text(f"{name}_nonce", server_default="") for name in ("actor", "reason")]


def row_id() -> sa.Column[int]:
    """The number of a row, given by the database."""
    return sa.Column("id", RowId, primary_key=True, autoincrement=True)


meta = sa.Table("meta", metadata, text("key", primary_key=True), text("value"), checksum())
SERVERS = ("passage_count", "passage_length")
"""Keys of notes that a server keeps itself (a trigger on passages): see `search.postgres_index`."""
CLOCKS, TAKEN = "clocks", "taken"
"""Keys of notes that are of one base alone, and not exported: see `store.clock` and `store.traces`."""

# How many rows of a table were written, and the sum of their checksums: see `store.checksums`.
tallies = sa.Table("tallies", metadata, text("name", primary_key=True), number("number"), number("total"))

items = sa.Table("items", metadata, text("id", primary_key=True), text("kind"), checksum())

# A version holds from the event valid_from until the event valid_to; the current one has no end. The order of events and not
# the clock decides what was known when.
# One current version per content: the database itself refuses to learn a thing twice. That partial index,
# uq_versions_current_content, is in the migration alone: naming it here for both databases would load
# SQLAlchemy's whole PostgreSQL dialect in each process.
versions = sa.Table(
    "versions", metadata, row_id(), refers("item_id", "items"), number("number", sa.Integer), text("text", sa.Text),
    text("question", sa.Text, null=True), text("author"), text("source"), text("url", null=True), text("licence", null=True),
    text("domain"), sa.Column("attributes", sa.JSON, nullable=False), text("content_key"), text("nonce"),
    number("valid_from"), number("valid_to", null=True), checksum(), sa.UniqueConstraint("item_id", "number"),
)  # fmt: skip

passages = sa.Table(
    "passages", metadata, row_id(), refers("version_id", "versions", index=True), number("ordinal", sa.Integer),
    text("text", sa.Text), text("terms", sa.Text),
)  # fmt: skip

embedders = sa.Table(
    "embedders", metadata, number("id", sa.Integer, primary_key=True, autoincrement=True), text("name"),
    number("dimensions", sa.Integer), sa.Column("serving", sa.Boolean, nullable=False), checksum(),
)  # fmt: skip

vectors = sa.Table(
    "vectors", metadata, refers("passage_id", "passages", primary_key=True), refers("embedder_id", "embedders", primary_key=True),
    sa.Column("vector", Vector, nullable=False), checksum(),
)  # fmt: skip

# Full-text postings; filled on PostgreSQL only, where the server ranks. SQLite bases rank in process.
postings = sa.Table(
    "postings", metadata, text("term", primary_key=True), refers("passage_id", "passages", primary_key=True, index=True),
    number("frequency", sa.Integer), number("length", sa.Integer),
)  # fmt: skip

# The facts that versions state, one row for each subject: derived from the versions (see `store.facts`). Numbers are in
# base units, `ordinal` is the place of the fact among those of its version.
facts = sa.Table(
    "facts", metadata, row_id(), refers("version_id", "versions", index=True), number("ordinal", sa.Integer),
    text("identifier", index=True), text("subject"), text("property"), text("channel"), text("name", index=True),
    *(sa.Column(name, sa.Float) for name in ("value", "error_plus", "error_minus", "resolution")),
    text("unit"), text("bound", null=True),
    sa.Index("ix_facts_subject_property", "subject", "property"), sa.Index("ix_facts_property", "property"),
)  # fmt: skip

conflicts = sa.Table(
    "conflicts", metadata, row_id(), text("key"),
    *(refers(side, "items", index=True) for side in ("first_item", "second_item")),
    number("opened"), number("resolved", null=True), checksum(),
)  # fmt: skip

# The append-only ledger: each event's hash covers the one before it. Actor and reason have a nonce each, so that they can be
# erased; where a nonce is empty, the column holds the digest that was hashed (see `store.ledger`).
events = sa.Table(
    "events", metadata, sa.Column("seq", RowId, primary_key=True, autoincrement=False), number("time"), text("actor"),
    text("verb"), text("item_id", null=True, index=True), number("version", sa.Integer, null=True), text("reason"),
    text("digest"), text("hash"), *nonces(),
)  # fmt: skip

# Answers given, so that an expert can correct one by its id. Not knowledge: not in the ledger.
answers = sa.Table(
    "answers", metadata, text("id", primary_key=True), number("time"), text("question", sa.Text),
    sa.Column("answer", sa.JSON, nullable=False), checksum(),
)  # fmt: skip


def wrong_types(connection: sa.Connection) -> Iterator[str]:
    """Values of a file that are not of the types of their columns: SQLite takes any, and damage makes one of another."""
    if connection.dialect.name != "sqlite":
        return
    for table in metadata.sorted_tables:
        allowed = {c.name: (_stored_as(c.type), "null" if c.nullable else "") for c in table.c}
        wrong = sa.or_(*(sa.func.typeof(c).not_in(allowed[c.name]) for c in table.c))
        row_and_types = (sa.literal_column("rowid"), *(sa.func.typeof(c) for c in table.c))
        for row, *found in connection.execute(sa.select(*row_and_types).select_from(table).where(wrong)):
            for name, kind in zip(allowed, found, strict=True):
                if kind not in allowed[name]:
                    yield f"{table.name} row {row}: its {name} is of the type {kind}, not {allowed[name][0]}"


def _stored_as(kind: TypeEngine[Any]) -> str:
    """The type in which SQLite stores values of a column."""
    if isinstance(kind, sa.String | sa.JSON):
        return "text"
    if isinstance(kind, sa.Integer | sa.Boolean):
        return "integer"
    return "real" if isinstance(kind, sa.Float) else "blob"
