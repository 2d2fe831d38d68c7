"""first tables"""

import sqlalchemy as sa
from alembic import op


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("search_id", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_search_id_id", "events", ["search_id", "id"], unique=False)

    op.create_table(
        "nodes",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("code_version", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_nodes")),
    )
    op.create_table(
        "searches",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("trials_done", sa.Integer(), nullable=False),
        sa.Column("trials_total", sa.Integer(), nullable=False),
        sa.Column("best_fitness", sa.Double(), nullable=True),
        sa.Column("finishes", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=200), nullable=True),
        sa.Column("claim_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searches")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_searches_idempotency_key")),
    )
    op.create_index("ix_searches_created_at_id", "searches", ["created_at", "id"], unique=False)
    op.create_index("ix_searches_state", "searches", ["state"], unique=False)

    op.create_table(
        "individuals",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("equation", sa.Text(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("twin", sa.Integer(), nullable=True),
        sa.Column("mutation", sa.Text(), nullable=True),
        sa.Column("finishes_known", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id"], ["searches.id"], name=op.f("fk_individuals_search_id_searches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "number", name=op.f("pk_individuals")),
    )
    op.create_index("ix_individuals_fingerprint", "individuals", ["fingerprint"], unique=False)

    op.create_table(
        "standings",
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("individual", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("equation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.Column("is_baseline", sa.Boolean(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("rank_key", sa.Double(), nullable=False),
        sa.Column("search_fitness", sa.Double(), nullable=False),
        sa.Column("search_n", sa.Integer(), nullable=False),
        sa.Column("learning_rate", sa.Double(), nullable=True),
        sa.Column("train_time_s", sa.Double(), nullable=False),
        sa.Column("confirmations_planned", sa.Integer(), nullable=False),
        sa.Column("validation_n", sa.Integer(), nullable=False),
        sa.Column("validation_mean", sa.Double(), nullable=False),
        sa.Column("validation_m2", sa.Double(), nullable=False),
        sa.Column("test_n", sa.Integer(), nullable=False),
        sa.Column("test_mean", sa.Double(), nullable=False),
        sa.Column("test_m2", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id"], ["searches.id"], name=op.f("fk_standings_search_id_searches"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "individual", name=op.f("pk_standings")),
    )
    op.create_index(
        "ix_standings_ranking", "standings", ["tier", "rank_key", "search_id", "individual"], unique=False
    )
    op.create_index(
        "ix_standings_search_ranking",
        "standings",
        ["search_id", "tier", "rank_key", "individual"],
        unique=False,
    )

    op.create_table(
        "trials",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=96), nullable=False),
        sa.Column("search_id", sa.String(length=64), nullable=False),
        sa.Column("individual", sa.Integer(), nullable=False),
        sa.Column("equation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finish_order", sa.Integer(), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("validation_accuracy", sa.Double(), nullable=True),
        sa.Column("test_accuracy", sa.Double(), nullable=True),
        sa.Column("wall_time_s", sa.Double(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id", "individual"],
            ["individuals.search_id", "individuals.number"],
            name=op.f("fk_trials_search_id_individual_individuals"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_trials")),
        sa.UniqueConstraint("id", name=op.f("uq_trials_id")),
        sa.UniqueConstraint("search_id", "finish_order", name=op.f("uq_trials_search_id_finish_order")),
    )
    op.create_index("ix_trials_fingerprint_row", "trials", ["fingerprint", "row"], unique=False)
    op.create_index(
        "ix_trials_lease_expires_at",
        "trials",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("lease_expires_at IS NOT NULL"),
        postgresql_where=sa.text("lease_expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_trials_open",
        "trials",
        ["search_id", "state"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'leased', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'leased', 'running')"),
    )
    op.create_index("ix_trials_state", "trials", ["state"], unique=False)
    op.create_index("ix_trials_search_id_row", "trials", ["search_id", "row"], unique=False)

    op.create_table(
        "attempts",
        sa.Column("trial_id", sa.String(length=96), nullable=False),
        sa.Column("fence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.id"], name=op.f("fk_attempts_trial_id_trials"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "fence", name=op.f("pk_attempts")),
    )


def downgrade() -> None:
    for table in ("attempts", "trials", "standings", "individuals", "searches", "nodes", "events"):
        op.drop_table(table)
