"""How long reading and writing take with a search of many trials: ``python benchmarks/store.py [trials]
[url]``.

Prints medians over 20 calls. Writing is measured through the store's own methods, one transaction a call.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import perf_counter

from backprop_evo.evaluation.planning import Plan
from backprop_evo.records.evaluating import MAX_SEEDS, EvaluationSpec, setting_id
from backprop_evo.records.methods import equation_method
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import (
    Purpose,
    SearchSpec,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import EvaluationRecord, IndividualRecord, Origin, SearchRecord, TrialRecord
from backprop_evo.records.training import (
    CurvePoint,
    TrainResult,
)
from backprop_evo.search.brain import Decisions
from backprop_evo.service import Service
from backprop_evo.store import migrations
from backprop_evo.store.endings import end_trial, lock_with_search
from backprop_evo.store.sql import SqlStore, open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CURVE = tuple(CurvePoint(epoch / 5, 2.0, 0.3, 0.1, 10.0 * epoch) for epoch in range(20))


def decisions(
    search: SearchRecord, first: int, count: int
) -> tuple[list[IndividualRecord], list[TrialRecord]]:
    individuals, queued = [], []
    for number in range(first, first + count):
        individuals.append(
            IndividualRecord(
                search_id=search.id,
                number=number,
                origin=Origin.MUTATION,
                method=equation_method("g / fro(g)"),
                canonical="g / fro(g)",
                fingerprint=f"{number:032x}",
                parent=0,
                twin=None,
                mutation="binary: add → mul",
                finishes_known=number,
                created_at=NOW,
            )
        )
        queued.append(
            TrialRecord(
                id=f"{search.id}.{number}",
                search_id=search.id,
                individual=number,
                method=equation_method("g / fro(g)"),
                fingerprint=f"{number:032x}",
                purpose=Purpose.BASELINE if number == 0 else Purpose.SEARCH,
                spec=search.spec.train,
                seed=1,
                state=TrialState.QUEUED,
                fence=0,
                created_at=NOW,
                queued_at=NOW,
            )
        )
    return individuals, queued


def fill(store: SqlStore, count: int) -> SearchRecord:
    """A search with ``count`` finished trials, in a few large transactions."""
    store.searches.add(SearchSpec(name="large", trials=2 * count), now=NOW)
    search = store.searches.claim("bench", lease_s=3600, now=NOW)
    assert search is not None
    generator = Random(0)
    for first in range(0, count, 1000):
        individuals, queued = decisions(search, first, min(1000, count - first))
        store.individuals.record(search.id, "bench", individuals, queued, now=NOW)
        with store.database.write() as connection:
            for trial in queued:
                row = lock_with_search(connection, trial.id)
                assert row is not None
                end_trial(connection, row, result(generator), NOW)
    return search


def filled_evaluation(store: SqlStore, count: int) -> EvaluationRecord:
    """Two methods, one setting, ``count`` trials in all at most, all of them ended."""
    seeds = min(count // 2, MAX_SEEDS)
    methods = (equation_method("g / fro(g)"),)
    store.evaluations.add(EvaluationSpec(name="wide", methods=methods, seeds=seeds), now=NOW)
    evaluation = store.evaluations.claim("bench", lease_s=3600, now=NOW)
    assert evaluation is not None
    decided, generator, plan = (
        Decisions(more=True),
        Random(0),
        Plan(evaluation.id, replace(evaluation.spec, in_flight=10_000)),
    )
    while decided.more:
        decided = plan.decide(SearchState.RUNNING, evaluation.trials_total, now=NOW)
        store.individuals.record(evaluation.id, "bench", decided.individuals, decided.trials, now=NOW)
    with store.database.write() as connection:
        for trial in store.trials.open(evaluation.id):
            row = lock_with_search(connection, trial.id)
            assert row is not None
            end_trial(connection, row, result(generator), NOW)
    return evaluation


def result(generator: Random) -> TrainResult:
    return TrainResult(
        outcome=TrialState.COMPLETED, validation_accuracy=generator.random(), curve=CURVE, wall_time_s=60.0
    )


def median_ms(call: Callable[[], object], rounds: int = 20) -> float:
    """Milliseconds, after one call that warms caches."""
    call()
    times = []
    for _ in range(rounds):
        started = perf_counter()
        call()
        times.append(1000 * (perf_counter() - started))
    return statistics.median(times)


def deep_cursor(store: SqlStore, search_id: str, count: int) -> str | None:
    cursor = None
    for _ in range(count // 2 // 1000):
        cursor = store.leaderboard.page(search_id, cursor=cursor, limit=1000).next_cursor
    return cursor


def training_life(
    store: SqlStore, search: SearchRecord, count: int, rounds: int = 100
) -> tuple[float, float]:
    """Milliseconds for one decision with its trial, and for one trial's claim, start and finish."""
    deciding = living = 0.0
    for number in range(count, count + rounds):
        started = perf_counter()
        store.individuals.record(search.id, "bench", *decisions(search, number, 1), now=NOW)
        decided = perf_counter()
        lease = store.trials.claim(f"{search.id}.{number}", "node/0", lease_s=60, now=NOW)
        assert lease is not None
        store.trials.start(lease, now=NOW)
        store.trials.finish(lease, result(Random(number)), now=NOW)
        deciding += decided - started
        living += perf_counter() - decided
    return 1000 * deciding / rounds, 1000 * living / rounds


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'bench.sqlite'}"
        migrations.upgrade(url)
        store = open_store(url)
        search = fill(store, count)
        deep = deep_cursor(store, search.id, count)
        setting = setting_id(search.spec.train)
        newest = store.events.after(limit=1)[0].id
        print(f"{count} trials on {store.database.url.get_backend_name()}, milliseconds")
        for name, call in (
            ("leaderboard, first 50", lambda: store.leaderboard.page(search.id)),
            ("leaderboard, 50 from the middle", lambda: store.leaderboard.page(search.id, cursor=deep)),
            ("leaderboard over all searches, first 50", lambda: store.leaderboard.page()),
            ("leaderboard of a setting, first 50", lambda: store.leaderboard.page(setting_id=setting)),
            ("settings with their results", lambda: store.leaderboard.settings()),
            ("plain backprop's row", lambda: store.leaderboard.baseline(search.id)),
            ("trials, newest 50 with curves", lambda: store.trials.page(search.id)),
            ("events, 500", lambda: store.events.after(newest)),
            ("a search", lambda: store.searches.get(search.id)),
            ("trials to send again", lambda: store.queue.unsent(queued_before=NOW)),
            ("leases that ran out", lambda: store.trials.expire(now=NOW, policy=RetryPolicy(max_attempts=3))),
        ):
            print(f"{name:45}{median_ms(call):9.2f}")
        evaluation = filled_evaluation(store, count)
        table = median_ms(lambda: Service(store).evaluation_table(evaluation), 5)
        print(f"{'table of an evaluation, all trials ended':45}{table:9.2f}")
        print(f"{'all individuals':45}{median_ms(lambda: store.individuals.of(search.id), 3):9.2f}")
        print(f"{'all finishes':45}{median_ms(lambda: store.trials.finishes(search.id), 3):9.2f}")
        deciding, living = training_life(store, search, count)
        print(f"{'one decision with its trial':45}{deciding:9.2f}")
        print(f"{'claim, start and finish of one trial':45}{living:9.2f}")
        store.close()


if __name__ == "__main__":
    main()
