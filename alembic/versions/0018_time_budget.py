"""how much of its time a search has used

Columns are added, no table is built anew. Searches of before have no budget, and nothing counts for them.
"""

import sqlalchemy as sa
from alembic import op


revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("searches", sa.Column("spent_s", sa.Double(), server_default="0", nullable=False))
    op.add_column("searches", sa.Column("slot_s", sa.Double(), server_default="0", nullable=False))
    op.add_column("searches", sa.Column("metered_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("metered_at", "slot_s", "spent_s"):
        op.drop_column("searches", name)
