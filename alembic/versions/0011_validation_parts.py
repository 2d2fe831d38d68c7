"""which images measure a training, and BatchNorm's statistics estimated anew

Trainings from before measured everything on the whole of validation, with BatchNorm's statistics as training
left them where nothing else was asked for; what is stored goes on to mean that. On the way down the new fields
are dropped: code of before knows one way to measure.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("searches", "trials")
# Every train spec has this field, and within a text its quotes would be escaped.
ANCHOR = '"evaluate_test":'
LATER = ("reestimate_batches", "validation_part", "train_on", "classifier_rate", "decay", "warm_up_steps")


def upgrade() -> None:
    for name in TABLES:
        table = _table(name)
        without = sa.not_(table.c.spec.contains('"reestimate_batches":', autoescape=True))
        # In the database: there may be a million trials.
        _put(table, '"reestimate_batches":0,', sa.and_(without, table.c.spec.contains(ANCHOR, autoescape=True)))
        _put(table, '"validation_part":"whole",', table.c.spec.contains(ANCHOR, autoescape=True))


def downgrade() -> None:
    connection = op.get_bind()
    for name in TABLES:
        table = _table(name)
        for row_id, text in connection.execute(sa.select(table.c.id, table.c.spec)).all():
            written = json.dumps(_without_later(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
            connection.execute(sa.update(table).where(table.c.id == row_id).values(spec=written))


def _table(name: str) -> sa.TableClause:
    return sa.table(name, sa.column("id", sa.String), sa.column("spec", sa.Text))


def _put(table: sa.TableClause, text: str, where: sa.ColumnElement[bool]) -> None:
    changed = sa.func.replace(table.c.spec, ANCHOR, text + ANCHOR)
    op.get_bind().execute(sa.update(table).where(where).values(spec=changed))


def _without_later(value: Any) -> Any:
    """Trains as they stand in a trial, in a search, and in the settings of an evaluation."""
    if isinstance(value, list):
        return [_without_later(each) for each in value]
    if not isinstance(value, dict):
        return value
    dropped = LATER[1:] if value.get("reestimate_batches") else LATER
    return {name: _without_later(each) for name, each in value.items() if name not in dropped}
