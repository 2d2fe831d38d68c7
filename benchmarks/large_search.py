"""A running search of many trials; ``pages.py`` looks at it.

Equations are drawn by the real language and varied by the real operators, so that formulas, components and
lineage are those of a search; what a training would have found is drawn, and one in eight diverges. The first
trials go through the store's door. The others are copies of these under numbers of their own, made inside the
database: one by one, 100,000 would take most of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import Connection, String, Table, cast, delete, func, insert, select, update

from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Origin, SearchRecord, TrialRecord
from backprop_evo.records.training import CurvePoint, TrainResult, TrainSpec
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.store.endings import end_trial, lock_with_search
from backprop_evo.store.sql import SqlStore
from backprop_evo.store.tables import (
    ATTEMPTS,
    ENDED_TRIALS,
    INDIVIDUALS,
    LEADERBOARD,
    SEARCHES,
    SETTING_RESULTS,
    TRIALS,
)

NAME = "bench"
#: Trials that are told one by one, at the beginning and at the end, and the equations drawn for them.
TOLD, DRAWN = 1_000, 600
WORKERS = 16
TRAINED_S = 15.0
#: Columns that count trials, and those of what they came to.
SHIFTED = ("number", "individual", "parent", "finishes_known", "finish_order")
MEASURED = ("validation_accuracy", "search_fitness", "validation_mean")
#: No two copies of a trial have the same accuracy.
APART = 1e-9


@dataclass
class LargeSearch:
    """One search and what plays its controller and its workers; ``trials`` is how many it has."""

    store: SqlStore
    search: SearchRecord
    began: datetime
    trials: int = 0
    generator: Random = field(default_factory=lambda: Random(7))
    drawn: list[tuple[object, str, Origin]] = field(default_factory=list)

    @classmethod
    def submitted(cls, store: SqlStore, count: int) -> LargeSearch:
        """Without a trial yet; it began so long ago as ``count`` trials take."""
        began = datetime.now(UTC) - timedelta(seconds=count * TRAINED_S / WORKERS)
        train = TrainSpec(model="wrn-10-1", data="cifar10-mini", epochs=4.0, learning_rate=0.1)
        store.searches.add(SearchSpec(name="a long search", trials=2 * count, train=train), now=began)
        search = store.searches.claim(NAME, lease_s=1e9, now=began)
        assert search is not None
        made = cls(store, search, began)
        made._draw(SearchLanguage(search.spec))
        return made

    @classmethod
    def found(cls, store: SqlStore) -> LargeSearch:
        """The one that a home of an earlier run holds."""
        search = store.searches.page().items[0]
        made = cls(store, search, search.created_at, store.individuals.count(search.id), Random(8))
        made._draw(SearchLanguage(search.spec))
        return made

    def _draw(self, language: SearchLanguage) -> None:
        for _ in range(DRAWN // 2):
            first = language.draw(self.generator)
            text = first.method.equation or "g"
            child, change = language.vary(text, self.generator, lambda text=text: text)
            self.drawn += [(first, "", Origin.RANDOM), (child, change, Origin.MUTATION)]
        self.baseline = language.backprop()

    def fill(self, count: int) -> None:
        """So many more trials, all ended: the first and the last told, what lies between copied."""
        told = min(TOLD, count)
        self._end(self.propose(told, self.began))
        while self.trials + told <= count - told:
            self._copy(told)
        self._end(self.propose(count - self.trials, self.began))

    def _copy(self, told: int) -> None:
        """The first ``told`` trials but backprop's once more, as those that follow."""
        shift, search = self.trials - 1, SEARCHES.c
        with self.store.database.write() as connection:
            for table in (INDIVIDUALS, TRIALS, LEADERBOARD, ATTEMPTS):
                self._copy_rows(connection, table, told, shift)
            self._count(connection)
            counted = {each: each + told - 1 for each in (search.trials_done, search.finishes)}
            connection.execute(update(SEARCHES).where(search.id == self.search.id).values(counted))
        self.trials += told - 1

    def _count(self, connection: Connection) -> None:
        """What was copied, anew; all of it has ended."""
        counted = ((ENDED_TRIALS, TRIALS.c.state), (SETTING_RESULTS, LEADERBOARD.c.setting_id))
        for counters, column in counted:
            owner = column.table.c.search_id
            query = select(owner, column, func.count()).where(owner == self.search.id).group_by(owner, column)
            connection.execute(delete(counters).where(counters.c.search_id == self.search.id))
            connection.execute(insert(counters).from_select([each.name for each in counters.c], query))

    def _copy_rows(self, connection: Connection, table: Table, told: int, shift: int) -> None:
        columns = {each.name: each for each in table.c if each.name != "row"}
        number = columns.get("number", columns.get("individual", TRIALS.c.individual))
        owner = columns.get("search_id", TRIALS.c.search_id)
        trial_id = cast(f"{self.search.id}.", String) + cast(number + shift, String)
        moved = {name: columns[name] + shift for name in SHIFTED if name in columns}
        moved |= {"fingerprint": columns["fingerprint"] + f"-{shift}"} if "fingerprint" in columns else {}
        moved |= {name: columns[name] - shift * APART for name in MEASURED if name in columns}
        moved |= {"rank_key": columns["rank_key"] + shift * APART} if "rank_key" in columns else {}
        moved |= {name: trial_id for name in ("id", "trial_id") if name in columns}
        query = select(*(moved.get(name, column) for name, column in columns.items()))
        if table is ATTEMPTS:
            query = query.join(TRIALS, TRIALS.c.id == ATTEMPTS.c.trial_id)
        query = query.where(owner == self.search.id, number.between(1, told - 1))
        connection.execute(insert(table).from_select(list(columns), query))

    def propose(self, count: int, now: datetime) -> Sequence[TrialRecord]:
        """Individuals with a queued trial each."""
        numbers = range(self.trials, self.trials + count)
        individuals = [self._individual(number, now) for number in numbers]
        queued = [self._trial(each, now) for each in individuals]
        self.store.individuals.record(self.search.id, NAME, individuals, queued, now=now)
        self.trials += count
        return queued

    def _individual(self, number: int, now: datetime) -> IndividualRecord:
        candidate, change, origin = self.generator.choice(self.drawn)
        fingerprint = f"{number:032x}"
        if number == 0:
            candidate, change, origin = self.baseline, "", Origin.BASELINE
            fingerprint = candidate.fingerprint
        return IndividualRecord(
            search_id=self.search.id,
            number=number,
            origin=origin,
            method=candidate.method,  # type: ignore[attr-defined]
            canonical=candidate.canonical,  # type: ignore[attr-defined]
            fingerprint=fingerprint,
            # As the best of a tournament among the newest: a line of thousands of ancestors.
            parent=max(0, number - self.generator.randint(1, 1000)) if origin is Origin.MUTATION else None,
            twin=None,
            mutation=change or None,
            finishes_known=number,
            created_at=now,
        )

    def _trial(self, individual: IndividualRecord, now: datetime) -> TrialRecord:
        return TrialRecord(
            id=f"{self.search.id}.{individual.number}",
            search_id=self.search.id,
            individual=individual.number,
            method=individual.method,
            fingerprint=individual.fingerprint,
            purpose=Purpose.BASELINE if individual.number == 0 else Purpose.SEARCH,
            spec=self.search.spec.train,
            seed=1,
            state=TrialState.QUEUED,
            fence=0,
            created_at=now,
            queued_at=now,
        )

    def _end(self, queued: Sequence[TrialRecord]) -> None:
        attempts = []
        with self.store.database.write() as connection:
            for trial in queued:
                ended = self.began + timedelta(seconds=(trial.individual + WORKERS) * TRAINED_S / WORKERS)
                row = lock_with_search(connection, trial.id)
                assert row is not None
                result = self.result(trial)
                end_trial(connection, row, result, ended)
                attempts.append(
                    {
                        "trial_id": trial.id,
                        "fence": 1,
                        "worker": f"node-{trial.individual % WORKERS // 4}/{trial.individual % 4}",
                        "started_at": ended - timedelta(seconds=TRAINED_S),
                        "ended_at": ended,
                        "outcome": result.outcome,
                    }
                )
            connection.execute(insert(ATTEMPTS), attempts)
            taken = {"fence": 1, "worker": "node-0/0"}
            connection.execute(update(TRIALS).where(TRIALS.c.fence == 0).values(taken))

    def result(self, trial: TrialRecord) -> TrainResult:
        """Plain backprop has 33 %; the others lie about 24 % ± 8."""
        if trial.individual and self.generator.random() < 1 / 8:
            reason = "the training loss is not a number at step 31"
            return TrainResult(outcome=TrialState.DIVERGED, reason=reason, wall_time_s=4.0)
        accuracy = 0.33 if trial.individual == 0 else min(0.6, max(0.1, self.generator.gauss(0.24, 0.08)))
        curve = tuple(
            CurvePoint(epoch / 5, 2.3 - epoch / 40, 0.1 + (accuracy - 0.1) * epoch / 20, 0.1, 0.75 * epoch)
            for epoch in range(1, 21)
        )
        return TrainResult(
            outcome=TrialState.COMPLETED,
            validation_accuracy=accuracy,
            train_loss=curve[-1].train_loss,
            learning_rate=0.1,
            epochs_done=4.0,
            curve=curve,
            wall_time_s=TRAINED_S,
            images_per_s=640.0,
            environment={"device": "cpu", "torch": "2.12.1", "threads": "1"},
        )

    def run_one(self) -> None:
        """One more trial from its proposal to its end, each step a transaction of its own, as workers do."""
        now = datetime.now(UTC)
        (trial,) = self.propose(1, now)
        lease = self.store.trials.claim(trial.id, "node-0/0", lease_s=1e9, now=now)
        assert lease is not None
        self.store.trials.start(lease, now=now)
        live = {"epoch": 2.0, "epochs": 4.0, "train_loss": 1.83, "images_per_s": 612.0, "eta_s": 7.0}
        self.store.trials.renew(lease, lease_s=1e9, now=now, progress=live)
        self.store.trials.finish(lease, self.result(trial), now=now)

    def add_nodes(self) -> None:
        """Those of the workers, heard of in the future, so that they live while anybody looks."""
        now = datetime.now(UTC)
        for number in range(WORKERS // 4):
            node = NodeRecord(
                name=f"node-{number}",
                slots=4,
                devices=("cpu",),
                code_version="0.1.0",
                started_at=self.began,
                seen_at=now + timedelta(hours=6),
                datasets=("cifar10-mini",),
                free_memory_mib=11_264,
            )
            self.store.nodes.record_heartbeat(node)
