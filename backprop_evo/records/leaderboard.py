"""What the leaderboard says, as immutable values: rows, and the settings that they are ranked in."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.stored import Accuracies
from backprop_evo.records.training import TrainSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardRecord:
    """One behaviour on the leaderboard. ``validation`` is over the confirmation's trials where there are any,
    else ``search_fitness``: over the search's own, one but for what was measured again.

    A control that is no ``individual`` of the search has no number there, and no search fitness. ``rank`` is
    None for the plain-backprop row when it is a yardstick only; ``confirmed`` rows stand above the
    unconfirmed, so that one lucky score never outranks a confirmed equation. Rows are ranked among those of
    their setting (``setting_id``), and nowhere else. ``starred``: somebody starred the behaviour.
    """

    rank: int | None
    setting_id: str
    search_id: str
    individual: int | None
    method: MethodSpec
    fingerprint: str
    is_baseline: bool
    is_yardstick: bool
    is_control: bool
    confirmed: bool
    validation: Accuracies
    search_fitness: Accuracies | None
    test: Accuracies | None
    train_time_s: float
    learning_rate: float | None
    starred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRecord:
    """A setting that has ``results`` on the leaderboard, over all searches. ``train`` is one of its train
    specs, ``best`` stands first there.

    ``baseline`` is plain backprop's validation accuracy as the search with the most confirmation seeds found
    it, None until one has. Searches are not pooled: those of one seed train the very same children.
    """

    id: str
    train: TrainSpec
    results: int
    best: LeaderboardRecord
    baseline: Accuracies | None
