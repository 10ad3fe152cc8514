"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from yukawa.knowledge.store.schema import RowId, Vector

revision = "0001"
down_revision = None

# Nobody, not even this program by mistake, can change what the ledger holds.
_GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events"
        " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
        "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events"
        " FOR EACH STATEMENT EXECUTE FUNCTION events_append_only()",
    ],
}

# Ranking needs the number of passages and of their terms at every search; PostgreSQL keeps both up to date itself.
_TOTALS = {
    "sqlite": [],
    "postgresql": [
        """CREATE FUNCTION passages_totals() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO meta AS m (key, value)
            SELECT t.key, t.value FROM (
                SELECT count(*) AS number, coalesce(sum(cardinality(string_to_array(terms, ' '))), 0) AS length FROM changed
            ) c, LATERAL (VALUES ('passage_count', CAST(c.number * CAST(TG_ARGV[0] AS int) AS text)),
                                 ('passage_length', CAST(c.length * CAST(TG_ARGV[0] AS int) AS text))) AS t (key, value)
            ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(m.value AS bigint) + CAST(excluded.value AS bigint) AS text);
            RETURN NULL;
        END $$""",
        "CREATE TRIGGER passages_totals_insert AFTER INSERT ON passages REFERENCING NEW TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION passages_totals('1')",
        "CREATE TRIGGER passages_totals_delete AFTER DELETE ON passages REFERENCING OLD TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION passages_totals('-1')",
    ],
}


def upgrade() -> None:
    """Make all tables; names of constraints follow the convention of `schema.metadata`."""
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    _make_items()
    _make_search()
    _make_ledger()
    for statement in _GUARDS[dialect] + _TOTALS[dialect]:
        op.execute(sa.text(statement))


def _text(name: str, *, null: bool = False, kind: type[sa.String] = sa.String) -> sa.Column[str]:
    return sa.Column(name, kind(), nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _refers(name: str, kind: Any, table: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, sa.ForeignKey(f"{table}.id"), primary_key=key, nullable=False)


def _row_id() -> sa.Column[int]:
    return sa.Column("id", RowId, primary_key=True, autoincrement=True)


def _indexes(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _make_items() -> None:
    op.create_table("meta", sa.Column("key", sa.String(), primary_key=True), _text("value"))
    op.create_table("items", sa.Column("id", sa.String(), primary_key=True), _text("kind"))
    op.create_table(
        "versions", _row_id(), _refers("item_id", sa.String(), "items"),
        sa.Column("number", sa.Integer(), nullable=False), _text("text", kind=sa.Text), _text("question", null=True, kind=sa.Text),
        _text("author"), _text("source"), _text("url", null=True), _text("licence", null=True), _text("domain"),
        sa.Column("attributes", sa.JSON(), nullable=False), _text("content_key"), _text("nonce"),
        _number("valid_from"), _number("valid_to", null=True), sa.UniqueConstraint("item_id", "number"),
    )  # fmt: skip
    current = sa.text("valid_to IS NULL")
    op.create_index(
        "uq_versions_current_content", "versions", ["content_key"], unique=True, sqlite_where=current,
        postgresql_where=current,
    )  # fmt: skip
    op.create_table(
        "claims", _row_id(), _refers("version_id", RowId, "versions"), _text("key"),
        *(sa.Column(name, sa.Float()) for name in ("value", "resolution", "error_plus", "error_minus")),
        _text("unit"), _text("bound", null=True),
    )  # fmt: skip
    _indexes("claims", "key", "version_id")
    sides = ("first_item", "second_item")
    op.create_table(
        "conflicts", _row_id(), _text("key"),
        *(_refers(side, sa.String(), "items") for side in sides),
        _number("opened"), _number("resolved", null=True),
    )  # fmt: skip
    _indexes("conflicts", *sides)


def _make_search() -> None:
    op.create_table(
        "passages", _row_id(), _refers("version_id", RowId, "versions"),
        sa.Column("ordinal", sa.Integer(), nullable=False), _text("text", kind=sa.Text), _text("terms", kind=sa.Text),
    )  # fmt: skip
    _indexes("passages", "version_id")
    op.create_table(
        "embedders", sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True), _text("name"),
        sa.Column("dimensions", sa.Integer(), nullable=False), sa.Column("serving", sa.Boolean(), nullable=False),
    )  # fmt: skip
    op.create_table(
        "vectors", _refers("passage_id", RowId, "passages", key=True),
        _refers("embedder_id", sa.Integer(), "embedders", key=True),
        sa.Column("vector", Vector(), nullable=False),
    )  # fmt: skip
    op.create_table(
        "postings", sa.Column("term", sa.String(), primary_key=True), _refers("passage_id", RowId, "passages", key=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("frequency", "length")),
    )  # fmt: skip
    _indexes("postings", "passage_id")


def _make_ledger() -> None:
    op.create_table(
        "events", sa.Column("seq", RowId, primary_key=True, autoincrement=False), _number("time"), _text("actor"), _text("verb"),
        _text("item_id", null=True), sa.Column("version", sa.Integer()), _text("reason"), _text("digest"), _text("hash"),
    )  # fmt: skip
    _indexes("events", "item_id")
    op.create_table(
        "answers", sa.Column("id", sa.String(), primary_key=True), _number("time"), _text("question", kind=sa.Text),
        sa.Column("answer", sa.JSON(), nullable=False),
    )  # fmt: skip
