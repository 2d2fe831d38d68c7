"""What workers do to trials: claim, start, renew, finish, release; and which trials wait to be sent.

A lease carries a fence, which grows with every attempt: only the newest fence of a trial that is still open
may write, so the first terminal result wins. Rows are locked in the order search, trial, so that no two
transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Update, case, func, insert, or_, select, text, update

from backprop_evo.errors import NotFound
from backprop_evo.records.searching import Purpose, TrialState
from backprop_evo.records.stored import AttemptRecord, Lease, TrialRecord
from backprop_evo.records.training import Outcome, TrainResult
from backprop_evo.search.lifecycle import TRAINING
from backprop_evo.store.codec import encode, encode_payload
from backprop_evo.store.events import add_event
from backprop_evo.store.rows import attempt_record, trial_record
from backprop_evo.store.standings import record_standing
from backprop_evo.store.tables import ATTEMPTS, OPEN_STATES, SEARCHES, TRIALS

HELD = (TrialState.LEASED, TrialState.RUNNING)
IS_OPEN = text(OPEN_STATES)  # as the partial index has it: no database can tell that a bound list is the same


def get_row(connection: Connection, trial_id: str) -> Row[Any]:
    """Raises ``NotFound``."""
    row = connection.execute(select(TRIALS).where(TRIALS.c.id == trial_id)).one_or_none()
    if row is None:
        raise NotFound(f"no trial {trial_id!r}", hint="list the trials of a search to see their ids")
    return row


def get_trial(connection: Connection, trial_id: str) -> TrialRecord:
    return trial_record(get_row(connection, trial_id))


def claim_trial(
    connection: Connection, trial_id: str, worker: str, *, lease_s: float, now: datetime
) -> Lease | None:
    expires_at = now + timedelta(seconds=lease_s)
    live = (
        select(SEARCHES.c.id)
        .where(SEARCHES.c.id == TRIALS.c.search_id, SEARCHES.c.state.in_(TRAINING))
        .exists()
    )
    claimed = connection.execute(
        update(TRIALS)
        .where(TRIALS.c.id == trial_id, TRIALS.c.state == TrialState.QUEUED, _due(now), live)
        .values(
            state=TrialState.LEASED,
            fence=TRIALS.c.fence + 1,
            worker=worker,
            lease_expires_at=expires_at,
            not_before=None,
            started_at=None,
            progress=None,
        )
        .returning(TRIALS.c.fence, TRIALS.c.search_id)
    ).one_or_none()
    if claimed is None:
        return None
    connection.execute(
        insert(ATTEMPTS).values(trial_id=trial_id, fence=claimed.fence, worker=worker, started_at=now)
    )
    payload = {"trial": trial_id, "worker": worker, "attempt": claimed.fence}
    add_event(connection, claimed.search_id, "trial.leased", now, payload)
    return Lease(trial_id, claimed.fence, worker, expires_at)


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(TRIALS.c.not_before.is_(None), TRIALS.c.not_before <= now)


def start_trial(connection: Connection, lease: Lease, *, now: datetime) -> bool:
    started = connection.execute(
        _held_by(lease, TrialState.LEASED)
        .values(state=TrialState.RUNNING, started_at=now)
        .returning(TRIALS.c.search_id)
    ).one_or_none()
    if started is None:
        return False
    payload = {"trial": lease.trial_id, "worker": lease.worker, "attempt": lease.fence}
    add_event(connection, started.search_id, "trial.running", now, payload)
    return True


def _held_by(lease: Lease, *states: TrialState) -> Update:
    return update(TRIALS).where(
        TRIALS.c.id == lease.trial_id, TRIALS.c.fence == lease.fence, TRIALS.c.state.in_(states or HELD)
    )


def renew_lease(
    connection: Connection,
    lease: Lease,
    *,
    lease_s: float,
    now: datetime,
    progress: Mapping[str, float] | None,
) -> bool:
    values: dict[str, Any] = {"lease_expires_at": now + timedelta(seconds=lease_s)}
    if progress is not None:
        values["progress"] = encode_payload(progress)
    return connection.execute(_held_by(lease).values(**values)).rowcount == 1


def finish_trial(connection: Connection, lease: Lease, result: TrainResult, *, now: datetime) -> bool:
    row = lock_leased(connection, lease)
    if row is None:
        return False
    end_trial(connection, row, TrialState(result.outcome.value), result, now)
    close_attempt(connection, row.id, row.fence, result.outcome.value, result.reason, now)
    return True


def lock_leased(connection: Connection, lease: Lease) -> Row[Any] | None:
    """The row of the lease's trial, locked as below; None where the lease is not the newest or it ended."""
    row = lock_with_search(connection, lease.trial_id)
    return row if row is not None and row.fence == lease.fence and row.state in HELD else None


