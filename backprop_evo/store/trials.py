"""Trials: what workers do to one (claim, start, renew, finish, release), and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, insert, select, update
from typing_extensions import override

from backprop_evo.errors import NotFound
from backprop_evo.records.choosing import EVERY_TRIAL, TrialChoice
from backprop_evo.records.nodes import NOT_BEGUN, node_of
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import AttemptRecord, FinishRecord, Lease, Page, TrialRecord
from backprop_evo.records.training import (
    TrainResult,
)
from backprop_evo.store.choosing import Range, chosen_trials, first_written, in_order, place_of
from backprop_evo.store.codec import decode_result, encode_payload
from backprop_evo.store.cursors import encode_cursor, page_size
from backprop_evo.store.endings import (
    HELD,
    IS_OPEN,
    IS_TRIAL,
    close_attempt,
    count_attempts,
    end_trial,
    lock_leased,
    lock_with_search,
    lose_trial,
    requeue,
)
from backprop_evo.store.engine import Database
from backprop_evo.store.events import add_event, add_events
from backprop_evo.store.finishes import finish_record, finishes_of
from backprop_evo.store.nodes import forget_faults
from backprop_evo.store.queue import OF_A_LIVE_SEARCH, is_due
from backprop_evo.store.rows import attempt_record, trial_record
from backprop_evo.store.tables import ATTEMPTS, TRIALS
from backprop_evo.store.trials_base import Trials

# One statement decides: of many who claim at once, the condition on the state is true for one.
CLAIM = (
    update(TRIALS)
    .where(IS_TRIAL, TRIALS.c.state == TrialState.QUEUED, is_due(bindparam("now")), OF_A_LIVE_SEARCH)
    # The fence grows with every claim; whoever holds a smaller one can no longer write.
    .values(fence=TRIALS.c.fence + 1, not_before=None, progress=None)
    .returning(TRIALS.c.fence, TRIALS.c.search_id)
)
NEW_ATTEMPT = insert(ATTEMPTS)
HELD_BY = (
    select(TRIALS.c.id, TRIALS.c.fence)
    .where(TRIALS.c.lease_expires_at.is_not(None), TRIALS.c.worker == bindparam("by"))
    .order_by(TRIALS.c.id)
)


@dataclass(frozen=True, slots=True)
class SqlTrials(Trials):
    """Every change asks for the state and the fence that it expects, in the statement that changes."""

    database: Database

    @override
    def get(self, trial_id: str) -> TrialRecord:
        with self.database.read() as connection:
            return trial_record(_get_row(connection, trial_id))

    @override
    def attempts(self, trial_id: str) -> Sequence[AttemptRecord]:
        query = select(ATTEMPTS).where(ATTEMPTS.c.trial_id == trial_id).order_by(ATTEMPTS.c.fence)
        with self.database.read() as connection:
            _get_row(connection, trial_id)
            return [attempt_record(row) for row in connection.execute(query)]

    @override
    def page(
        self,
        search_id: str,
        *,
        choice: TrialChoice = EVERY_TRIAL,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[TrialRecord]:
        kind = f"trials, {choice.order}"
        return self._page(kind, chosen_trials(search_id, choice), choice, cursor, limit)

    @override
    def of_behaviour(
        self, fingerprint: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[TrialRecord]:
        chosen = Range(((TRIALS.c.fingerprint, fingerprint),))
        return self._page("behaviour", chosen, EVERY_TRIAL, cursor, limit)

    def _page(
        self, kind: str, chosen: Range, choice: TrialChoice, cursor: str | None, limit: int
    ) -> Page[TrialRecord]:
        # One more than is shown tells whether there is a next page, without counting.
        wanted = page_size(limit) + 1
        rows: list[Row[Any]] = []
        with self.database.read() as connection:
            for part in in_order(chosen, kind, choice.order, cursor):
                rows += first_written(connection, part, choice, wanted - len(rows))
                if len(rows) == wanted:
                    break
        items = tuple(trial_record(row) for row in rows[:limit])
        place = place_of(rows[limit - 1], choice.order) if len(rows) > limit else None
        return Page(items, encode_cursor(kind, *place) if place else None)

    @override
    def open(self, search_id: str) -> Sequence[TrialRecord]:
        query = select(TRIALS).where(TRIALS.c.search_id == search_id, IS_OPEN).order_by(TRIALS.c.row)
        with self.database.read() as connection:
            return [trial_record(row) for row in connection.execute(query)]

    @override
    def finished(self, search_id: str, *, after: int = 0) -> Sequence[TrialRecord]:
        with self.database.read() as connection:
            ended = (TRIALS.c.search_id == search_id) & (TRIALS.c.finish_order > after)
            rows = connection.execute(select(TRIALS).where(ended).order_by(TRIALS.c.finish_order))
            return [trial_record(row) for row in rows]

    @override
    def finishes(self, search_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[FinishRecord]:
        with self.database.read() as connection:
            rows = connection.execute(finishes_of(search_id, after).limit(limit))
            return [finish_record(row) for row in rows]

    @override
    def claim(
        self, trial_id: str, worker: str, *, lease_s: float, now: datetime, starts: bool = False
    ) -> Lease | None:
        expires_at = now + timedelta(seconds=lease_s)
        values = {
            "state": TrialState.RUNNING if starts else TrialState.LEASED,
            "worker": worker,
            "lease_expires_at": expires_at,
            "started_at": now if starts else None,
        }
        with self.database.write() as connection:
            claimed = connection.execute(CLAIM, {"trial": trial_id, "now": now, **values}).one_or_none()
            if claimed is None:
                return None
            lease = Lease(trial_id, claimed.fence, worker, expires_at)
            attempt = {"trial_id": trial_id, "fence": lease.fence, "worker": worker, "started_at": now}
            connection.execute(NEW_ATTEMPT, attempt)
            kinds = ("trial.leased", "trial.running") if starts else ("trial.leased",)
            told = [(kind, _lease_payload(lease)) for kind in kinds]
            add_events(connection, claimed.search_id, now, told)
            return lease

    @override
    def start(self, lease: Lease, *, now: datetime) -> bool:
        starting = (
            _held_by(lease, TrialState.LEASED)
            .values(state=TrialState.RUNNING, started_at=now)
            .returning(TRIALS.c.search_id)
        )
        with self.database.write() as connection:
            started = connection.execute(starting).one_or_none()
            if started is None:
                return False
            add_event(connection, started.search_id, "trial.running", now, _lease_payload(lease))
            return True

    @override
    def renew(
        self, lease: Lease, *, lease_s: float, now: datetime, progress: Mapping[str, float] | None = None
    ) -> bool:
        values: dict[str, Any] = {"lease_expires_at": now + timedelta(seconds=lease_s)}
        if progress is not None:
            values["progress"] = encode_payload(progress)
        with self.database.write() as connection:
            # No event: a heartbeat every few seconds would drown what happened.
            return connection.execute(_held_by(lease, *HELD).values(**values)).rowcount == 1

    @override
    def finish(self, lease: Lease, result: TrainResult, *, now: datetime) -> bool:
        with self.database.write() as connection:
            row = lock_leased(connection, lease)
            if row is None:
                return False
            end_trial(connection, row, result, now)
            close_attempt(connection, row.id, row.fence, result.outcome, result.reason, now)
            if result.outcome is not TrialState.FAILED:
                forget_faults(connection, node_of(lease.worker))
            return True

    @override
    def release(
        self, lease: Lease, *, now: datetime, reason: str, retry: bool, not_before: datetime | None = None
    ) -> bool:
        with self.database.write() as connection:
            row = lock_leased(connection, lease)
            if row is None:
                return False
            if retry:
                requeue(connection, row, now, reason, not_before=not_before)
                close_attempt(connection, row.id, row.fence, "released", reason, now)
                return True
            failed = TrainResult(outcome=TrialState.FAILED, reason=reason)
            end_trial(connection, row, failed, now)
            close_attempt(connection, row.id, row.fence, TrialState.FAILED, reason, now)
            return True

    @override
    def return_unbegun(self, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy) -> bool:
        with self.database.write() as connection:
            row = lock_leased(connection, lease)
            if row is None:
                return False
            close_attempt(connection, row.id, row.fence, NOT_BEGUN, reason, now)
            pause_s = policy.pause_s(count_attempts(connection, row.id, NOT_BEGUN))
            requeue(connection, row, now, reason, not_before=now + timedelta(seconds=pause_s))
            return True

    @override
    def lose(self, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy) -> bool:
        with self.database.write() as connection:
            row = lock_leased(connection, lease)
            if row is None:
                return False
            lose_trial(connection, row, now, reason, policy)
            return True

    @override
    def lose_all(self, worker: str, *, now: datetime, reason: str, policy: RetryPolicy) -> Sequence[str]:
        # Nearly always there is none, and looking needs no lock.
        with self.database.read() as connection:
            found = connection.execute(HELD_BY, {"by": worker}).all()
        leases = [Lease(each.id, each.fence, worker, now) for each in found]
        return [each.trial_id for each in leases if self.lose(each, now=now, reason=reason, policy=policy)]

    @override
    def expire(self, *, now: datetime, policy: RetryPolicy) -> Sequence[str]:
        query = (
            select(TRIALS.c.id)
            .where(TRIALS.c.lease_expires_at.is_not(None), TRIALS.c.lease_expires_at <= now)
            .order_by(TRIALS.c.lease_expires_at)
        )
        with self.database.write() as connection:
            # By id, so that two reconcilers lock rows in one order.
            expired = sorted(connection.execute(query).scalars())
            return [trial_id for trial_id in expired if _expire(connection, trial_id, now, policy)]

    @override
    def common_failure(self, search_id: str) -> str | None:
        ended = select(TRIALS.c.state, TRIALS.c.result).where(
            TRIALS.c.search_id == search_id,
            TRIALS.c.finish_order.is_not(None),
            TRIALS.c.purpose.in_((Purpose.SEARCH, Purpose.EVALUATION)),
        )
        of_value = ended.where(TRIALS.c.state.not_in((TrialState.FAILED, TrialState.LOST))).limit(1)
        with self.database.read() as connection:
            last = connection.execute(ended.order_by(TRIALS.c.finish_order.desc()).limit(1)).one_or_none()
            if last is None or connection.execute(of_value).one_or_none() is not None:
                return None
            reason = decode_result(last.result).reason
            return f"none of its trials came to a result; the last: {reason}"


def _get_row(connection: Connection, trial_id: str) -> Row[Any]:
    row = connection.execute(select(TRIALS).where(TRIALS.c.id == trial_id)).one_or_none()
    if row is None:
        raise NotFound(f"no trial {trial_id!r}", hint="list the trials of a search to see their ids")
    return row


def _held_by(lease: Lease, *states: TrialState) -> Update:
    return update(TRIALS).where(
        TRIALS.c.id == lease.trial_id, TRIALS.c.fence == lease.fence, TRIALS.c.state.in_(states)
    )


def _lease_payload(lease: Lease) -> dict[str, object]:
    return {"trial": lease.trial_id, "worker": lease.worker, "attempt": lease.fence}


def _expire(connection: Connection, trial_id: str, now: datetime, policy: RetryPolicy) -> bool:
    """True when the trial was put back to QUEUED."""
    row = lock_with_search(connection, trial_id)
    # Looked at again under the lock: the worker may have renewed or finished since the query.
    if row is None or row.state not in HELD or row.lease_expires_at is None or row.lease_expires_at > now:
        return False
    return lose_trial(connection, row, now, f"worker {row.worker} fell silent", policy)
