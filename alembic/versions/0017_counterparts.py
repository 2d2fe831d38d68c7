"""a search and its counterpart know each other

A column is added, no table is built anew: searches of before have none.
"""

import sqlalchemy as sa
from alembic import op


revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("searches", sa.Column("counterpart", sa.String(length=64), nullable=True))
    op.create_index("ix_searches_counterpart", "searches", ["counterpart"], unique=True)


def downgrade() -> None:
    """Counterparts become searches like any other."""
    op.drop_index("ix_searches_counterpart", table_name="searches")
    op.drop_column("searches", "counterpart")
