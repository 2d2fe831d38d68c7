"""Trials whose worker vanished: queued again after a pause, or ended as lost; those that were stopped at the
time limit end as such."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import TrialState
from backprop_evo.records.stored import Lease
from backprop_evo.records.training import Outcome, TrainResult
from backprop_evo.store.tables import TRIALS
from backprop_evo.store.trials import HELD, close_attempt, end_trial, lock_leased, lock_with_search, requeue


def lose_trial(
    connection: Connection, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy
) -> bool:
    row = lock_leased(connection, lease)
    if row is None:
        return False
    _lose(connection, row, now, reason, policy)
    return True


def expire_leases(connection: Connection, *, now: datetime, policy: RetryPolicy) -> Sequence[str]:
    expired = connection.execute(
        select(TRIALS.c.id)
        .where(TRIALS.c.lease_expires_at.is_not(None), TRIALS.c.lease_expires_at <= now)
        .order_by(TRIALS.c.lease_expires_at)
    ).scalars()
    return [trial_id for trial_id in sorted(expired) if _expire(connection, trial_id, now, policy)]


def _expire(connection: Connection, trial_id: str, now: datetime, policy: RetryPolicy) -> bool:
    """True when the trial was put back to QUEUED."""
    row = lock_with_search(connection, trial_id)
    if row is None or row.state not in HELD or row.lease_expires_at is None or row.lease_expires_at > now:
        return False
    return _lose(connection, row, now, f"worker {row.worker} fell silent", policy)


def _lose(connection: Connection, row: Row[Any], now: datetime, reason: str, policy: RetryPolicy) -> bool:
    """True when the trial was put back to QUEUED."""
    lived_s = _lived_s(row, policy.lease_s)
    if lived_s >= policy.overrun_s:
        reason = f"stopped after {lived_s:.0f} s, over the time limit: {reason}"
        timeout = TrainResult(outcome=Outcome.TIMEOUT, reason=reason, wall_time_s=lived_s)
        close_attempt(connection, row.id, row.fence, Outcome.TIMEOUT.value, reason, now)
        end_trial(connection, row, TrialState.TIMEOUT, timeout, now)
        return False
    close_attempt(connection, row.id, row.fence, TrialState.LOST.value, reason, now)
    if row.fence < policy.max_attempts:
        not_before = now + timedelta(seconds=policy.pause_s(row.fence))
        requeue(connection, row, now, reason, not_before=not_before)
        return True
    reason = f"lost {row.fence} times; the last time: {reason}"
    end_trial(connection, row, TrialState.LOST, TrainResult(outcome=Outcome.FAILED, reason=reason), now)
    return False


def _lived_s(row: Row[Any], lease_s: float) -> float:
    """From the start of the training to its worker's last sign of life, both by the worker's clock."""
    if row.started_at is None or row.lease_expires_at is None:
        return 0.0
    lived: timedelta = row.lease_expires_at - timedelta(seconds=lease_s) - row.started_at
    return lived.total_seconds()
