"""What the stages of a search tell it, and the confirmation its leaderboard, in the transactions that end the
trainings.

A method is confirmed when every training that is planned for it completed: one that diverged on a new seed
does not stand on the seeds that happened to work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import fmean
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Role, stage_id
from backprop_evo.records.training import TrainResult
from backprop_evo.store.codec import decode_evaluation_spec
from backprop_evo.store.counters import count_results, move_result
from backprop_evo.store.events import add_event
from backprop_evo.store.leaderboard_counting import setting_of_search
from backprop_evo.store.ranks import CONFIRMED, UNCONFIRMED
from backprop_evo.store.tables import LEADERBOARD, SEARCHES, TRIALS

STAGE_EVENTS = {
    Role.FINALISTS: "search.narrowing",
    Role.CONFIRMATION: "search.confirming",
    Role.TRANSFER: "search.transferring",
}
"""What a search tells when one of its stages is ordered, and whenever a training of that one has ended."""

BASELINE = 0
"""Its number in every evaluation."""


def count_stage(connection: Connection, trial: Row[Any], result: TrainResult, now: datetime) -> None:
    """Count one ended trial of an evaluation in, where that is a stage of a search."""
    evaluation = connection.execute(select(SEARCHES).where(SEARCHES.c.id == trial.search_id)).one()
    if evaluation.role is None or evaluation.id != stage_id(evaluation.search_id, evaluation.role):
        return
    if evaluation.role == Role.CONFIRMATION:
        _count_confirmation(connection, evaluation, trial, result)
    told = {
        "evaluation": evaluation.id,
        "trials_done": evaluation.trials_done,
        "trials": evaluation.trials_total,
    }
    add_event(connection, evaluation.search_id, STAGE_EVENTS[Role(evaluation.role)], now, told)


def _count_confirmation(
    connection: Connection, evaluation: Row[Any], trial: Row[Any], result: TrainResult
) -> None:
    spec = decode_evaluation_spec(evaluation.spec)
    ended = _ended(connection, trial)
    here = _row_of(evaluation.search_id, trial.fingerprint)
    so_far_s = LEADERBOARD.c.train_time_s + result.wall_time_s
    connection.execute(update(LEADERBOARD).where(here).values(train_time_s=so_far_s))
    if any(each.state != TrialState.COMPLETED or each.validation_accuracy is None for each in ended):
        _withdraw(connection, evaluation.search_id, here)
    elif len(ended) >= evaluation.trials_total // spec.trainings_a_seed:
        is_control = spec.rows[trial.individual] in spec.controls
        setting = setting_id(spec.settings[0].train)
        values = {"is_control": is_control, "setting_id": setting, **_confirmed(ended)}
        held = _hold(connection, here)
        if held:
            connection.execute(update(LEADERBOARD).where(here).values(**values))
            for row in held:
                move_result(connection, evaluation.search_id, row.setting_id, setting)
        else:
            took_s = sum(each.wall_time_s or 0.0 for each in ended)
            rate = result.learning_rate
            _add(connection, evaluation.search_id, trial, train_time_s=took_s, learning_rate=rate, **values)


def _ended(connection: Connection, trial: Row[Any]) -> Sequence[Row[Any]]:
    """What the method's trainings gave, with this one."""
    numbers: Select[Any] = select(
        TRIALS.c.state, TRIALS.c.validation_accuracy, TRIALS.c.test_accuracy, TRIALS.c.wall_time_s
    )
    same = (TRIALS.c.search_id == trial.search_id) & (TRIALS.c.individual == trial.individual)
    return connection.execute(numbers.where(same, TRIALS.c.finish_order.is_not(None))).all()


def _row_of(search_id: str, fingerprint: str) -> ColumnElement[bool]:
    """A search has one row for a behaviour, whatever individual it was."""
    return (LEADERBOARD.c.search_id == search_id) & (LEADERBOARD.c.fingerprint == fingerprint)


def _hold(connection: Connection, here: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """The rows as they are now, until the end of the transaction: nobody else moves them between settings."""
    query: Select[Any] = select(LEADERBOARD.c.setting_id, LEADERBOARD.c.search_n).where(here)
    return connection.execute(query.with_for_update()).all()


def _withdraw(connection: Connection, search_id: str, here: ColumnElement[bool]) -> None:
    """A seed that was added may fail after the others had confirmed the method, perhaps in longer trainings
    than the search's."""
    setting = setting_of_search(connection, search_id)
    held = _hold(connection, here)
    connection.execute(delete(LEADERBOARD).where(here, LEADERBOARD.c.search_n == 0))
    values = {
        "tier": UNCONFIRMED,
        "rank_key": -LEADERBOARD.c.search_fitness,
        "is_control": False,
        "setting_id": setting,
    }
    connection.execute(update(LEADERBOARD).where(here).values(**values))
    for row in held:
        if row.search_n:
            move_result(connection, search_id, row.setting_id, setting)
        else:
            count_results(connection, search_id, row.setting_id, -1)


def _add(connection: Connection, search_id: str, trial: Row[Any], **values: Any) -> None:
    """A row of its own for what has no search trial: a control, or plain backprop where that failed."""
    connection.execute(
        insert(LEADERBOARD).values(
            search_id=search_id,
            individual=-trial.individual,
            equation=trial.equation,
            method=trial.method,
            fingerprint=trial.fingerprint,
            is_baseline=trial.individual == BASELINE,
            is_yardstick=False,
            search_fitness=0.0,
            search_n=0,
            **values,
        )
    )
    count_results(connection, search_id, values["setting_id"])


def _confirmed(ended: Sequence[Row[Any]]) -> dict[str, Any]:
    """The numbers of a confirmed row."""
    validation = [each.validation_accuracy for each in ended]
    test = [each.test_accuracy for each in ended if each.test_accuracy is not None]
    return {
        "tier": CONFIRMED,
        "rank_key": -fmean(validation),
        **_moments("validation", validation),
        **_moments("test", test),
    }


def _moments(of: str, accuracies: Sequence[float]) -> dict[str, float]:
    """Number, mean and sum of squared deviations, as the leaderboard keeps them."""
    mean = fmean(accuracies) if accuracies else 0.0
    squares = sum((each - mean) ** 2 for each in accuracies)
    return {f"{of}_n": len(accuracies), f"{of}_mean": mean, f"{of}_m2": squares}
