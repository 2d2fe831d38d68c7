"""Rows of the leaderboard."""

from __future__ import annotations

from api.rendering import latex
from api.schemas.wire import Wire
from backprop_evo.records.stored import LeaderboardRecord


class AccuraciesOut(Wire):
    """Mean, sample standard deviation (null for n = 1) and number of runs."""

    mean: float
    std: float | None
    n: int


class LeaderboardRowOut(Wire):
    """One behaviour on the leaderboard; ``test`` is there only after a confirmation."""

    rank: int | None
    search_id: str
    individual: int
    equation: str
    latex: str
    fingerprint: str
    is_baseline: bool
    confirmed: bool
    validation: AccuraciesOut
    search_fitness: float | None
    test: AccuraciesOut | None
    train_time_s: float
    learning_rate: float | None

    @classmethod
    def of(cls, row: LeaderboardRecord) -> LeaderboardRowOut:
        """A row as stored, with its equation as mathematics."""
        known = {name: getattr(row, name) for name in cls.model_fields if name != "latex"}
        return cls(latex=latex(row.equation), **known)
