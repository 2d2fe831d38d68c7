"""intermediate values of running trainings, with the judgement on each; lost trials' results say lost

A trial that was lost too often was stored with the outcome ``failed`` beside its state ``lost``: they are one thing.
"""

import sqlalchemy as sa
from alembic import op


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FAILED, LOST = '"outcome":"failed"', '"outcome":"lost"'


def upgrade() -> None:
    op.create_table(
        "intermediate_values",
        sa.Column("trial_id", sa.String(length=96), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("report_order", sa.Integer(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=True),
        sa.Column("validation_accuracy", sa.Double(), nullable=False),
        sa.Column("train_loss", sa.Double(), nullable=False),
        sa.Column("pruned", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.id"], name=op.f("fk_intermediate_values_trial_id_trials"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "step", name=op.f("pk_intermediate_values")),
        sa.UniqueConstraint("search_id", "report_order", name=op.f("uq_intermediate_values_search_id_report_order")),
    )
    op.create_index("ix_intermediate_values_search_id_rung", "intermediate_values", ["search_id", "rung"])
    op.add_column("searches", sa.Column("reports", sa.Integer(), server_default="0", nullable=False))
    say(FAILED, LOST)


def downgrade() -> None:
    say(LOST, FAILED)
    op.drop_column("searches", "reports")
    op.drop_table("intermediate_values")


def say(before: str, after: str) -> None:
    trials = sa.table("trials", sa.column("state", sa.String), sa.column("result", sa.Text))
    op.execute(
        trials.update()
        .where(trials.c.state == "lost", trials.c.result.is_not(None))
        .values(result=sa.func.replace(trials.c.result, before, after))
    )
