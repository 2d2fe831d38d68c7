"""Rows of the leaderboard."""

from __future__ import annotations

from api.rendering import latex
from api.schemas.methods import MethodOut, method_fields
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
    method: MethodOut
    equation: str | None
    latex: str | None
    fingerprint: str
    is_baseline: bool
    is_yardstick: bool
    confirmed: bool
    validation: AccuraciesOut
    search_fitness: float | None
    test: AccuraciesOut | None
    train_time_s: float
    learning_rate: float | None

    @classmethod
    def of(cls, row: LeaderboardRecord) -> LeaderboardRowOut:
        """A row as stored, with its equation as mathematics."""
        made = ("latex", "method", "equation")
        known = {name: getattr(row, name) for name in cls.model_fields if name not in made}
        return cls(latex=latex(row.method), **method_fields(row.method), **known)
