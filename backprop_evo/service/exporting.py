"""What a search has found, as tables to take away: leaderboard, trials and curves, read a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from backprop_evo.errors import InvalidInput, NotFound
from backprop_evo.records.choosing import EVERY_ROW, EVERY_TRIAL, RowChoice, TrialChoice
from backprop_evo.records.leaderboard import LeaderboardRecord
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.stored import Accuracies, SearchRecord, TrialRecord
from backprop_evo.service.export_formats import Column, Kind, Row
from backprop_evo.store.base import Store
from backprop_evo.training.methods import method_of

#: Rows held in memory at a time; a trial's result with its curve has some ten kilobytes.
PAGE_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows of the tables that have such."""

    trials: TrialChoice = EVERY_TRIAL
    rows: RowChoice = EVERY_ROW


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTable:
    """One of them: its columns, and its rows as they are read."""

    name: str
    summary: str
    columns: tuple[Column, ...]
    rows: Callable[[Store, SearchRecord, Wanted], Iterator[Row]]


def _text(method: MethodSpec) -> str:
    if method.equation is not None:
        return method.equation
    try:
        return method_of(method).text()
    except InvalidInput:  # of a version that had it
        return method.name


def _trials(store: Store, search: SearchRecord, wanted: Wanted) -> Iterator[TrialRecord]:
    cursor: str | None = None
    while True:
        page = store.trials.page(search.id, choice=wanted.trials, cursor=cursor, limit=PAGE_ROWS)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _trial_rows(store: Store, search: SearchRecord, wanted: Wanted) -> Iterator[Row]:
    of_result = ("validation_accuracy", "test_accuracy", "learning_rate", "relative_step", "train_loss")
    for trial in _trials(store, search, wanted):
        yield (
            *(trial.id, trial.individual, trial.purpose.value, _text(trial.method), trial.fingerprint),
            *(trial.state.value, trial.seed, trial.fence, trial.finish_order, trial.worker),
            *(getattr(trial.result, name, None) for name in (*of_result, "epochs_done", "wall_time_s")),
            *(trial.created_at, trial.started_at, trial.ended_at, getattr(trial.result, "reason", None)),
        )


def _curve_rows(store: Store, search: SearchRecord, wanted: Wanted) -> Iterator[Row]:
    for trial in _trials(store, search, wanted):
        of_trial = (trial.id, trial.individual, _text(trial.method), trial.state.value)
        for point in trial.result.curve if trial.result else ():
            yield (
                *of_trial,
                *(point.epoch, point.train_loss, point.validation_accuracy, point.learning_rate),
                point.elapsed_s,
            )


def _leaderboard_rows(store: Store, search: SearchRecord, wanted: Wanted) -> Iterator[Row]:
    cursor: str | None = None
    while True:
        page = store.leaderboard.page(search.id, choice=wanted.rows, cursor=cursor, limit=PAGE_ROWS)
        yield from map(_leaderboard_row, page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def _leaderboard_row(row: LeaderboardRecord) -> Row:
    kinds = (("baseline", row.is_baseline), ("yardstick", row.is_yardstick), ("control", row.is_control))
    return (
        *(row.rank, row.individual, _text(row.method), row.fingerprint),
        next((kind for kind, holds in kinds if holds), "found"),
        row.confirmed,
        *(*_numbers(row.validation), *_numbers(row.search_fitness), *_numbers(row.test)),
        *(row.learning_rate, row.train_time_s, row.setting_id),
    )


def _numbers(found: Accuracies | None) -> tuple[float | None, float | None, int | None]:
    return (None, None, None) if found is None else (found.mean, found.std, found.n)


def _columns(**kinds: Kind) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


def _spread(of: str) -> dict[str, Kind]:
    return {f"{of}_mean": Kind.NUMBER, f"{of}_std": Kind.NUMBER, f"{of}_n": Kind.INTEGER}


_OF_TRIAL = {"trial": Kind.TEXT, "individual": Kind.INTEGER}
_TABLES = (
    ExportTable(
        name="leaderboard",
        summary="one row a behaviour, in the order of the leaderboard",
        columns=_columns(
            rank=Kind.INTEGER,
            individual=Kind.INTEGER,
            equation=Kind.TEXT,
            fingerprint=Kind.TEXT,
            kind=Kind.TEXT,
            confirmed=Kind.FLAG,
            **_spread("validation"),
            **_spread("search_fitness"),
            **_spread("test"),
            learning_rate=Kind.NUMBER,
            train_time_s=Kind.NUMBER,
            setting=Kind.TEXT,
        ),
        rows=_leaderboard_rows,
    ),
    ExportTable(
        name="trials",
        summary="one row a training",
        columns=_columns(
            **_OF_TRIAL,
            purpose=Kind.TEXT,
            equation=Kind.TEXT,
            fingerprint=Kind.TEXT,
            state=Kind.TEXT,
            seed=Kind.INTEGER,
            attempts=Kind.INTEGER,
            finish_order=Kind.INTEGER,
            worker=Kind.TEXT,
            validation_accuracy=Kind.NUMBER,
            test_accuracy=Kind.NUMBER,
            learning_rate=Kind.NUMBER,
            relative_step=Kind.NUMBER,
            train_loss=Kind.NUMBER,
            epochs_done=Kind.NUMBER,
            wall_time_s=Kind.NUMBER,
            created_at=Kind.TIME,
            started_at=Kind.TIME,
            ended_at=Kind.TIME,
            reason=Kind.TEXT,
        ),
        rows=_trial_rows,
    ),
    ExportTable(
        name="curves",
        summary="one row a point of a training's curve",
        columns=_columns(
            **_OF_TRIAL,
            equation=Kind.TEXT,
            state=Kind.TEXT,
            epoch=Kind.NUMBER,
            train_loss=Kind.NUMBER,
            validation_accuracy=Kind.NUMBER,
            learning_rate=Kind.NUMBER,
            elapsed_s=Kind.NUMBER,
        ),
        rows=_curve_rows,
    ),
)
EXPORT_TABLES: Mapping[str, ExportTable] = {each.name: each for each in _TABLES}


def find_export_table(name: str) -> ExportTable:
    """Raises ``NotFound``."""
    if name not in EXPORT_TABLES:
        known = ", ".join(EXPORT_TABLES)
        raise NotFound(f"no table of a search is called {name[:40]!r}", hint=f"known: {known}")
    return EXPORT_TABLES[name]
