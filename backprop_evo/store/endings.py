"""How attempts and trials end: with a result, given back, lost with their worker, or cancelled.

A lease carries a fence, which grows with every attempt: only the newest fence of a trial that is still open
may write, so the first terminal result wins. Rows are locked in the order search, trial, so that no two
transactions wait for each other. Everything here is a part of somebody's transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, or_, select, text, update

from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Lease
from backprop_evo.records.training import (
    TrainResult,
)
from backprop_evo.search.budget import COUNTED
from backprop_evo.store.codec import encode
from backprop_evo.store.confirming import count_stage
from backprop_evo.store.counters import count_ended
from backprop_evo.store.events import add_event
from backprop_evo.store.leaderboard_counting import count_trial
from backprop_evo.store.tables import ATTEMPTS, ENDED_STATES, OPEN_STATES, RETRIES, SEARCHES, TRIALS

HELD = (TrialState.LEASED, TrialState.RUNNING)
IS_OPEN = text(OPEN_STATES)  # as the partial index has it: no database can tell that a bound list is the same
HAS_ENDED = text(ENDED_STATES)

IS_TRIAL = TRIALS.c.id == bindparam("trial")
# Whose it is is read without a lock, which is safe: a trial never changes its search.
SEARCH_OF_TRIAL = select(TRIALS.c.search_id).where(IS_TRIAL).scalar_subquery()
LOCK_SEARCH = select(SEARCHES.c.id).where(SEARCHES.c.id == SEARCH_OF_TRIAL).with_for_update()
LOCK_TRIAL = select(TRIALS).where(IS_TRIAL).with_for_update()

# Built once: to put a statement together takes a worker about as long as to send it.
BEST, FITNESS = SEARCHES.c.best_fitness, bindparam("fitness", type_=SEARCHES.c.best_fitness.type)
COUNT_FINISH = (
    update(SEARCHES)
    .where(SEARCHES.c.id == bindparam("search"))
    .values(
        finishes=SEARCHES.c.finishes + 1,
        version=SEARCHES.c.version + 1,
        screened_out=SEARCHES.c.screened_out + bindparam("left_out"),
        trials_done=SEARCHES.c.trials_done + bindparam("counted"),
        best_fitness=case((or_(BEST.is_(None), BEST < FITNESS), FITNESS), else_=BEST),
    )
    .returning(SEARCHES.c.finishes, SEARCHES.c.spec)
)
END_TRIAL = update(TRIALS).where(IS_TRIAL, TRIALS.c.state == bindparam("was"))
CLOSE_ATTEMPT = update(ATTEMPTS).where(
    ATTEMPTS.c.trial_id == bindparam("trial"),
    ATTEMPTS.c.fence == bindparam("attempt"),
    ATTEMPTS.c.outcome.is_(None),
)


def lock_leased(connection: Connection, lease: Lease) -> Row[Any] | None:
    """The row of the lease's trial, locked as below; None where the lease is not the newest or it ended."""
    row = lock_with_search(connection, lease.trial_id)
    return row if row is not None and row.fence == lease.fence and row.state in HELD else None


def lock_with_search(connection: Connection, trial_id: str) -> Row[Any] | None:
    """The trial's row, held until the end of the transaction; None where there is none."""
    connection.execute(LOCK_SEARCH, {"trial": trial_id})
    return connection.execute(LOCK_TRIAL, {"trial": trial_id}).one_or_none()


def end_trial(connection: Connection, row: Row[Any], result: TrainResult, now: datetime) -> None:
    """Make a trial terminal, in the state of its outcome: result, finish order, the search's counters, the
    leaderboard, one event."""
    state = result.outcome
    completed = state is TrialState.COMPLETED
    # A pruned or diverged training may have an accuracy too; it never counts as fitness.
    accuracy = result.validation_accuracy if completed else None
    # The counter lives in the search's row, which is locked: finish orders have no gaps and no doubles, which
    # a replay relies on.
    search = _count_finish(connection, row, state, accuracy)
    connection.execute(
        END_TRIAL,
        {
            "trial": row.id,
            "was": row.state,
            "state": state,
            "ended_at": now,
            "lease_expires_at": None,
            "finish_order": search.finishes,
            "validation_accuracy": result.validation_accuracy,
            "test_accuracy": result.test_accuracy,
            "relative_step": result.relative_step,
            "wall_time_s": result.wall_time_s,
            "result": encode(result),
        },
    )
    count_ended(connection, row.search_id, state)
    if row.purpose == Purpose.EVALUATION:
        count_stage(connection, row, result, now)
    else:
        count_trial(connection, row, result, search.spec)
    payload = {
        "trial": row.id,
        "individual": row.individual,
        "purpose": row.purpose,
        "finish_order": search.finishes,
        "validation_accuracy": accuracy,
        **({"reason": result.reason} if result.reason else {}),
    }
    add_event(connection, row.search_id, f"trial.{state}", now, payload)


