"""Facts with the final states that questions are read into."""

import sqlalchemy as sa
from alembic import op

from yukawa.knowledge.store.schema import meta

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Have sources built again at the next opening: decays hold their steps, antiparticles and nucleons their own rows."""
    op.get_bind().execute(sa.delete(meta).where(meta.c.key == "pdg"))
