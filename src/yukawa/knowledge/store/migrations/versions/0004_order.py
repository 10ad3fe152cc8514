"""Versions hold from event to event and no longer from time to time, and what is derived carries checksums."""

import sqlalchemy as sa
from alembic import op

from yukawa.knowledge.store.identity import APPLICATION
from yukawa.knowledge.store.ledger import number_by_event
from yukawa.knowledge.store.schema import checksum

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the checksums (schema 0006 fills them), number what was dated, mark a file as ours, and find unfinished erasures by index."""
    for table in ("versions", "vectors", "conflicts", "answers"):
        op.add_column(table, checksum())
    erasures = sa.text("verb IN ('purge', 'cleaned')")
    op.create_index("ix_events_erasures", "events", ["seq"], sqlite_where=erasures, postgresql_where=erasures)
    connection = op.get_bind()
    number_by_event(connection)
    if connection.dialect.name == "sqlite":
        op.execute(sa.text(f"PRAGMA application_id = {APPLICATION}"))
