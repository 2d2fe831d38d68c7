"""which products of matrices a search draws

Searches from before there was a choice knew three, and must go on so to replay. On the way down the choice is
dropped: code of before can no longer replay searches that drew all of them.
"""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SEARCHES = sa.table("searches", sa.column("id", sa.String), sa.column("spec", sa.Text))


def upgrade() -> None:
    _change_specs(_with_products)


def downgrade() -> None:
    _change_specs(_without_products)


def _change_specs(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    connection = op.get_bind()
    for search_id, text in connection.execute(sa.select(SEARCHES.c.id, SEARCHES.c.spec)).all():
        spec = json.dumps(change(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(SEARCHES).where(SEARCHES.c.id == search_id).values(spec=spec))


def _with_products(spec: dict[str, Any]) -> dict[str, Any]:
    """Where the code writes it, so that equal specs go on having equal texts."""
    changed = {}
    for name, value in spec.items():
        changed[name] = value
        if name == "mutation_redraw":
            changed["products"] = "three"
    return changed


def _without_products(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "products"}
