"""rows of the leaderboard know their setting

Rows of before get that of their search's train spec. How an id is made stands here once more, as it was when
this was written: a revision must go on doing what it did.
"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SEARCHES = sa.table("searches", sa.column("id", sa.String), sa.column("spec", sa.Text))
STANDINGS = sa.table("standings", sa.column("search_id", sa.String), sa.column("setting_id", sa.String))
RANK_ORDER = ["tier", "rank_key", "search_id", "individual"]

DEFAULTS: dict[str, Any] = {
    "model": "wrn-10-1",
    "data": "cifar10-mini",
    "epochs": 2.0,
    "batch_size": 128,
    "optimizer": "sgd",
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "learning_rate": {},
    "schedule": "auto",
    "augment": True,
    "feedback": "gaussian",
    "precision": "float32",
    "train_images": None,
    "validation_images": None,
    "reestimate_batches": 16,
    "alignment_every": 0,
    "deterministic": True,
}
GRID = {"probe_epochs": 0.25}
RELATIVE_GRID = {"relative_steps": [0.01, 0.03, 0.1], "probe_epochs": 0.2, "extra_probes": 1}
LIMITS = ("time_limit_s", "memory_limit_mib", "evaluate_test")
# Fields that came later count where they differ from what trainings did before.
LATER = {"train_on": "train", "classifier_rate": None, "decay": "coupled", "warm_up_steps": 0}


def upgrade() -> None:
    op.add_column("standings", sa.Column("setting_id", sa.String(length=12), server_default="", nullable=False))
    connection = op.get_bind()
    # Searches have few different train specs between them; rows are written search by search.
    with_rows = sa.select(STANDINGS.c.search_id).distinct()
    found = connection.execute(
        sa.select(SEARCHES.c.id, SEARCHES.c.spec).where(SEARCHES.c.id.in_(with_rows))
    ).all()
    for search_id, text in found:
        connection.execute(
            sa.update(STANDINGS)
            .where(STANDINGS.c.search_id == search_id)
            .values(setting_id=_setting_id(json.loads(text).get("train", {})))
        )
    op.create_index("ix_standings_setting_ranking", "standings", ["setting_id", *RANK_ORDER])
    op.drop_index("ix_standings_ranking", table_name="standings")


def downgrade() -> None:
    op.create_index("ix_standings_ranking", "standings", RANK_ORDER)
    op.drop_index("ix_standings_setting_ranking", table_name="standings")
    op.drop_column("standings", "setting_id")


def _setting_id(train: dict[str, Any]) -> str:
    values = DEFAULTS | {
        name: value
        for name, value in train.items()
        if name not in LIMITS and not (name in LATER and value == LATER[name])
    }
    rate = values["learning_rate"]
    if isinstance(rate, dict):
        values["learning_rate"] = (GRID if "rates" in rate else RELATIVE_GRID) | rate
    if values.pop("validation_part", "fitness") != "whole":
        values["validation"] = "in parts"
    told = {name: _number_as_float(value) for name, value in values.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _number_as_float(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _number_as_float(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_number_as_float(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
