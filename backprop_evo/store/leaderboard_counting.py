"""How finished trials come to the leaderboard: counted into its rows by the transactions that end them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from backprop_evo.records.evaluating import setting_id as setting_id_of
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Accuracies
from backprop_evo.records.training import TrainResult
from backprop_evo.search.measurements import NO_TRAINING
from backprop_evo.store.codec import decode_search_spec
from backprop_evo.store.counters import count_results
from backprop_evo.store.ranks import CONFIRMED, UNCONFIRMED
from backprop_evo.store.tables import LEADERBOARD, SEARCHES

NEW_ROW = insert(LEADERBOARD)


def accuracies_from(n: int, mean: float, m2: float) -> Accuracies:
    """``m2`` is the sum of squared deviations."""
    return Accuracies(mean=mean, std=math.sqrt(m2 / (n - 1)) if n > 1 else None, n=n)


def count_trial(connection: Connection, trial: Row[Any], result: TrainResult, spec: str) -> None:
    """Count one terminal trial of a search in, whose ``spec`` is as it is stored. Trials that did not
    complete leave no row: they have no fitness."""
    if trial.purpose == Purpose.REMEASUREMENT:
        _count_again(connection, trial, result)
        return
    if result.outcome is not TrialState.COMPLETED or result.validation_accuracy is None:
        return
    accuracy = result.validation_accuracy
    setting = _setting_of(spec)
    row = {
        "search_id": trial.search_id,
        "individual": trial.individual,
        "equation": trial.equation,
        "method": trial.method,
        "fingerprint": trial.fingerprint,
        "is_baseline": trial.purpose == Purpose.BASELINE,
        "is_yardstick": trial.purpose == Purpose.YARDSTICK,
        "setting_id": setting,
        "tier": UNCONFIRMED,
        "rank_key": -accuracy,
        "search_fitness": accuracy,
        "search_n": 1,
        "learning_rate": result.learning_rate,
        "train_time_s": result.wall_time_s,
        "validation_n": 0,
        "validation_mean": 0.0,
        "validation_m2": 0.0,
        "test_n": 0,
        "test_mean": 0.0,
        "test_m2": 0.0,
    }
    connection.execute(NEW_ROW, row)
    count_results(connection, trial.search_id, setting)


def _count_again(connection: Connection, trial: Row[Any], result: TrainResult) -> None:
    """One more measurement of a behaviour that has a row, and with it the best fitness of the search."""
    of_search = LEADERBOARD.c.search_id == trial.search_id
    here = of_search & (LEADERBOARD.c.fingerprint == trial.fingerprint) & (LEADERBOARD.c.search_n > 0)
    row = connection.execute(select(LEADERBOARD).where(here)).one_or_none()
    if row is None:  # withdrawn
        return
    values: dict[str, Any] = {"train_time_s": row.train_time_s + result.wall_time_s}
    if result.outcome is TrialState.COMPLETED and result.validation_accuracy is not None:
        apart = result.validation_accuracy - row.search_fitness
        mean = row.search_fitness + apart / (row.search_n + 1)
        m2 = row.search_m2 + apart * (result.validation_accuracy - mean)
        values |= {"search_n": row.search_n + 1, "search_fitness": mean, "search_m2": m2}
        values |= {} if row.tier == CONFIRMED else {"rank_key": -mean}
    connection.execute(update(LEADERBOARD).where(here).values(**values))
    if result.outcome in NO_TRAINING and row.tier != CONFIRMED:
        connection.execute(delete(LEADERBOARD).where(here))
        count_results(connection, trial.search_id, row.setting_id, -1)
    best = {"best_fitness": _best_fitness(connection, trial.search_id)}
    connection.execute(update(SEARCHES).where(SEARCHES.c.id == trial.search_id).values(best))


def _best_fitness(connection: Connection, search_id: str) -> float | None:
    """Of the equations that the search proposed. What is not confirmed is ranked by its fitness, so that the
    first is the best; what is confirmed is a handful."""
    row = LEADERBOARD.c
    proposed = (row.search_id == search_id, row.search_n > 0, ~row.is_baseline, ~row.is_yardstick)
    confirmed = select(func.max(row.search_fitness)).where(*proposed, row.tier == CONFIRMED)
    ranked = select(row.search_fitness).where(*proposed, row.tier == UNCONFIRMED).order_by(row.rank_key)
    found = connection.execute(select(confirmed.scalar_subquery(), ranked.limit(1).scalar_subquery())).one()
    return max((each for each in found if each is not None), default=None)


def setting_of_search(connection: Connection, search_id: str) -> str:
    """Its id. That of the search, not of the trial: which rates an equation inherits makes no setting of its
    own."""
    return _setting_of(
        connection.execute(select(SEARCHES.c.spec).where(SEARCHES.c.id == search_id)).scalar_one()
    )


@lru_cache(maxsize=256)
def _setting_of(spec: str) -> str:
    """Cached, because all trials of a search ask."""
    return setting_id_of(decode_search_spec(spec).train)
