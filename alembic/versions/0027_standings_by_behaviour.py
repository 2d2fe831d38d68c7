"""a behaviour's row on the leaderboard of a search from an index

An index is added, no table is built anew.
"""

from alembic import op


revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

INDEX = "ix_standings_search_id_fingerprint"


def upgrade() -> None:
    op.create_index(INDEX, "standings", ["search_id", "fingerprint"])


def downgrade() -> None:
    op.drop_index(INDEX, table_name="standings")
