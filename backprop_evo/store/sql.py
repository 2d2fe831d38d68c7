"""The store over SQL: every noun over one database."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from backprop_evo.store import migrations
from backprop_evo.store.audit import SqlAudit
from backprop_evo.store.base import Store
from backprop_evo.store.caller_tables import REQUESTS
from backprop_evo.store.charting import SqlCharts
from backprop_evo.store.engine import Database
from backprop_evo.store.equations import SqlEquations
from backprop_evo.store.evaluations import SqlEvaluations
from backprop_evo.store.events import SqlEvents
from backprop_evo.store.individuals import SqlIndividuals
from backprop_evo.store.injecting import SqlInjections
from backprop_evo.store.intermediates import SqlIntermediates
from backprop_evo.store.keys import SqlKeys
from backprop_evo.store.leaderboard import SqlLeaderboard
from backprop_evo.store.load import SqlMonitoring
from backprop_evo.store.nodes import SqlNodes
from backprop_evo.store.queue import SqlQueue
from backprop_evo.store.requests import SqlRequests
from backprop_evo.store.retrying import SqlRetries
from backprop_evo.store.searches import SqlSearches
from backprop_evo.store.statistics import SqlStatistics
from backprop_evo.store.trials import SqlTrials
from backprop_evo.store.webhooks import SqlWebhooks

PROBE = "readiness"
"""The row that a look at readiness writes; no API key has such an id."""


class SqlStore(Store):
    """Over SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.searches = SqlSearches(database)
        self.evaluations = SqlEvaluations(database)
        self.individuals = SqlIndividuals(database)
        self.trials = SqlTrials(database)
        self.queue = SqlQueue(database)
        self.retries = SqlRetries(database)
        self.injections = SqlInjections(database)
        self.equations = SqlEquations(database)
        self.intermediates = SqlIntermediates(database)
        self.leaderboard = SqlLeaderboard(database)
        self.events = SqlEvents(database)
        self.nodes = SqlNodes(database)
        self.statistics = SqlStatistics(database)
        self.charts = SqlCharts(database)
        self.keys = SqlKeys(database)
        self.requests = SqlRequests(database)
        self.monitoring = SqlMonitoring(database)
        self.audit = SqlAudit(database)
        self.webhooks = SqlWebhooks(database)

    @override
    def is_ready(self) -> bool:
        return migrations.is_current(self.database)

    @override
    def check_writable(self) -> None:
        now = datetime.now(UTC)
        mine = {"caller": PROBE, "key": PROBE}
        probe = (REQUESTS.c.caller == PROBE, REQUESTS.c.key == PROBE)
        # Committed: what is rolled back may never have been meant for the disk.
        with suppress(IntegrityError), self.database.write() as connection:
            if connection.execute(update(REQUESTS).where(*probe).values(created_at=now)).rowcount == 0:
                connection.execute(insert(REQUESTS).values(**mine, sha256="", created_at=now))

    @override
    def close(self) -> None:
        self.database.close()


def open_store(url: str) -> SqlStore:
    """The store at a SQLAlchemy URL; connects on first use. Raises ``InvalidSettings`` for other URLs."""
    return SqlStore(Database(url))
