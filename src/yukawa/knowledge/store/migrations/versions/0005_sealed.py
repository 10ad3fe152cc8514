"""What people wrote in the ledger can be erased and the chain still be followed: it covers digests of it, made with nonces."""

from alembic import op

from yukawa.knowledge.store.ledger import chain_anew
from yukawa.knowledge.store.schema import nonces

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the nonces, and chain the events anew with them."""
    for column in nonces():
        op.add_column("events", column)
    chain_anew(op.get_bind())
