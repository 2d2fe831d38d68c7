"""what people note of an equation: a star, a text

A table is made; nobody has starred anything before.
"""

import sqlalchemy as sa
from alembic import op


revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "equation_marks",
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.Column("starred", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_equation_marks")),
    )


def downgrade() -> None:
    op.drop_table("equation_marks")
