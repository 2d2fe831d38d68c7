"""A database of many ended trials, written by statements that make their rows within the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from sqlalchemy import TextClause, bindparam, text

from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import CurvePoint, TrainResult, TrainSpec
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.store.codec import encode
from backprop_evo.store.columns import UtcDateTime
from backprop_evo.store.sql import SqlStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTROLLER = "chaos"
SEARCHES = 10
EQUATIONS = 400
CURVE = tuple(CurvePoint(epoch / 5, 2.0, 0.3, 0.1, 10.0 * epoch) for epoch in range(5))

#: A number a row, in blocks: no transaction holds a million rows.
NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT CAST(:first AS INTEGER) UNION ALL "
    "SELECT n + 1 FROM numbers WHERE n < :last)"
)
ACCURACY = "((n * 7919) % 100003) / 100003.0"
STATE = (
    "CASE WHEN n % 100 < 5 AND n > 0 THEN 'pruned' WHEN n % 100 < 8 AND n > 0 THEN 'diverged' "
    "WHEN n % 100 < 9 AND n > 0 THEN 'failed' ELSE 'completed' END"
)
PURPOSE = "CASE WHEN n = 0 THEN 'baseline' ELSE 'search' END"
BLOCK = 20_000

INDIVIDUALS = f"""
INSERT INTO individuals (search_id, number, origin, equation, canonical, fingerprint, parent, mutation,
                         finishes_known, created_at)
{NUMBERS}
SELECT CAST(:search AS TEXT), n,
       CASE WHEN n = 0 THEN 'baseline' WHEN n < 100 THEN 'random' ELSE 'mutation' END,
       equation, equation, CAST(:search AS TEXT) || '-' || CAST(n AS TEXT),
       CASE WHEN n < 100 THEN NULL ELSE n - 1 - n % 97 END,
       CASE WHEN n < 100 THEN NULL ELSE 'binary: add → mul' END, n, :now
FROM numbers JOIN chaos_equations ON chaos_equations.place = n % {EQUATIONS}"""

TRIALS = f"""
INSERT INTO trials (id, search_id, individual, equation, fingerprint, purpose, spec, seed, state, fence,
                    created_at, queued_at, sent_at, started_at, ended_at, worker, finish_order,
                    validation_accuracy, relative_step, wall_time_s, result)
{NUMBERS}
SELECT CAST(:search AS TEXT) || '.' || CAST(n AS TEXT), CAST(:search AS TEXT), n, equation,
       CAST(:search AS TEXT) || '-' || CAST(n AS TEXT), {PURPOSE}, :spec, 1, {STATE}, 1,
       :now, :now, :now, :now, :now, 'node' || CAST(n % 8 AS TEXT) || '/1/0', n + 1,
       {ACCURACY}, 0.03, 1.0 + n % 60, :result
FROM numbers JOIN chaos_equations ON chaos_equations.place = n % {EQUATIONS}"""

ATTEMPTS = f"""
INSERT INTO attempts (trial_id, fence, worker, started_at, ended_at, outcome)
{NUMBERS}
SELECT CAST(:search AS TEXT) || '.' || CAST(n AS TEXT), 1, 'node' || CAST(n % 8 AS TEXT) || '/1/0',
       :now, :now, {STATE} FROM numbers"""

STANDINGS = f"""
INSERT INTO standings (search_id, individual, equation, fingerprint, is_baseline, setting_id, tier, rank_key,
                       search_fitness, search_n, learning_rate, train_time_s, search_m2, is_yardstick,
                       is_control, validation_n, validation_mean, validation_m2, test_n, test_mean, test_m2)
{NUMBERS}
SELECT CAST(:search AS TEXT), n, equation,
       CAST(:search AS TEXT) || '-' || CAST(n AS TEXT), n = 0, :setting, 1,
       -{ACCURACY}, {ACCURACY}, 1, 0.1, 1.0, 0.0, n < 0,
       n < 0, 0, 0.0, 0.0, 0, 0.0, 0.0