def _count_finish(
    connection: Connection, row: Row[Any], state: TrialState, accuracy: float | None
) -> Row[Any]:
    """The search's ``finishes``, this one among them, and ``spec``."""
    left_out = state is TrialState.SCREENED
    values = {
        "search": row.search_id,
        "left_out": int(left_out),
        "counted": int(not left_out and row.purpose in (*COUNTED, Purpose.EVALUATION)),
        "fitness": accuracy if row.purpose == Purpose.SEARCH else None,
    }
    return connection.execute(COUNT_FINISH, values).one()


def close_attempt(
    connection: Connection, trial_id: str, fence: int, outcome: str, reason: str | None, now: datetime
) -> None:
    """Say how an attempt ended, unless that is known."""
    connection.execute(
        CLOSE_ATTEMPT,
        {"trial": trial_id, "attempt": fence, "ended_at": now, "outcome": outcome, "reason": reason},
    )


def count_attempts(connection: Connection, trial_id: str, outcome: str) -> int:
    """How many attempts at a trial ended so, since somebody asked for another try at it."""
    earlier = select(func.coalesce(func.max(RETRIES.c.fence), 0)).where(RETRIES.c.trial_id == trial_id)
    query = select(func.count()).where(
        ATTEMPTS.c.trial_id == trial_id,
        ATTEMPTS.c.outcome == outcome,
        ATTEMPTS.c.fence > earlier.scalar_subquery(),
    )
    return connection.execute(query).scalar_one()


def requeue(
    connection: Connection, row: Row[Any], now: datetime, reason: str, *, not_before: datetime | None = None
) -> None:
    """Back to QUEUED, unsent, for the next attempt, which begins at ``not_before`` at the earliest."""
    connection.execute(
        update(TRIALS)
        .where(TRIALS.c.id == row.id, TRIALS.c.state == row.state)
        .values(
            state=TrialState.QUEUED,
            queued_at=now,
            not_before=not_before,
            # Unsent, or the dispatcher would take its old message for one that is still on the way.
            sent_at=None,
            worker=None,
            lease_expires_at=None,
            started_at=None,
            progress=None,
        )
    )
    payload = {"trial": row.id, "attempt": row.fence, "reason": reason}
    add_event(connection, row.search_id, "trial.queued", now, payload)


def cancel_open_trials(connection: Connection, search_id: str, now: datetime) -> int:
    """End every open trial of a search without a result and without a place in the finish order; their
    number."""
    still_open = select(TRIALS.c.id).where(TRIALS.c.search_id == search_id, IS_OPEN)
    connection.execute(
        update(ATTEMPTS)
        .where(ATTEMPTS.c.trial_id.in_(still_open), ATTEMPTS.c.outcome.is_(None))
        .values(ended_at=now, outcome=TrialState.CANCELLED)
    )
    cancelled = connection.execute(
        update(TRIALS)
        .where(TRIALS.c.search_id == search_id, IS_OPEN)
        .values(state=TrialState.CANCELLED, ended_at=now, lease_expires_at=None)
    ).rowcount
    count_ended(connection, search_id, TrialState.CANCELLED, cancelled)
    return cancelled


def lose_trial(
    connection: Connection, row: Row[Any], now: datetime, reason: str, policy: RetryPolicy
) -> bool:
    """Its worker vanished: back to QUEUED (True), or to an end as LOST, or as TIMEOUT where it was stopped at
    the limit."""
    lived_s = _lived_s(row, policy.lease_s)
    # Killed at the limit, the worker could not say so: tried again, it would only be killed again.
    if lived_s >= policy.overrun_s:
        reason = f"stopped after {lived_s:.0f} s, over the time limit: {reason}"
        timeout = TrainResult(outcome=TrialState.TIMEOUT, reason=reason, wall_time_s=lived_s)
        close_attempt(connection, row.id, row.fence, TrialState.TIMEOUT, reason, now)
        end_trial(connection, row, timeout, now)
        return False
    close_attempt(connection, row.id, row.fence, TrialState.LOST, reason, now)
    # Not the fence: an attempt that a node could not begin, or gave back, was no loss.
    losses = count_attempts(connection, row.id, TrialState.LOST)
    if losses < policy.max_attempts:
        not_before = now + timedelta(seconds=policy.pause_s(losses))
        requeue(connection, row, now, reason, not_before=not_before)
        return True
    reason = f"lost {losses} times; the last time: {reason}"
    end_trial(connection, row, TrainResult(outcome=TrialState.LOST, reason=reason), now)
    return False


def _lived_s(row: Row[Any], lease_s: float) -> float:
    """From the start of the training to its worker's last sign of life, both by the worker's clock."""
    if row.started_at is None or row.lease_expires_at is None:
        return 0.0
    lived: timedelta = row.lease_expires_at - timedelta(seconds=lease_s) - row.started_at
    return lived.total_seconds()
