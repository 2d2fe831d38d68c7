"""what a node has, and what keeps it from training

Columns are added, no table is built anew. Nodes of before do not say which data sets they have: null.
"""

import sqlalchemy as sa
from alembic import op


revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nodes", sa.Column("datasets", sa.Text(), nullable=True))
    op.add_column("nodes", sa.Column("free_memory_mib", sa.Integer(), nullable=True))
    op.add_column("nodes", sa.Column("faults", sa.Integer(), server_default="0", nullable=False))
    op.add_column("nodes", sa.Column("quarantine", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("quarantine", "faults", "free_memory_mib", "datasets"):
        op.drop_column("nodes", name)