FROM numbers JOIN chaos_equations ON chaos_equations.place = n % {EQUATIONS}
WHERE {STATE} = 'completed'"""

EVENTS = f"""
INSERT INTO events (search_id, kind, at, payload)
{NUMBERS}
SELECT CAST(:search AS TEXT), 'trial.completed', :now, '{{"trial":"' || CAST(n AS TEXT) || '"}}'
FROM numbers"""


COUNTERS = (
    "INSERT INTO ended_trials (search_id, state, number) "
    "SELECT search_id, state, count(*) FROM trials WHERE search_id = :search GROUP BY search_id, state",
    "INSERT INTO setting_results (search_id, setting_id, number) SELECT search_id, setting_id, count(*) "
    "FROM standings WHERE search_id = :search GROUP BY search_id, setting_id",
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """``ended`` searches and one that ``runs``, each of as many trials."""

    ended: tuple[str, ...]
    runs: str
    trials_each: int
    setting: str


def seed(store: SqlStore, trials: int) -> Seeded:
    """``trials`` in all, over ten searches of two settings."""
    each = max(100, trials // SEARCHES)
    _write_equations(store)
    ids = []
    for number in range(SEARCHES):
        train = TrainSpec(epochs=1.0 + number % 2, learning_rate=0.1)
        spec = SearchSpec(name=f"search {number}", trials=2 * each, train=train)
        store.searches.add(spec, now=NOW)
        claimed = store.searches.claim(CONTROLLER, lease_s=10**8, now=NOW)
        assert claimed is not None
        _write_search(store, claimed.id, train, each, runs=number == SEARCHES - 1)
        ids.append(claimed.id)
    with store.database.write() as connection:
        connection.execute(text("DROP TABLE chaos_equations"))
        connection.execute(text("ANALYZE"))
    _vacuum(store)
    return Seeded(tuple(ids[:-1]), ids[-1], each, setting_id(train))


def _vacuum(store: SqlStore) -> None:
    """What a server does by itself within minutes of so many new rows: mark the pages of which an index may
    answer alone. Before that, and while it does so, nothing is timed."""
    if store.database.is_sqlite:
        return
    with store.database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
        connection.execute(text("CHECKPOINT"))


def _write_equations(store: SqlStore) -> None:
    language, generator = SearchLanguage(SearchSpec(name="any")), Random(0)
    texts = ["g"]
    while len(texts) < EQUATIONS:
        texts.append(str(language.draw(generator).method.equation))
    with store.database.write() as connection:
        connection.execute(text("CREATE TABLE chaos_equations (place INTEGER PRIMARY KEY, equation TEXT)"))
        connection.execute(
            text("INSERT INTO chaos_equations VALUES (:place, :equation)"),
            [{"place": place, "equation": each} for place, each in enumerate(texts)],
        )


def _write_search(store: SqlStore, search_id: str, train: TrainSpec, trials: int, *, runs: bool) -> None:
    result = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.5, curve=CURVE, wall_time_s=60.0)
    common = {
        "search": search_id,
        "spec": encode(train),
        "result": encode(result),
        "setting": setting_id(train),
        "now": NOW,
    }
    for first in range(0, trials, BLOCK):
        block = {**common, "first": first, "last": min(trials, first + BLOCK) - 1}
        with store.database.write() as connection:
            for statement in (INDIVIDUALS, TRIALS, ATTEMPTS, STANDINGS, EVENTS):
                connection.execute(
                    _timed(statement), {n: v for n, v in block.items() if f":{n}" in statement}
                )
    state = "state = state" if runs else "state = 'completed', ended_at = :now"
    with store.database.write() as connection:
        for statement in COUNTERS:
            connection.execute(text(statement), {"search": search_id})
        connection.execute(
            _timed(
                f"UPDATE searches SET {state}, started_at = :now, finishes = :n, trials_done = :n, "
                "best_fitness = 0.99 WHERE id = :search"
            ),
            {"n": trials, "now": NOW, "search": search_id},
        )


def _timed(statement: str) -> TextClause:
    """With its time bound as columns are."""
    wanted = text(statement)
    return wanted.bindparams(bindparam("now", type_=UtcDateTime())) if ":now" in statement else wanted
