"""methods that are no equations, and yardsticks

``method`` is null for an equation, so that rows of before need no change.
"""

import sqlalchemy as sa
from alembic import op


revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("individuals", "trials", "standings")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("method", sa.Text(), nullable=True))
    op.add_column("standings", sa.Column("is_yardstick", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("standings", "is_yardstick")
    for table in reversed(TABLES):
        op.drop_column(table, "method")
