"""Trials that are tried again: their end stays where the brain heard of it, and they wait anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, or_, select, update
from typing_extensions import override

from backprop_evo.errors import Conflict, NotFound
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.steering import RETRIABLE, RetryRecord
from backprop_evo.records.stored import TrialRecord
from backprop_evo.search.budget import COUNTED
from backprop_evo.search.lifecycle import RETRY
from backprop_evo.store.codec import decode_result
from backprop_evo.store.counters import count_ended
from backprop_evo.store.endings import lock_with_search, requeue
from backprop_evo.store.engine import Database
from backprop_evo.store.moving import change, check_legal, get_row, go_on
from backprop_evo.store.rows import trial_record
from backprop_evo.store.steering_base import Retries
from backprop_evo.store.tables import RETRIES, SEARCHES, TRIALS

#: Not the text of the partial index: ``retries`` has a column of that name too.
IS_OPEN = TRIALS.c.state.in_([each for each in TrialState if not each.is_terminal])


@dataclass(frozen=True, slots=True)
class SqlRetries(Retries):
    """A trial's row holds its latest try; what was heard before stands in ``retries``."""

    database: Database

    @override
    def add(self, trial_id: str, *, now: datetime) -> TrialRecord:
        with self.database.write() as connection:
            row = lock_with_search(connection, trial_id)
            if row is None:
                raise NotFound(f"no trial {trial_id!r}", hint="list the trials of a search to see their ids")
            if not TrialState(row.state).is_terminal and _was_retried(connection, trial_id):
                return trial_record(row)
            search = get_row(connection, row.search_id)
            _check(connection, search, row)
            _remember(connection, row, now)
            _begin_anew(connection, search, row, now)
            if SearchState(search.state).is_terminal:
                _wake(connection, get_row(connection, search.id), now)
            return trial_record(connection.execute(select(TRIALS).where(TRIALS.c.id == trial_id)).one())

    @override
    def of(self, trial_id: str) -> Sequence[RetryRecord]:
        query = select(RETRIES).where(RETRIES.c.trial_id == trial_id).order_by(RETRIES.c.finish_order)
        with self.database.read() as connection:
            return [_retry_record(row) for row in connection.execute(query)]

    @override
    def out_again(self, search_id: str, *, heard: int) -> Collection[str]:
        query = (
            select(TRIALS.c.id)
            .distinct()
            .join(RETRIES, RETRIES.c.trial_id == TRIALS.c.id)
            .where(RETRIES.c.search_id == search_id, or_(IS_OPEN, TRIALS.c.finish_order > heard))
        )
        with self.database.read() as connection:
            return connection.execute(query).scalars().all()


def _was_retried(connection: Connection, trial_id: str) -> bool:
    query = select(RETRIES.c.finish_order).where(RETRIES.c.trial_id == trial_id).limit(1)
    return connection.execute(query).one_or_none() is not None


def _check(connection: Connection, search: Row[Any], trial: Row[Any]) -> None:
    """Raises ``Conflict``, ``IllegalTransition``."""
    if trial.state not in RETRIABLE:
        words = ", ".join(RETRIABLE)
        hint = "cancel the search to end it" if not TrialState(trial.state).is_terminal else None
        raise Conflict(
            f"trial {trial.id!r} is {trial.state}: only one that ended as {words} is tried again",
            hint=hint or "its result stands; clone the search to train it anew",
        )
    check_legal(search, RETRY)
    cancelled = select(TRIALS.c.id).where(
        and_(TRIALS.c.search_id == search.id, TRIALS.c.state == TrialState.CANCELLED)
    )
    # The brain waits for whatever was sent and has no end: such a search would never end.
    if search.state == SearchState.FAILED and connection.execute(cancelled.limit(1)).one_or_none():
        raise Conflict(
            f"{search.kind} {search.id!r} failed while trials were open, which were cancelled with it",
            hint="clone it",
        )


def _remember(connection: Connection, row: Row[Any], now: datetime) -> None:
    connection.execute(
        insert(RETRIES).values(
            search_id=row.search_id,
            finish_order=row.finish_order,
            trial_id=row.id,
            individual=row.individual,
            purpose=row.purpose,
            state=row.state,
            fence=row.fence,
            ended_at=row.ended_at,
            retried_at=now,
            result=row.result,
        )
    )


def _begin_anew(connection: Connection, search: Row[Any], row: Row[Any], now: datetime) -> None:
    """Its place in the budget is the one that it had."""
    empty = ("ended_at", "finish_order", "result", "wall_time_s", "relative_step")
    accuracies = ("validation_accuracy", "test_accuracy")
    connection.execute(
        update(TRIALS).where(TRIALS.c.id == row.id).values(dict.fromkeys((*empty, *accuracies)))
    )
    requeue(connection, row, now, f"tried again after it ended as {row.state}")
    count_ended(connection, row.search_id, TrialState(row.state), -1)
    given_back = row.purpose in (*COUNTED, Purpose.EVALUATION)
    connection.execute(
        update(SEARCHES)
        .where(SEARCHES.c.id == search.id)
        .values(
            retries=search.retries + 1,
            version=search.version + 1,
            trials_done=search.trials_done - given_back,
        )
    )


def _wake(connection: Connection, search: Row[Any], now: datetime) -> None:
    """What had ended runs again; what somebody stopped only until the trial has ended."""
    if search.state == SearchState.STOPPED:
        change(connection, search, SearchState.STOPPING, now, None)
    else:
        go_on(connection, search, now)


def _retry_record(row: Row[Any]) -> RetryRecord:
    return RetryRecord(
        trial_id=row.trial_id,
        finish_order=row.finish_order,
        state=TrialState(row.state),
        reason=decode_result(row.result).reason,
        ended_at=row.ended_at,
        retried_at=row.retried_at,
    )
