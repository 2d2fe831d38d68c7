"""owners, the audit trail, webhooks, steps of controllers; lists by purpose and state from an index

Tables, indexes and columns are added, no table is built anew. Searches of before have no owner.
"""

import sqlalchemy as sa
from alembic import op


revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ENDED = "state NOT IN ('queued', 'leased', 'running')"
FAILED = "outcome IN ('lost', 'failed', 'not begun', 'oom', 'timeout', 'diverged')"
WAITING = "delivered_at IS NULL AND given_up_at IS NULL"
LONG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.add_column("searches", sa.Column("owner", sa.String(length=200), nullable=True))
    op.create_index("ix_trials_search_id_purpose_row", "trials", ["search_id", "purpose", "row"])
    partial_index("ix_trials_ended", "trials", ["search_id", "state", "row"], ENDED)
    partial_index("ix_attempts_failed", "attempts", ["outcome"], FAILED)
    op.create_table(
        "controllers",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("stepped_at", TIME, nullable=False),
        sa.Column("step_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_controllers")),
    )
    op.create_table(
        "audit",
        sa.Column("id", LONG_ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("caller", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_caller_id", "audit", ["caller", "id"])
    op.create_index("ix_audit_target_id", "audit", ["target", "id"])
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("search_id", sa.String(length=64), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", LONG_ID, nullable=False),
        sa.Column("webhook_id", sa.String(length=32), nullable=False),
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.Column("given_up_at", TIME, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_deliveries_webhook_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_webhook_id_id", "deliveries", ["webhook_id", "id"])
    partial_index("ix_deliveries_due_at", "deliveries", ["due_at"], WAITING)


def downgrade() -> None:
    for table in ("deliveries", "webhooks", "audit", "controllers"):
        op.drop_table(table)
    op.drop_index("ix_attempts_failed", table_name="attempts")
    op.drop_index("ix_trials_ended", table_name="trials")
    op.drop_index("ix_trials_search_id_purpose_row", table_name="trials")
    op.drop_column("searches", "owner")
