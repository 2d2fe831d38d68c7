"""the best and the longest trials of a search from an index

Indexes are added, no table is built anew.
"""

import sqlalchemy as sa
from alembic import op


revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SORTED = {"ix_trials_best": "validation_accuracy", "ix_trials_longest": "wall_time_s"}


def upgrade() -> None:
    for name, column in SORTED.items():
        where = sa.text(f"{column} IS NOT NULL")
        columns = ["search_id", column, "row"]
        op.create_index(name, "trials", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in SORTED:
        op.drop_index(name, table_name="trials")
