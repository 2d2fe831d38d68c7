"""Rows of the leaderboard, and the settings that they are ranked in."""

from __future__ import annotations

from api.rendering import latex
from api.schemas.methods import MethodOut, method_fields
from api.schemas.setting import SettingOut, setting_fields
from api.schemas.wire import Wire
from backprop_evo.evaluation.table import TableRow
from backprop_evo.records.leaderboard import LeaderboardRecord, SettingRecord
from backprop_evo.records.training import TrainSpec


class AccuraciesOut(Wire):
    """Mean, sample standard deviation (null for n = 1) and number of runs."""

    mean: float
    std: float | None
    n: int


class LeaderboardRowOut(Wire):
    """One behaviour on the leaderboard, ranked among those of its setting; ``test`` is there only after a
    confirmation. ``search_fitness`` is what the search itself measured, mostly once. ``difference`` is to
    plain backprop, with its 95 % interval ``low`` to ``high``, and
    ``verdict`` says it in words; they stand on the leaderboard of one search, once its confirmation knows
    them. A control that the search has not proposed is no ``individual`` of it."""

    rank: int | None
    setting_id: str
    search_id: str
    individual: int | None
    method: MethodOut
    equation: str | None
    latex: str | None
    fingerprint: str
    is_baseline: bool
    is_yardstick: bool
    is_control: bool
    confirmed: bool
    validation: AccuraciesOut
    search_fitness: AccuraciesOut | None
    test: AccuraciesOut | None
    train_time_s: float
    learning_rate: float | None
    starred: bool
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str | None = None

    @classmethod
    def of(cls, row: LeaderboardRecord, told: TableRow | None = None) -> LeaderboardRowOut:
        """A row as stored, with its equation as mathematics, and what the confirmation says of it."""
        of_table = ("difference", "low", "high", "verdict")
        made = ("latex", "method", "equation", *of_table)
        known = {name: getattr(row, name) for name in cls.model_fields if name not in made}
        if told is not None and row.confirmed:
            known |= {name: getattr(told, name) for name in of_table}
        return cls(latex=latex(row.method), **method_fields(row.method), **known)


class SettingResultsOut(SettingOut):
    """A setting with ``results`` on the leaderboard, the ``best`` of them, and plain backprop's validation
    accuracy there: that of the search with the most confirmation seeds, null until one has confirmed it."""

    train: TrainSpec
    results: int
    best: LeaderboardRowOut
    baseline: AccuraciesOut | None

    @classmethod
    def of(cls, setting: SettingRecord) -> SettingResultsOut:
        """As stored."""
        baseline = AccuraciesOut.model_validate(setting.baseline) if setting.baseline else None
        return cls(
            **setting_fields(setting.train),
            train=setting.train,
            results=setting.results,
            best=LeaderboardRowOut.of(setting.best),
            baseline=baseline,
        )
