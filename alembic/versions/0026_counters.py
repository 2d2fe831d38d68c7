"""counters of ended trials and of the results in a setting

Tables are made and filled by counting what is there.
"""

import sqlalchemy as sa
from alembic import op


revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

COUNTED = {
    "ended_trials": (
        "state",
        16,
        "INSERT INTO ended_trials (search_id, state, number) SELECT search_id, state, count(*) FROM trials "
        "WHERE state NOT IN ('queued', 'leased', 'running') GROUP BY search_id, state",
    ),
    "setting_results": (
        "setting_id",
        12,
        "INSERT INTO setting_results (search_id, setting_id, number) "
        "SELECT search_id, setting_id, count(*) FROM standings WHERE setting_id > '' "
        "GROUP BY search_id, setting_id",
    ),
}


def upgrade() -> None:
    for table, (column, length, count) in COUNTED.items():
        op.create_table(
            table,
            sa.Column("search_id", sa.String(length=64), nullable=False),
            sa.Column(column, sa.String(length=length), nullable=False),
            sa.Column("number", sa.Integer(), nullable=False),
            sa.ForeignKeyConstraint(
                ["search_id"],
                ["searches.id"],
                name=op.f(f"fk_{table}_search_id_searches"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint("search_id", column, name=op.f(f"pk_{table}")),
        )
        op.execute(count)
    op.create_index("ix_setting_results_setting_id", "setting_results", ["setting_id"])


def downgrade() -> None:
    for table in COUNTED:
        op.drop_table(table)
