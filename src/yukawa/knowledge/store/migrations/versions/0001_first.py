"""The first schema."""

import sqlalchemy as sa
from alembic import op

from yukawa.knowledge.store import guards
from yukawa.knowledge.store.schema import RowId, Vector, number, refers, row_id, text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables; names of constraints follow the convention of `schema.metadata`."""
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    _make_items()
    _make_search()
    _make_ledger()
    for statement in guards.ON_SERVER if dialect == "postgresql" else guards.IN_FILE.values():
        op.execute(sa.text(statement))


def _indexes(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _make_items() -> None:
    op.create_table("meta", text("key", primary_key=True), text("value"))
    op.create_table("items", text("id", primary_key=True), text("kind"))
    op.create_table(
        "versions", row_id(), refers("item_id", "items", sa.String()),
        number("number", sa.Integer), text("text", sa.Text), text("question", sa.Text, null=True),
        text("author"), text("source"), text("url", null=True), text("licence", null=True), text("domain"),
        sa.Column("attributes", sa.JSON(), nullable=False), text("content_key"), text("nonce"),
        number("valid_from"), number("valid_to", null=True), sa.UniqueConstraint("item_id", "number"),
    )  # fmt: skip
    current = sa.text("valid_to IS NULL")
    op.create_index(
        "uq_versions_current_content", "versions", ["content_key"], unique=True, sqlite_where=current,
        postgresql_where=current,
    )  # fmt: skip
    op.create_table(
        "claims", row_id(), refers("version_id", "versions", RowId), text("key"),
        *(sa.Column(name, sa.Float()) for name in ("value", "resolution", "error_plus", "error_minus")),
        text("unit"), text("bound", null=True),
    )  # fmt: skip
    _indexes("claims", "key", "version_id")
    sides = ("first_item", "second_item")
    op.create_table(
        "conflicts", row_id(), text("key"),
        *(refers(side, "items", sa.String()) for side in sides),
        number("opened"), number("resolved", null=True),
    )  # fmt: skip
    _indexes("conflicts", *sides)


def _make_search() -> None:
    op.create_table(
        "passages", row_id(), refers("version_id", "versions", RowId),
        number("ordinal", sa.Integer), text("text", sa.Text), text("terms", sa.Text),
    )  # fmt: skip
    _indexes("passages", "version_id")
    op.create_table(
        "embedders", number("id", sa.Integer, primary_key=True, autoincrement=True), text("name"),
        number("dimensions", sa.Integer), sa.Column("serving", sa.Boolean(), nullable=False),
    )  # fmt: skip
    op.create_table(
        "vectors", refers("passage_id", "passages", RowId, primary_key=True),
        refers("embedder_id", "embedders", sa.Integer(), primary_key=True),
        sa.Column("vector", Vector(), nullable=False),
    )  # fmt: skip
    op.create_table(
        "postings", text("term", primary_key=True), refers("passage_id", "passages", RowId, primary_key=True),
        *(number(name, sa.Integer) for name in ("frequency", "length")),
    )  # fmt: skip
    _indexes("postings", "passage_id")


def _make_ledger() -> None:
    op.create_table(
        "events", sa.Column("seq", RowId, primary_key=True, autoincrement=False), number("time"), text("actor"), text("verb"),
        text("item_id", null=True), number("version", sa.Integer, null=True), text("reason"), text("digest"), text("hash"),
    )  # fmt: skip
    _indexes("events", "item_id")
    op.create_table(
        "answers", text("id", primary_key=True), number("time"), text("question", sa.Text),
        sa.Column("answer", sa.JSON(), nullable=False),
    )  # fmt: skip
