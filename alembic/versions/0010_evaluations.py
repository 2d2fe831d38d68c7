"""evaluations: rows of searches of another kind

Columns are added, no table is built anew. Lists are of one kind, so their index begins with it.
"""

import sqlalchemy as sa
from alembic import op


revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("searches", sa.Column("kind", sa.String(length=16), server_default="search", nullable=False))
    op.add_column("searches", sa.Column("extensions", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_searches_kind_created_at_id", "searches", ["kind", "created_at", "id"])
    op.drop_index("ix_searches_created_at_id", table_name="searches")


def downgrade() -> None:
    """Evaluations go: an earlier version would read their specs as those of searches."""
    op.execute("DELETE FROM attempts WHERE trial_id IN (SELECT t.id FROM trials t JOIN searches s ON s.id = t.search_id WHERE s.kind <> 'search')")
    op.execute("DELETE FROM intermediate_values WHERE search_id IN (SELECT id FROM searches WHERE kind <> 'search')")
    for table in ("trials", "individuals"):
        op.execute(f"DELETE FROM {table} WHERE search_id IN (SELECT id FROM searches WHERE kind <> 'search')")
    op.execute("DELETE FROM searches WHERE kind <> 'search'")
    op.create_index("ix_searches_created_at_id", "searches", ["created_at", "id"])
    op.drop_index("ix_searches_kind_created_at_id", table_name="searches")
    op.drop_column("searches", "extensions")
    op.drop_column("searches", "kind")
