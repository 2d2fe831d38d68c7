"""How busy the service is: read for monitoring, with signs of life that controllers leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, text, update
from typing_extensions import override

from backprop_evo.records.load import ControllerStep, Load
from backprop_evo.records.states import TrialState
from backprop_evo.search.lifecycle import TRAINING
from backprop_evo.store.base import Monitoring
from backprop_evo.store.caller_tables import DELIVERIES, WAITING
from backprop_evo.store.engine import Database
from backprop_evo.store.tables import (
    ATTEMPTS,
    CONTROLLERS,
    FAILED_ATTEMPTS,
    NODES,
    OPEN_STATES,
    SEARCHES,
    TRIALS,
)

#: Controllers have a new name at each start; those that are gone go.
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SqlMonitoring(Monitoring):
    """Each number from an index, however much is stored; what is queued is counted row by row."""

    database: Database

    @override
    def load(self) -> Load:
        with self.database.read() as connection:
            queued, oldest = _queue(connection)
            failed = connection.execute(
                select(ATTEMPTS.c.outcome, func.count())
                .where(text(FAILED_ATTEMPTS))
                .group_by(ATTEMPTS.c.outcome)
            )
            waiting = select(func.count()).select_from(DELIVERIES).where(text(WAITING))
            return Load(
                queued=queued,
                oldest_queued_at=oldest,
                failed_attempts={str(outcome): count for outcome, count in failed},
                heartbeats={
                    name: seen_at
                    for name, seen_at in connection.execute(select(NODES.c.name, NODES.c.seen_at))
                },
                step=_newest_step(connection),
                deliveries=connection.execute(waiting).scalar_one(),
            )

    @override
    def record_step(self, controller: str, *, step_s: float, now: datetime) -> None:
        values = {"stepped_at": now, "step_s": step_s}
        mine = CONTROLLERS.c.name == controller
        with self.database.write() as connection:
            if connection.execute(update(CONTROLLERS).where(mine).values(**values)).rowcount == 0:
                connection.execute(insert(CONTROLLERS).values(name=controller, **values))
                gone = CONTROLLERS.c.stepped_at < now - FORGOTTEN_AFTER
                connection.execute(delete(CONTROLLERS).where(gone))


def _queue(connection: Connection) -> tuple[int, datetime | None]:
    live = select(SEARCHES.c.id).where(SEARCHES.c.state.in_(TRAINING))
    query = select(func.count(), func.min(TRIALS.c.queued_at)).where(
        text(OPEN_STATES), TRIALS.c.state == TrialState.QUEUED, TRIALS.c.search_id.in_(live)
    )
    row = connection.execute(query).one()
    return row[0], row[1]


def _newest_step(connection: Connection) -> ControllerStep | None:
    columns = (CONTROLLERS.c.stepped_at, CONTROLLERS.c.step_s)
    query = select(*columns).order_by(CONTROLLERS.c.stepped_at.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else ControllerStep(**row._mapping)
