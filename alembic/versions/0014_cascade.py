"""the cascade: what was screened out, what was inherited, what was spared; accuracies that nobody compared

Searches from before have no screening and spare nothing: written into their specs, they go on as they began. On the
way down a trial that was screened out counts as pruned, which the code of before knows.
"""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Spec = dict[str, Any]
SEARCHES = sa.table(
    "searches",
    *(sa.column(name, sa.String) for name in ("id", "kind", "spec")),
    *(sa.column(name, sa.Integer) for name in ("trials_done", "screened_out")),
)
TRIALS = sa.table("trials", *(sa.column(name, sa.String) for name in ("search_id", "state", "result")))
ATTEMPTS = sa.table("attempts", sa.column("outcome", sa.String))
EVENTS = sa.table("events", sa.column("kind", sa.String))
SCREENED, PRUNED = "screened", "pruned"


def upgrade() -> None:
    op.add_column("searches", sa.Column("screened_out", sa.Integer(), server_default="0", nullable=False))
    op.add_column("individuals", sa.Column("screened_out", sa.Text(), nullable=True))
    op.add_column("individuals", sa.Column("inherited_step", sa.Double(), nullable=True))
    op.add_column("trials", sa.Column("relative_step", sa.Double(), nullable=True))
    with op.batch_alter_table("intermediate_values") as values:  # nothing refers to it
        values.add_column(sa.Column("spared", sa.Text(), nullable=True))
        values.alter_column("validation_accuracy", existing_type=sa.Double(), nullable=True)
    _change_specs(_as_before)


def downgrade() -> None:
    _change_specs(_without_cascade)
    _call_screened_trials_pruned()
    op.execute("UPDATE intermediate_values SET validation_accuracy = 0 WHERE validation_accuracy IS NULL")
    with op.batch_alter_table("intermediate_values") as values:
        values.alter_column("validation_accuracy", existing_type=sa.Double(), nullable=False)
        values.drop_column("spared")
    op.drop_column("trials", "relative_step")
    op.drop_column("individuals", "inherited_step")
    op.drop_column("individuals", "screened_out")
    op.drop_column("searches", "screened_out")


def _change_specs(change: Callable[[Spec], Spec]) -> None:
    connection = op.get_bind()
    found = sa.select(SEARCHES.c.id, SEARCHES.c.spec).where(SEARCHES.c.kind == "search")
    for search_id, text in connection.execute(found).all():
        spec = json.dumps(change(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(SEARCHES).where(SEARCHES.c.id == search_id).values(spec=spec))


def _as_before(spec: Spec) -> Spec:
    if "pruner" in spec:
        spec = {**spec, "pruner": {**spec["pruner"], "spared": 0.0}}
    return {**spec, "screening": False}


def _without_cascade(spec: Spec) -> Spec:
    """Of the pruners only ``asha`` is unknown to the code of before, which then prunes nothing."""
    spec = {name: value for name, value in spec.items() if name not in ("screening", "rates")}
    if "pruner" in spec:
        kept = {name: value for name, value in spec["pruner"].items() if name not in ("reduction", "spared")}
        spec["pruner"] = {**kept, "name": "none"} if kept.get("name") == "asha" else kept
    return spec


def _call_screened_trials_pruned() -> None:
    counted = sa.select(sa.func.count()).where(
        TRIALS.c.search_id == SEARCHES.c.id, TRIALS.c.state == SCREENED
    )
    done = SEARCHES.c.trials_done + counted.scalar_subquery()
    op.execute(sa.update(SEARCHES).values(trials_done=done))
    result = sa.func.replace(TRIALS.c.result, f'"outcome":"{SCREENED}"', f'"outcome":"{PRUNED}"')
    op.execute(sa.update(TRIALS).where(TRIALS.c.state == SCREENED).values(state=PRUNED, result=result))
    op.execute(sa.update(ATTEMPTS).where(ATTEMPTS.c.outcome == SCREENED).values(outcome=PRUNED))
    op.execute(sa.update(EVENTS).where(EVENTS.c.kind == "trial.screened").values(kind="trial.pruned"))
