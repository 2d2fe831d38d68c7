"""what a mutation draws again when it changed nothing

Searches from before there was a choice drew the place again, and must go on so to replay. On the way down the
choice is dropped: code of before can no longer replay searches that drew the replacement again.
"""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SEARCHES = sa.table("searches", sa.column("id", sa.String), sa.column("spec", sa.Text))


def upgrade() -> None:
    _change_specs(_with_redraw)


def downgrade() -> None:
    _change_specs(_without_redraw)


def _change_specs(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    connection = op.get_bind()
    for search_id, text in connection.execute(sa.select(SEARCHES.c.id, SEARCHES.c.spec)).all():
        spec = json.dumps(change(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(SEARCHES).where(SEARCHES.c.id == search_id).values(spec=spec))


def _with_redraw(spec: dict[str, Any]) -> dict[str, Any]:
    """Where the code writes it, so that equal specs go on having equal texts."""
    changed = {}
    for name, value in spec.items():
        changed[name] = value
        if name == "mutations":
            changed["mutation_redraw"] = "place"
    return changed


def _without_redraw(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "mutation_redraw"}
