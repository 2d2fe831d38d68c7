"""One file per noun; ``ROUTERS`` is what the application serves under ``/api/v1``."""

from api.routes import (
    audit,
    compare,
    datasets,
    equations,
    evaluations,
    events,
    keys,
    leaderboard,
    nodes,
    searches,
    trials,
    webhooks,
)

ROUTERS = (
    searches.router,
    evaluations.router,
    trials.router,
    leaderboard.router,
    equations.router,
    compare.router,
    nodes.router,
    datasets.router,
    events.router,
    keys.router,
    audit.router,
    webhooks.router,
)
