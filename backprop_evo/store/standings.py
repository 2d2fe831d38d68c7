"""The leaderboard's numbers, brought up to date by every finished trial, so that a page is one index range.

An equation is confirmed when every confirmation trial planned for it completed: one that diverged on a new
seed does not stand on the seeds that happened to work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from backprop_evo.records.searching import Purpose
from backprop_evo.records.training import TrainResult
from backprop_evo.store.tables import STANDINGS

CONFIRMED, UNCONFIRMED = 0, 1


def record_standing(connection: Connection, trial: Row[Any], result: TrainResult, *, completed: bool) -> None:
    """Count one terminal trial. Trials that did not complete leave no row: they have no fitness."""
    if not completed or result.validation_accuracy is None:
        return
    if trial.purpose == Purpose.CONFIRMATION:
        _count_confirmation(connection, trial, result, result.validation_accuracy)
        return
    accuracy = result.validation_accuracy
    connection.execute(
        insert(STANDINGS).values(
            search_id=trial.search_id,
            individual=trial.individual,
            equation=trial.equation,
            fingerprint=trial.fingerprint,
            is_baseline=trial.purpose == Purpose.BASELINE,
            tier=UNCONFIRMED,
            rank_key=-accuracy,
            search_fitness=accuracy,
            search_n=1,
            learning_rate=result.learning_rate,
            train_time_s=result.wall_time_s,
            confirmations_planned=0,
            validation_n=0,
            validation_mean=0.0,
            validation_m2=0.0,
            test_n=0,
            test_mean=0.0,
            test_m2=0.0,
        )
    )


def _count_confirmation(
    connection: Connection, trial: Row[Any], result: TrainResult, accuracy: float
) -> None:
    this = (STANDINGS.c.search_id == trial.search_id) & (STANDINGS.c.individual == trial.individual)
    row = connection.execute(select(STANDINGS).where(this).with_for_update()).one_or_none()
    if row is None:
        return
    n, mean, m2 = welford(row.validation_n, row.validation_mean, row.validation_m2, accuracy)
    test = (row.test_n, row.test_mean, row.test_m2)
    if result.test_accuracy is not None:
        test = welford(*test, result.test_accuracy)
    confirmed = n >= row.confirmations_planned
    connection.execute(
        update(STANDINGS)
        .where(this)
        .values(
            validation_n=n,
            validation_mean=mean,
            validation_m2=m2,
            test_n=test[0],
            test_mean=test[1],
            test_m2=test[2],
            tier=CONFIRMED if confirmed else UNCONFIRMED,
            rank_key=-mean if confirmed else -row.search_fitness,
            train_time_s=row.train_time_s + result.wall_time_s,
        )
    )


def plan_confirmations(
    connection: Connection, search_id: str, individuals: Sequence[int], seeds: int
) -> None:
    """Say how many confirmation trials have to complete before each of these individuals counts as
    confirmed."""
    connection.execute(
        update(STANDINGS)
        .where(STANDINGS.c.search_id == search_id, STANDINGS.c.individual.in_(individuals))
        .values(confirmations_planned=seeds)
    )


def welford(n: int, mean: float, m2: float, value: float) -> tuple[int, float, float]:
    """Count one more value into (number, mean, sum of squared deviations)."""
    n += 1
    delta = value - mean
    mean += delta / n
    return n, mean, m2 + delta * (value - mean)
