"""selection under noise: what is measured again, and how much its fitness varies

Searches from before have parents that completed, each measured once: written into their specs, they go on as they
began. On the way down a remeasurement becomes a search trial of a mutation, which the code of before knows.
"""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

Spec = dict[str, Any]
SEARCHES = sa.table("searches", *(sa.column(name, sa.String) for name in ("id", "kind", "spec")))
AS_BEFORE = {"parents": "completed", "remeasured": 0.0}


def upgrade() -> None:
    op.add_column("individuals", sa.Column("remeasures", sa.Integer(), nullable=True))
    op.add_column("standings", sa.Column("search_m2", sa.Double(), server_default="0", nullable=False))
    _change_specs(lambda spec: {**spec, "selection": AS_BEFORE})


def downgrade() -> None:
    _change_specs(lambda spec: {name: value for name, value in spec.items() if name != "selection"})
    op.execute("UPDATE individuals SET origin = 'mutation' WHERE origin = 'remeasurement'")
    op.execute("UPDATE trials SET purpose = 'search' WHERE purpose = 'remeasurement'")
    op.drop_column("standings", "search_m2")
    op.drop_column("individuals", "remeasures")


def _change_specs(change: Callable[[Spec], Spec]) -> None:
    connection = op.get_bind()
    found = sa.select(SEARCHES.c.id, SEARCHES.c.spec).where(SEARCHES.c.kind == "search")
    for search_id, text in connection.execute(found).all():
        spec = json.dumps(change(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(SEARCHES).where(SEARCHES.c.id == search_id).values(spec=spec))
