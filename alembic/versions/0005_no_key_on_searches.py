"""no idempotency key on searches: ``requests`` says of every request what it asked for and was answered

Old keys are dropped, not moved: neither the form they came with nor the answer it got is known, so no repetition
could be recognised as the same request; and a form gets a new key each time it is shown.

SQLite rebuilds the table, and dropping its old form would delete what refers to it wherever foreign keys are
enforced: individuals, trials, attempts. They must be off before the transaction begins.
"""

import sqlalchemy as sa
from alembic import op


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    refuse_to_cascade()
    with op.batch_alter_table("searches") as searches:
        searches.drop_constraint(op.f("uq_searches_idempotency_key"), type_="unique")
        searches.drop_column("idempotency_key")


def downgrade() -> None:
    refuse_to_cascade()
    with op.batch_alter_table("searches") as searches:
        searches.add_column(sa.Column("idempotency_key", sa.String(length=200), nullable=True))
        searches.create_unique_constraint(op.f("uq_searches_idempotency_key"), ["idempotency_key"])


def refuse_to_cascade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are enforced: rebuilding searches would delete their trials")
