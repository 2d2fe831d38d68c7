"""Lists go by an index on both databases, however many trials there are: asked of the planner, not of a
clock."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, insert, text, update

from backprop_evo.records.callers import AuditFilter
from backprop_evo.records.choosing import RowChoice, TrialChoice, TrialOrder
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult
from backprop_evo.store.caller_tables import AUDIT
from backprop_evo.store.sql import SqlStore
from backprop_evo.store.tables import ATTEMPTS, EVENTS, INDIVIDUALS, LEADERBOARD, SEARCHES, TRIALS

MANY = 3000
NONE = {"validation_accuracy": None, "wall_time_s": None}


def fill(store: SqlStore, search_id: str, now: Any) -> None:
    """Many search trials that completed, one baseline at the beginning, one failure in the middle."""
    common = {"search_id": search_id, "equation": "g", "fingerprint": "f"}
    proposed = {"origin": "random", "canonical": "g", "finishes_known": 0, "created_at": now}
    trained = {"spec": "{}", "seed": 1, "fence": 1, "created_at": now, "queued_at": now}
    individuals = [{"number": n, **common, **proposed} for n in range(MANY)]
    trials = [
        {
            "id": f"{search_id}.{n}",
            "individual": n,
            "purpose": "baseline" if n == 0 else "search",
            "state": "failed" if n == MANY // 2 else "completed",
            "finish_order": n + 1,
            # The first half has numbers to be sorted by.
            **({"validation_accuracy": n % 97 / 97, "wall_time_s": 1.0 + n % 89} if n < MANY // 2 else NONE),
            **common,
            **trained,
        }
        for n in range(MANY)
    ]
    attempts = [
        {"trial_id": each["id"], "fence": 1, "worker": "w", "started_at": now, "outcome": each["state"]}
        for each in trials
    ]
    acts = [
        {"at": now, "caller": f"k{n % 50}", "label": "l", "address": "", "request_id": "", "verb": "v"}
        | {"target": f"searches/{n}", "outcome": "done", "detail": ""}
        for n in range(MANY)
    ]
    with store.database.write() as connection:
        for table, rows in (
            (INDIVIDUALS, individuals),
            (TRIALS, trials),
            (ATTEMPTS, attempts),
            (AUDIT, acts),
        ):
            connection.execute(insert(table), rows)
        ended = update(SEARCHES).where(SEARCHES.c.id == search_id)
        connection.execute(ended.values(finishes=MANY, trials_done=MANY))
        connection.execute(text("ANALYZE"))


def fill_leaderboard(store: SqlStore, search_id: str) -> None:
    """A row for each of them, the later the better."""
    row = {"search_id": search_id, "equation": "g", "is_baseline": False, "setting_id": "some", "tier": 1}
    zeros = ("train_time_s", "validation_mean", "validation_m2", "test_mean", "test_m2")
    counts = ("search_n", "validation_n", "test_n")
    rows = [
        {**row, "individual": n, "fingerprint": f"behaviour {n}"}
        | {"rank_key": -n / MANY, "search_fitness": n / MANY}
        | dict.fromkeys(zeros, 0.0)
        | dict.fromkeys(counts, 1)
        for n in range(MANY)
    ]
    with store.database.write() as connection:
        connection.execute(insert(LEADERBOARD), rows)
        connection.execute(text("ANALYZE"))


def plan_of(store: SqlStore, asked: Callable[[], object], *, written: str | None = None) -> str:
    """How the database carries out what is asked; or what is done to the table ``written``."""
    heard: list[tuple[str, Any]] = []
    engine = store.database.reader if written is None else store.database.writer

    def hear(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if written in statement if written is not None else statement.startswith("SELECT"):
            heard.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        asked()
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    explain = "EXPLAIN QUERY PLAN " if store.database.is_sqlite else "EXPLAIN "
    with store.database.read() as connection:
        plans = [connection.exec_driver_sql(explain + each, values).all() for each, values in heard]
    return "\n".join(str(row[-1]) for plan in plans for row in plan)


@pytest.fixture
def filled(scene) -> tuple[SqlStore, str]:
    search = scene.search()
    fill(scene.store, search.id, scene.now)
    return scene.store, search.id


def test_trials_by_purpose_and_by_state_are_found_without_a_walk(filled) -> None:
    store, search_id = filled
    for index, wanted in (
        ("ix_trials_search_id_purpose_row", {"purpose": Purpose.BASELINE}),
        ("ix_trials_ended", {"state": TrialState.FAILED}),
        ("ix_trials_open", {"state": TrialState.QUEUED}),
    ):
        plan = plan_of(store, lambda: store.trials.page(search_id, choice=TrialChoice(**wanted)))  # noqa: B023
        assert index in plan, (wanted, plan)
        assert "TEMP B-TREE" not in plan, plan


def test_the_best_and_the_longest_are_found_without_sorting_all(filled) -> None:
    store, search_id = filled
    for order, index in ((TrialOrder.BEST, "ix_trials_best"), (TrialOrder.LONGEST, "ix_trials_longest")):
        choice = TrialChoice(order=order)
        first = store.trials.page(search_id, choice=choice, limit=5)
        for cursor in (None, first.next_cursor):
            plan = plan_of(
                store,
                lambda: store.trials.page(search_id, choice=choice, cursor=cursor, limit=5),  # noqa: B023
            )
            assert index in plan, (order, plan)
            assert "TEMP B-TREE" not in plan, plan
            assert "Sort" not in plan, plan


def test_a_leaderboard_is_a_range_of_an_index_whatever_is_left_out(filled) -> None:
    store, search_id = filled
    fill_leaderboard(store, search_id)
    for index, asked in (
        ("ix_standings_search_ranking", {"search_id": search_id}),
        ("ix_standings_setting_ranking", {"setting_id": "some"}),
    ):
        plan = plan_of(store, lambda: store.leaderboard.page(**asked))  # noqa: B023
        assert index in plan, plan
        assert "TEMP B-TREE" not in plan, plan
        assert "Sort" not in plan, plan
    found = store.leaderboard.page(search_id, choice=RowChoice(text="g"), limit=3)
    assert [(each.rank, each.individual) for each in found.items] == [(n, MANY - n) for n in (1, 2, 3)]
    plan = plan_of(store, lambda: store.leaderboard.page(search_id, choice=RowChoice(confirmed=True)))
    assert "WindowAgg" not in plan, plan


def test_what_is_measured_again_finds_its_row_and_the_best_without_a_walk(filled, scene) -> None:
    store, search_id = filled
    fill_leaderboard(store, search_id)
    best = MANY - 1
    again = scene.trial(store.searches.get(search_id), of=best, purpose=Purpose.REMEASUREMENT, suffix="m")
    worse = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.0)
    lease = scene.running(again)
    plan = plan_of(store, lambda: store.trials.finish(lease, worse, now=scene.now), written="standings")
    for index in ("ix_standings_search_id_fingerprint", "ix_standings_search_ranking"):
        assert index in plan, plan
    for walk in ("SCAN standings", "Seq Scan", "TEMP B-TREE", "Sort", "(search_id=?)"):
        assert walk not in plan, plan
    assert store.searches.get(search_id).best_fitness == (MANY - 2) / MANY


@pytest.mark.parametrize("order", [TrialOrder.NEWEST, TrialOrder.OLDEST])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_trials_by_row_are_found_by_their_search_wherever_it_lies(scene, order, place) -> None:
    """The primary key has that order too: sorted by it, all trials before those of the search are read."""
    searches = [scene.search().id for _ in range(3)]
    for each in searches:
        fill(scene.store, each, scene.now)
    store, search_id = scene.store, searches[place]
    choice = TrialChoice(order=order)
    first = store.trials.page(search_id, choice=choice, limit=5)
    assert {each.search_id for each in first.items} == {search_id}
    for cursor in (None, first.next_cursor):
        plan = plan_of(store, lambda: store.trials.page(search_id, choice=choice, cursor=cursor))  # noqa: B023
        assert "ix_trials_search_id_row" in plan, plan
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
    completed = TrialChoice(order=order, state=TrialState.COMPLETED)
    assert "ix_trials_ended" in plan_of(store, lambda: store.trials.page(search_id, choice=completed))


def test_events_of_a_search_are_found_without_those_of_others(scene) -> None:
    store, wanted = scene.store, scene.search().id
    common = {"kind": "trial.completed", "at": scene.now, "payload": "{}"}
    rows = [{"search_id": f"other {n % 3}", **common} for n in range(MANY)]
    with store.database.write() as connection:
        connection.execute(insert(EVENTS), [*rows, {"search_id": wanted, **common}, *rows])
        connection.execute(text("ANALYZE"))
    for search_id in (wanted, "other 1"):
        plan = plan_of(store, lambda: store.events.after(search_id=search_id))  # noqa: B023
        assert "ix_events_search_id_id" in plan, plan
        assert "TEMP B-TREE" not in plan, plan
    assert [each.kind for each in store.events.after(search_id=wanted)][-1] == "trial.completed"


def test_what_counters_know_is_not_counted(filled) -> None:
    store, _ = filled
    plan = plan_of(store, store.statistics.count)
    assert ("ix_trials_state (state=?)" if store.database.is_sqlite else "ix_trials_open") in plan, plan
    for asked in (
        store.leaderboard.settings,
        lambda: store.leaderboard.page(choice=RowChoice(model="wrn-10-1")),
        lambda: store.statistics.times_in("some"),
    ):
        assert "setting_results" in plan_of(store, asked)


def test_what_they_find_is_what_there_is(filled) -> None:
    store, search_id = filled
    (baseline,) = store.trials.page(search_id, choice=TrialChoice(purpose=Purpose.BASELINE)).items
    (failed,) = store.trials.page(search_id, choice=TrialChoice(state=TrialState.FAILED)).items
    assert (baseline.individual, failed.individual) == (0, MANY // 2)
    assert store.trials.page(search_id, choice=TrialChoice(state=TrialState.QUEUED)).items == ()
    assert (
        len(store.trials.page(search_id, choice=TrialChoice(state=TrialState.COMPLETED), limit=1000).items)
        == 1000
    )


def test_failures_are_counted_by_the_index_of_failures(filled) -> None:
    store, _ = filled
    plan = plan_of(store, store.monitoring.load)
    assert "ix_attempts_failed" in plan, plan
    assert "ix_trials_open" in plan, plan
    assert store.monitoring.load().failed_attempts == {"failed": 1}


def test_the_audit_trail_of_one_key_and_of_one_thing_goes_by_an_index(filled) -> None:
    store, _ = filled
    for index, wanted in (
        ("ix_audit_target_id", AuditFilter(target="searches/7")),
        ("ix_audit_caller_id", AuditFilter(caller="nobody")),
    ):
        plan = plan_of(store, lambda: store.audit.page(wanted))  # noqa: B023
        assert index in plan, plan