def lock_with_search(connection: Connection, trial_id: str) -> Row[Any] | None:
    """The trial's row, held until the end of the transaction; None where there is none."""
    search_id = connection.execute(
        select(TRIALS.c.search_id).where(TRIALS.c.id == trial_id)
    ).scalar_one_or_none()
    if search_id is None:
        return None
    connection.execute(select(SEARCHES.c.id).where(SEARCHES.c.id == search_id).with_for_update())
    return connection.execute(select(TRIALS).where(TRIALS.c.id == trial_id).with_for_update()).one()


def end_trial(
    connection: Connection, row: Row[Any], state: TrialState, result: TrainResult, now: datetime
) -> None:
    """Make a trial terminal: result, finish order, the search's counters, its standing, one event."""
    completed = state is TrialState.COMPLETED
    accuracy = result.validation_accuracy if completed else None
    order = _count_finish(connection, row, accuracy)
    connection.execute(
        update(TRIALS)
        .where(TRIALS.c.id == row.id, TRIALS.c.state == row.state)
        .values(
            state=state,
            ended_at=now,
            lease_expires_at=None,
            finish_order=order,
            validation_accuracy=result.validation_accuracy,
            test_accuracy=result.test_accuracy,
            wall_time_s=result.wall_time_s,
            result=encode(result),
        )
    )
    record_standing(connection, row, result, completed=completed)
    payload = {
        "trial": row.id,
        "individual": row.individual,
        "purpose": row.purpose,
        "finish_order": order,
        "validation_accuracy": accuracy,
        **({"reason": result.reason} if result.reason else {}),
    }
    add_event(connection, row.search_id, f"trial.{state}", now, payload)


def _count_finish(connection: Connection, row: Row[Any], accuracy: float | None) -> int:
    values: dict[str, Any] = {"finishes": SEARCHES.c.finishes + 1, "version": SEARCHES.c.version + 1}
    if row.purpose == Purpose.SEARCH:
        values["trials_done"] = SEARCHES.c.trials_done + 1
        if accuracy is not None:
            best = SEARCHES.c.best_fitness
            values["best_fitness"] = case((or_(best.is_(None), best < accuracy), accuracy), else_=best)
    order: int = connection.execute(
        update(SEARCHES).where(SEARCHES.c.id == row.search_id).values(**values).returning(SEARCHES.c.finishes)
    ).scalar_one()
    return order


def close_attempt(
    connection: Connection, trial_id: str, fence: int, outcome: str, reason: str | None, now: datetime
) -> None:
    connection.execute(
        update(ATTEMPTS)
        .where(ATTEMPTS.c.trial_id == trial_id, ATTEMPTS.c.fence == fence, ATTEMPTS.c.outcome.is_(None))
        .values(ended_at=now, outcome=outcome, reason=reason)
    )


def release_trial(connection: Connection, lease: Lease, *, now: datetime, reason: str, retry: bool) -> bool:
    row = lock_leased(connection, lease)
    if row is None:
        return False
    if retry:
        requeue(connection, row, now, reason)
        close_attempt(connection, row.id, row.fence, "released", reason, now)
        return True
    end_trial(connection, row, TrialState.FAILED, TrainResult(outcome=Outcome.FAILED, reason=reason), now)
    close_attempt(connection, row.id, row.fence, Outcome.FAILED.value, reason, now)
    return True


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
        .values(ended_at=now, outcome=TrialState.CANCELLED.value)
    )
    return connection.execute(
        update(TRIALS)
        .where(TRIALS.c.search_id == search_id, IS_OPEN)
        .values(state=TrialState.CANCELLED, ended_at=now, lease_expires_at=None)
    ).rowcount


def unsent_trials(connection: Connection, *, queued_before: datetime, limit: int) -> Sequence[str]:
    live = select(SEARCHES.c.id).where(SEARCHES.c.state.in_(TRAINING))
    query = (
        select(TRIALS.c.id)
        .where(
            IS_OPEN,
            TRIALS.c.search_id.in_(live),
            TRIALS.c.state == TrialState.QUEUED,
            func.coalesce(TRIALS.c.sent_at, TRIALS.c.queued_at) <= queued_before,
            _due(queued_before),
        )
        .order_by(TRIALS.c.row)
        .limit(limit)
    )
    return connection.execute(query).scalars().all()


def touch_sent(connection: Connection, trial_ids: Sequence[str], *, now: datetime) -> None:
    for start in range(0, len(trial_ids), 500):
        chunk = trial_ids[start : start + 500]
        connection.execute(update(TRIALS).where(TRIALS.c.id.in_(chunk)).values(sent_at=now))


def list_attempts(connection: Connection, trial_id: str) -> Sequence[AttemptRecord]:
    get_row(connection, trial_id)
    query = select(ATTEMPTS).where(ATTEMPTS.c.trial_id == trial_id).order_by(ATTEMPTS.c.fence)
    return [attempt_record(row) for row in connection.execute(query)]
