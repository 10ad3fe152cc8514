"""Facts as rows in place of claims."""

import sqlalchemy as sa
from alembic import op

from yukawa.knowledge.store.facts import rebuild
from yukawa.knowledge.store.schema import RowId, meta, number, refers, row_id, text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of facts and fill it; a source whose data carry none yet is built again at the next opening."""
    op.drop_table("claims")
    op.create_table(
        "facts", row_id(), refers("version_id", "versions", RowId), number("ordinal", sa.Integer),
        *(text(name) for name in ("identifier", "subject", "property", "channel", "name")),
        *(sa.Column(name, sa.Float()) for name in ("value", "error_plus", "error_minus", "resolution")),
        text("unit"), text("bound", null=True),
    )  # fmt: skip
    for name, columns in {
        "version_id": ["version_id"], "identifier": ["identifier"], "name": ["name"],
        "subject_property": ["subject", "property"], "property": ["property"],
    }.items():  # fmt: skip
        op.create_index(op.f(f"ix_facts_{name}"), "facts", columns)
    connection = op.get_bind()
    rebuild(connection)
    connection.execute(sa.delete(meta).where(meta.c.key == "pdg"))
