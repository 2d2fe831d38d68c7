"""a search's confirmation is an evaluation that belongs to it

Trials of confirmations of before stay what they are: their seeds are no numbers in a row, as those of an
evaluation are, and their places in the finish order are known to the individuals that were proposed after
them. The leaderboard keeps what they showed. Those that have not ended are cancelled, because nobody would
count them: the search orders an evaluation of all its finalists instead.

Specs of before mean that nothing is trained beside the finalists, and that the test split is read.
"""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SEARCHES = sa.table("searches", sa.column("id", sa.String), sa.column("kind", sa.String), sa.column("spec", sa.Text))
OPEN = "purpose = 'confirmation' AND state IN ('queued', 'leased', 'running')"
ADDED = {"controls": "none", "test": True}


def upgrade() -> None:
    op.add_column("searches", sa.Column("search_id", sa.String(length=64), nullable=True))
    op.add_column("searches", sa.Column("role", sa.String(length=16), nullable=True))
    op.create_index("ix_searches_search_id", "searches", ["search_id"])
    op.add_column("standings", sa.Column("is_control", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_column("standings", "confirmations_planned")
    op.execute(f"UPDATE attempts SET outcome = 'cancelled' WHERE outcome IS NULL AND trial_id IN (SELECT id FROM trials WHERE {OPEN})")
    op.execute(f"UPDATE trials SET state = 'cancelled', lease_expires_at = NULL WHERE {OPEN}")
    _change_confirmations(lambda told: told | ADDED)


def downgrade() -> None:
    """Confirmations become evaluations like any other, and keep their trials. A search that waits for one
    confirms by trials of its own again; those that were cancelled on the way up would be in their place."""
    _change_confirmations(lambda told: {name: value for name, value in told.items() if name not in ADDED})
    cancelled = "SELECT t.id FROM trials t JOIN searches s ON s.id = t.search_id WHERE t.purpose = 'confirmation' AND t.state = 'cancelled' AND s.state NOT IN ('cancelled', 'failed')"
    for table, column in (("attempts", "trial_id"), ("intermediate_values", "trial_id"), ("trials", "id")):
        op.execute(f"DELETE FROM {table} WHERE {column} IN ({cancelled})")
    op.execute("DELETE FROM standings WHERE search_n = 0")
    op.add_column("standings", sa.Column("confirmations_planned", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE standings SET confirmations_planned = validation_n WHERE tier = 0")
    _plan_again()
    with op.batch_alter_table("standings") as standings:
        standings.alter_column("confirmations_planned", server_default=None)
    op.drop_column("standings", "is_control")
    op.drop_index("ix_searches_search_id", table_name="searches")
    op.drop_column("searches", "role")
    op.drop_column("searches", "search_id")


def _change_confirmations(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    connection = op.get_bind()
    searches = sa.select(SEARCHES.c.id, SEARCHES.c.spec).where(SEARCHES.c.kind == "search")
    for search_id, text in connection.execute(searches).all():
        spec = json.loads(text)
        spec["confirmation"] = change(spec["confirmation"])
        text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(SEARCHES).where(SEARCHES.c.id == search_id).values(spec=text))


def _plan_again() -> None:
    """Whoever has a trial of a confirmation was to have as many as its search's spec says."""
    connection = op.get_bind()
    planned = "SELECT DISTINCT t.search_id, t.individual, s.spec FROM trials t JOIN searches s ON s.id = t.search_id WHERE t.purpose = 'confirmation'"
    for search_id, individual, text in connection.execute(sa.text(planned)).all():
        seeds = json.loads(text)["confirmation"]["seeds"]
        connection.execute(
            sa.text("UPDATE standings SET confirmations_planned = :seeds WHERE search_id = :search AND individual = :individual"),
            {"seeds": seeds, "search": search_id, "individual": individual},
        )
