"""A million trials, or a hundred thousand: what people and the controller ask for stays quick."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter

from fastapi.testclient import TestClient

from api.app import create_app
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult
from backprop_evo.service.driving import drive_once, load_progress
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore, open_store
from benchmarks.percentiles import percentile
from tests.chaos.clocks import CPU, Clock, clock_of
from tests.chaos.seeding import CONTROLLER, Seeded, seed
from tests.chaos.setting import SQLITE, Setting, case
from tests.chaos.table import Row

LIST_MS, STEP_MS, REBUILD_S = 50.0, 20.0, 10.0
#: What hardly any equation has is looked for in all of a search; no index holds texts of any length.
RARE, RARE_MS = "trials with no such text", 250.0
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Times:
    """Of the same call many times, in milliseconds."""

    of: str
    median: float
    p95: float

    def __str__(self) -> str:
        return f"{self.of} {self.p95:.1f} (median {self.median:.1f})"


def times_of(name: str, call: Callable[[], object], rounds: int, clock: Clock) -> Times:
    """After one call that warms caches."""
    call()
    taken = []
    for _ in range(rounds):
        began = clock()
        call()
        taken.append(1000 * (clock() - began))
    return Times(name, statistics.median(taken), percentile(taken, 95))


@case("sizes")
def sizes(setting: Setting) -> Iterator[Row]:
    usual = 100_000 if setting.database.kind == SQLITE else 1_000_000
    trials = setting.size or int(setting.long_or_short(usual, 3000))
    rounds = int(setting.long_or_short(ROUNDS, 4))
    store = open_store(setting.database.url)
    try:
        setting.tell(f"writing {trials} trials")
        began = perf_counter()
        seeded = seed(store, trials)
        setting.tell(f"written in {perf_counter() - began:.0f} s")
        lists = _lists(setting, store, seeded, rounds)
        yield _quick(setting, trials, [each for each in lists if each.of != RARE])
        yield _rare(setting, seeded, next(each for each in lists if each.of == RARE))
        yield _rebuild(setting, store, seeded)
        yield _step(setting, store, seeded, rounds)
    finally:
        store.close()


def _quick(setting: Setting, trials: int, lists: Sequence[Times]) -> Row:
    worst = max(lists, key=lambda each: each.p95)
    slow = [str(each) for each in lists if each.p95 > LIST_MS]
    return setting.row(
        f"{trials:,} trials: p95 of every list, filter and leaderboard at most {LIST_MS:g} ms{_by(setting)}",
        f"of {len(lists)} requests the slowest, ms: {'; '.join(slow) or worst}",
        not slow,
    )


def _rare(setting: Setting, seeded: Seeded, times: Times) -> Row:
    return setting.row(
        f"a text that none of a search's {seeded.trials_each:,} trials has: p95 at most {RARE_MS:g} ms"
        f"{_by(setting)}",
        f"{times.p95:.1f} ms (median {times.median:.1f})",
        times.p95 <= RARE_MS,
    )


def _by(setting: Setting) -> str:
    return " of processor time" if setting.clock == CPU else ""


def _lists(setting: Setting, store: SqlStore, seeded: Seeded, rounds: int) -> Sequence[Times]:
    """Through the application, from request to JSON."""
    options = Settings(home=setting.folder, database_url=setting.database.url, rate_limit=0)
    found, clock = [], clock_of(setting.clock, setting.database)
    with TestClient(create_app(options, store), base_url="http://127.0.0.1") as client:
        gc.freeze()  # as the server does before its first request
        for name, path in paths(client, seeded).items():

            def ask(path: str = path) -> None:
                answer = client.get(path)
                assert answer.status_code == 200, (path, answer.text[:200])

            found.append(times_of(name, ask, rounds, clock))
            setting.tell(str(found[-1]))
    return found


def paths(client: TestClient, seeded: Seeded) -> dict[str, str]:
    """Every list that grows with trials, its filters, and pages from its middle."""
    v1, search = "/api/v1", f"/api/v1/searches/{seeded.runs}"
    # The first one: of an order by row the other searches' trials all lie on one side of its own.
    old = f"{v1}/searches/{seeded.ended[0]}"
    middle = _middle(client, f"{search}/leaderboard?limit=500")
    return {
        "searches": f"{v1}/searches",
        "searches by state": f"{v1}/searches?state=completed",
        "a search": search,
        "trials": f"{search}/trials",
        **{f"trials, {sort}": f"{search}/trials?sort={sort}" for sort in ("oldest", "best", "longest")},
        **{
            f"trials {state}": f"{search}/trials?state={state}"
            for state in ("completed", "failed", "running", "lost")
        },
        **{f"old trials, {sort}": f"{old}/trials?sort={sort}" for sort in ("newest", "oldest")},
        **{f"old trials {state}": f"{old}/trials?state={state}" for state in ("completed", "failed", "lost")},
        "best completed trials": f"{search}/trials?sort=best&state=completed",
        "trials, baseline": f"{search}/trials?purpose=baseline",
        "trials with fro": f"{search}/trials?component=fro",
        "trials with a text": f"{search}/trials?text=bn(",
        "trials with no such text": f"{search}/trials?text=nothing",
        "individuals": f"{search}/individuals",
        "ancestry": f"{search}/individuals/{seeded.trials_each - 1}/ancestry",
        "leaderboard of a search": f"{search}/leaderboard",
        "leaderboard, from its middle": f"{search}/leaderboard?cursor={middle}",
        "leaderboard, confirmed": f"{search}/leaderboard?confirmed=true",
        "leaderboard with fro": f"{search}/leaderboard?component=fro",
        "leaderboard over all": f"{v1}/leaderboard",
        "leaderboard of a setting": f"{v1}/leaderboard?setting={seeded.setting}",
        "leaderboard by model": f"{v1}/leaderboard?model=wrn-16-2",
        "leaderboard over all, confirmed": f"{v1}/leaderboard?confirmed=true",
        "settings": f"{v1}/leaderboard/settings",
        "one setting": f"{v1}/leaderboard/settings/{seeded.setting}",
        "one trial": f"{v1}/trials/{seeded.runs}.{seeded.trials_each // 2}",
        "stages": f"{search}/stages",
        "evaluations": f"{v1}/evaluations",
        "nodes": f"{v1}/nodes",
        "pool": f"{v1}/pool",
        "audit": f"{v1}/audit",
        "metrics": "/metrics",
    }


def _middle(client: TestClient, path: str, pages: int = 5) -> str:
    cursor = ""
    for _ in range(pages):
        answer = client.get(f"{path}&cursor={cursor}").json()
        cursor = answer["next_cursor"] or cursor
    return cursor


def _rebuild(setting: Setting, store: SqlStore, seeded: Seeded) -> Row:
    clock = clock_of(setting.clock, setting.database)
    began = clock()
    load_progress(store, store.searches.get(seeded.runs))
    seconds = clock() - began
    return setting.row(
        f"a controller rebuilds a search of {seeded.trials_each:,} trials within {REBUILD_S:g} s"
        f"{_by(setting)}",
        f"{seconds:.1f} s",
        seconds <= REBUILD_S,
    )


def _step(setting: Setting, store: SqlStore, seeded: Seeded, rounds: int) -> Row:
    """One step hears one finish and decides what follows it, with all that is stored beside it."""
    search, now = store.searches.get(seeded.runs), datetime.now(UTC)
    progress, decisions = drive_once(store, search, CONTROLLER, None, now=now)
    result = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.5, wall_time_s=1.0)
    taken: list[float] = []
    clock = clock_of(setting.clock, setting.database)
    for _ in range(rounds):
        now += timedelta(seconds=1)
        waiting = store.trials.open(search.id)
        lease = store.trials.claim(waiting[0].id, "node/1/0", lease_s=60, now=now)
        assert lease is not None
        store.trials.start(lease, now=now)
        store.trials.finish(lease, result, now=now)
        began = clock()
        progress, decisions = drive_once(store, search, CONTROLLER, progress, now=now)
        taken.append(1000 * (clock() - began))
        assert decisions.individuals
    median, p95 = statistics.median(taken), percentile(taken, 95)
    return setting.row(
        f"a step of the controller beside {seeded.trials_each:,} trials takes at most {STEP_MS:g} ms"
        f"{_by(setting)}",
        f"median {median:.1f} ms, p95 {p95:.1f} ms",
        median <= STEP_MS,
    )
