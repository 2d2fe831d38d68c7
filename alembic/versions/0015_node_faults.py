"""what a node has and what keeps it from training; the share of the slots that a search has

The next trial of a search is one look into an index, however many wait. Columns are added, no table is built anew. Nodes of before do not say which data sets they have: null.
"""

import sqlalchemy as sa
from alembic import op


revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nodes", sa.Column("datasets", sa.Text(), nullable=True))
    op.add_column("nodes", sa.Column("free_memory_mib", sa.Integer(), nullable=True))
    op.add_column("nodes", sa.Column("faults", sa.Integer(), server_default="0", nullable=False))
    op.add_column("nodes", sa.Column("quarantine", sa.Text(), nullable=True))
    op.add_column("searches", sa.Column("priority", sa.Integer(), server_default="1", nullable=False))
    index_open(["search_id", "state", "row"])


def downgrade() -> None:
    index_open(["search_id", "state"])
    op.drop_column("searches", "priority")
    for name in ("quarantine", "faults", "free_memory_mib", "datasets"):
        op.drop_column("nodes", name)


def index_open(columns: list[str]) -> None:
    op.drop_index("ix_trials_open", table_name="trials")
    states = sa.text("state IN ('queued', 'leased', 'running')")
    op.create_index("ix_trials_open", "trials", columns, sqlite_where=states, postgresql_where=states)
