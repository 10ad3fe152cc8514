"""The first schema."""

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
    """Make all tables."""
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "answers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
    )
    op.create_table(
        "embedders",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("serving", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embedders")),
    )
    op.create_table(
        "events",
        sa.Column("seq", RowId, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_item_id"), "events", ["item_id"], unique=False)
    op.create_table(
        "items",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "conflicts",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("first_item", sa.String(), nullable=False),
        sa.Column("second_item", sa.String(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("resolved", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["first_item"], ["items.id"], name=op.f("fk_conflicts_first_item")),
        sa.ForeignKeyConstraint(["second_item"], ["items.id"], name=op.f("fk_conflicts_second_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
    )
    op.create_index(op.f("ix_conflicts_first_item"), "conflicts", ["first_item"], unique=False)
    op.create_index(op.f("ix_conflicts_second_item"), "conflicts", ["second_item"], unique=False)
    op.create_table(
        "versions",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("licence", sa.String(), nullable=True),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("content_key", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_versions_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("item_id", "number", name=op.f("uq_versions_item_id_number")),
    )
    op.create_index(
        "uq_versions_current_content",
        "versions",
        ["content_key"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "claims",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("version_id", RowId, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("resolution", sa.Float(), nullable=True),
        sa.Column("error_plus", sa.Float(), nullable=True),
        sa.Column("error_minus", sa.Float(), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("bound", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_claims_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_key"), "claims", ["key"], unique=False)
    op.create_index(op.f("ix_claims_version_id"), "claims", ["version_id"], unique=False)
    op.create_table(
        "passages",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("version_id", RowId, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_passages_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passages")),
    )
    op.create_index(op.f("ix_passages_version_id"), "passages", ["version_id"], unique=False)
    op.create_table(
        "postings",
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("passage_id", RowId, nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["passage_id"], ["passages.id"], name=op.f("fk_postings_passage_id")),
        sa.PrimaryKeyConstraint("term", "passage_id", name=op.f("pk_postings")),
    )
    op.create_index(op.f("ix_postings_passage_id"), "postings", ["passage_id"], unique=False)
    op.create_table(
        "vectors",
        sa.Column("passage_id", RowId, nullable=False),
        sa.Column("embedder_id", sa.Integer(), nullable=False),
        sa.Column("vector", Vector(), nullable=False),
        sa.ForeignKeyConstraint(["embedder_id"], ["embedders.id"], name=op.f("fk_vectors_embedder_id")),
        sa.ForeignKeyConstraint(["passage_id"], ["passages.id"], name=op.f("fk_vectors_passage_id")),
        sa.PrimaryKeyConstraint("passage_id", "embedder_id", name=op.f("pk_vectors")),
    )
    for statement in _GUARDS[dialect] + _TOTALS[dialect]:
        op.execute(sa.text(statement))
