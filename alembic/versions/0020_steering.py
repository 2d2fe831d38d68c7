"""what people change in a search: trials retried, equations injected, tags, notes, the archive

Columns are added and tables made, none is built anew. Searches of before have none of it.
"""

import sqlalchemy as sa
from alembic import op


revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retries",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("finish_order", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trial_id", sa.String(length=96), nullable=False),
        sa.Column("individual", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id"], ["searches.id"], name="fk_retries_search_id_searches", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.id"], name="fk_retries_trial_id_trials", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "finish_order", name="pk_retries"),
    )
    op.create_index("ix_retries_trial_id", "retries", ["trial_id"])
    op.create_table(
        "injections",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("equation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.Column("hopeless", sa.Text(), nullable=True),
        sa.Column("injected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("individual", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id"], ["searches.id"], name="fk_injections_search_id_searches", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "place", name="pk_injections"),
    )
    for name in ("retries", "injections"):
        op.add_column("searches", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("searches", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("searches", sa.Column("tags", sa.Text(), server_default="[]", nullable=False))
    op.add_column("searches", sa.Column("note", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    for name in ("note", "tags", "archived_at", "injections", "retries"):
        op.drop_column("searches", name)
    op.drop_table("injections")
    op.drop_index("ix_retries_trial_id", "retries")
    op.drop_table("retries")
