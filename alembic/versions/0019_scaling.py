"""what is asked of a node, which nodes may run a search, and why it was paused by itself

Columns are added, no table is built anew. Searches of before may run on any node; those that have not ended
tell which data sets they train with, so that nodes may fetch them.
"""

import json

import sqlalchemy as sa
from alembic import op


revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ENDED = ("completed", "stopped", "cancelled", "failed")
OF_NODES = (
    ("tested_at", sa.DateTime(timezone=True), None),
    ("own_labels", sa.Text(), "[]"),
    ("fetches", sa.Boolean(), sa.false()),
    ("fetching", sa.String(200), None),
    ("fetch_faults", sa.Text(), "{}"),
    ("wanted_slots", sa.Integer(), None),
    ("wanted_labels", sa.Text(), None),
    ("draining", sa.Boolean(), sa.false()),
    ("gives_back", sa.Boolean(), sa.false()),
)
OF_SEARCHES = (
    ("labels", sa.Text(), "[]"),
    ("datasets", sa.Text(), "[]"),
    ("stranded", sa.String(96), None),
)


def upgrade() -> None:
    for table, columns in (("nodes", OF_NODES), ("searches", OF_SEARCHES)):
        for name, kind, default in columns:
            op.add_column(table, sa.Column(name, kind, server_default=default, nullable=default is None))
    tell_datasets()


def tell_datasets() -> None:
    searches = sa.table("searches", *map(sa.column, ("id", "spec", "state", "datasets")))
    connection = op.get_bind()
    live = sa.select(searches.c.id, searches.c.spec).where(searches.c.state.not_in(ENDED))
    for row in connection.execute(live).all():
        spec = json.loads(row.spec)
        trains = [each["train"] for each in spec["settings"]] if "settings" in spec else [spec["train"]]
        names = list(dict.fromkeys(train.get("data", "cifar10-mini") for train in trains))
        telling = sa.update(searches).where(searches.c.id == row.id)
        connection.execute(telling.values(datasets=json.dumps(names)))


def downgrade() -> None:
    for table, columns in (("searches", OF_SEARCHES), ("nodes", OF_NODES)):
        for name, _, _ in reversed(columns):
            op.drop_column(table, name)
