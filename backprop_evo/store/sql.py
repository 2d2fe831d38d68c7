"""The store over SQL. One method, one transaction; what each one does stands in the module it calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import Purpose, SearchSpec, SearchState, TrialState
from backprop_evo.records.stored import (
    AttemptRecord,
    EventRecord,
    FinishRecord,
    IndividualRecord,
    LeaderboardRow,
    Lease,
    NodeRecord,
    Page,
    SearchRecord,
    Statistics,
    TrialRecord,
)
from backprop_evo.records.training import TrainResult
from backprop_evo.store import (
    decisions,
    events,
    leaderboard,
    losses,
    migrations,
    nodes,
    searches,
    statistics,
    trials,
)
from backprop_evo.store.engine import Database


class SqlStore:
    """``Store`` (see ``base.py``) over SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._write = database.write
        self._read = database.read

    def add_search(
        self, spec: SearchSpec, *, now: datetime, idempotency_key: str | None = None
    ) -> SearchRecord:
        try:
            with self._write() as connection:
                return searches.add_search(connection, spec, now=now, idempotency_key=idempotency_key)
        except IntegrityError:  # the same key at the same moment: the other request's search is there now
            with self._write() as connection:
                return searches.add_search(connection, spec, now=now, idempotency_key=idempotency_key)

    def search(self, search_id: str) -> SearchRecord:
        with self._read() as connection:
            return searches.get_search(connection, search_id)

    def searches(
        self, *, state: SearchState | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[SearchRecord]:
        with self._read() as connection:
            return searches.list_searches(connection, state=state, cursor=cursor, limit=limit)

    def move_search(
        self,
        search_id: str,
        to: SearchState,
        *,
        now: datetime,
        expected_version: int | None = None,
        reason: str | None = None,
    ) -> SearchRecord:
        with self._write() as connection:
            return searches.move_search(
                connection, search_id, to, now=now, expected_version=expected_version, reason=reason
            )

    def extend_search(self, search_id: str, *, trials: int, now: datetime) -> SearchRecord:
        with self._write() as connection:
            return searches.extend_search(connection, search_id, trials=trials, now=now)

    def claim_search(self, controller: str, *, lease_s: float, now: datetime) -> SearchRecord | None:
        with self._write() as connection:
            return searches.claim_search(connection, controller, lease_s=lease_s, now=now)

    def renew_search_claim(self, search_id: str, controller: str, *, lease_s: float, now: datetime) -> bool:
        with self._write() as connection:
            return searches.renew_search_claim(connection, search_id, controller, lease_s=lease_s, now=now)

    def release_search_claim(self, search_id: str, controller: str) -> None:
        with self._write() as connection:
            searches.release_search_claim(connection, search_id, controller)

    def record_decisions(
        self,
        search_id: str,
        controller: str,
        individuals: Sequence[IndividualRecord],
        trials: Sequence[TrialRecord],
        *,
        now: datetime,
    ) -> None:
        with self._write() as connection:
            decisions.record_decisions(connection, search_id, controller, individuals, trials, now=now)

    def individuals(
        self, search_id: str, *, after: int = -1, limit: int | None = None
    ) -> Sequence[IndividualRecord]:
        with self._read() as connection:
            return decisions.list_individuals(connection, search_id, after=after, limit=limit)

    def finished_trials(self, search_id: str, *, after: int = 0) -> Sequence[TrialRecord]:
        with self._read() as connection:
            return decisions.finished_trials(connection, search_id, after=after)

    def finishes(self, search_id: str, *, after: int = 0) -> Sequence[FinishRecord]:
        with self._read() as connection:
            return decisions.finishes(connection, search_id, after=after)

    def open_trials(self, search_id: str) -> Sequence[TrialRecord]:
        with self._read() as connection:
            return decisions.open_trials(connection, search_id)

    def trial(self, trial_id: str) -> TrialRecord:
        with self._read() as connection:
            return trials.get_trial(connection, trial_id)

    def attempts(self, trial_id: str) -> Sequence[AttemptRecord]:
        with self._read() as connection:
            return trials.list_attempts(connection, trial_id)

    def claim_trial(self, trial_id: str, worker: str, *, lease_s: float, now: datetime) -> Lease | None:
        with self._write() as connection:
            return trials.claim_trial(connection, trial_id, worker, lease_s=lease_s, now=now)

    def start_trial(self, lease: Lease, *, now: datetime) -> bool:
        with self._write() as connection:
            return trials.start_trial(connection, lease, now=now)

    def renew_lease(
        self, lease: Lease, *, lease_s: float, now: datetime, progress: Mapping[str, float] | None = None
    ) -> bool:
        with self._write() as connection:
            return trials.renew_lease(connection, lease, lease_s=lease_s, now=now, progress=progress)

    def finish_trial(self, lease: Lease, result: TrainResult, *, now: datetime) -> bool:
        with self._write() as connection:
            return trials.finish_trial(connection, lease, result, now=now)

    def release_trial(self, lease: Lease, *, now: datetime, reason: str, retry: bool) -> bool:
        with self._write() as connection:
            return trials.release_trial(connection, lease, now=now, reason=reason, retry=retry)

    def unsent_trials(self, *, queued_before: datetime, limit: int = 1000) -> Sequence[str]:
        with self._read() as connection:
            return trials.unsent_trials(connection, queued_before=queued_before, limit=limit)

    def touch_sent(self, trial_ids: Sequence[str], *, now: datetime) -> None:
        with self._write() as connection:
            trials.touch_sent(connection, trial_ids, now=now)

    def lose_trial(self, lease: Lease, *, now: datetime, reason: str, policy: RetryPolicy) -> bool:
        with self._write() as connection:
            return losses.lose_trial(connection, lease, now=now, reason=reason, policy=policy)

    def expire_leases(self, *, now: datetime, policy: RetryPolicy) -> Sequence[str]:
        with self._write() as connection:
            return losses.expire_leases(connection, now=now, policy=policy)

    def trials(
        self,
        search_id: str,
        *,
        state: TrialState | None = None,
        purpose: Purpose | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[TrialRecord]:
        with self._read() as connection:
            return leaderboard.list_trials(
                connection, search_id, state=state, purpose=purpose, cursor=cursor, limit=limit
            )

    def trials_of_behaviour(
        self, fingerprint: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[TrialRecord]:
        with self._read() as connection:
            return leaderboard.trials_of_behaviour(connection, fingerprint, cursor=cursor, limit=limit)

    def leaderboard(
        self, search_id: str | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[LeaderboardRow]:
        with self._read() as connection:
            return leaderboard.list_standings(connection, search_id, cursor=cursor, limit=limit)

    def events(
        self, *, after: int = 0, search_id: str | None = None, limit: int = 500
    ) -> Sequence[EventRecord]:
        with self._read() as connection:
            return events.list_events(connection, after=after, search_id=search_id, limit=limit)

    def last_event(self) -> int:
        with self._read() as connection:
            return events.last_event(connection)

    def baseline(self, search_id: str) -> LeaderboardRow | None:
        with self._read() as connection:
            return leaderboard.get_baseline(connection, search_id)

    def beat(self, node: NodeRecord) -> None:
        with self._write() as connection:
            nodes.beat(connection, node)

    def nodes(self, *, seen_after: datetime) -> Sequence[NodeRecord]:
        with self._read() as connection:
            return nodes.list_nodes(connection, seen_after=seen_after)

    def statistics(self) -> Statistics:
        with self._read() as connection:
            return statistics.count_all(connection)

    def is_ready(self) -> bool:
        return migrations.is_current(self.database)

    def close(self) -> None:
        self.database.close()


def open_store(url: str) -> SqlStore:
    """The store at a SQLAlchemy URL; connects on first use. Raises ``InvalidSettings`` for other URLs."""
    return SqlStore(Database(url))
