"""What stands below the charts, so that a page says the same without a script; and what both are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backprop_evo import equations
from backprop_evo.records.charting import AttemptSpan
from backprop_evo.records.leaderboard import LeaderboardRecord
from backprop_evo.records.stored import Accuracies, SearchRecord
from backprop_evo.service.chart_columns import SettingSeeds, seeds_by_setting
from backprop_evo.service.components import Importance
from backprop_evo.service.tallies import Tally
from backprop_evo.store.base import Store

#: Equations that one request of a chart reads. A page reads fewer, so that it is not held up.
EQUATIONS_A_REQUEST, EQUATIONS_A_PAGE = 300, 5
#: Newest trials whose attempts are drawn, and those in the table below, for which a page must not wait.
MOST_ATTEMPTS, ATTEMPTS_A_PAGE = 2_000, 200
#: Newest trainings of a behaviour, and of backprop in the same searches.
MOST_SEEDS = 2_000
BEST_AMONG = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a search is measured by: plain backprop, of the confirmation if it is ``confirmed``, else of the
    search; and the best equation that was confirmed."""

    backprop: Accuracies | None
    confirmed: bool
    best: Accuracies | None


def level(store: Store, search: SearchRecord) -> Level:
    """As far as it is known."""
    baseline = store.leaderboard.baseline(search.id)
    rows = store.leaderboard.page(search.id, limit=BEST_AMONG).items
    best = next((row for row in rows if row.confirmed and not is_measure(row)), None)
    return Level(
        backprop=baseline.validation if baseline else None,
        confirmed=baseline is not None and baseline.confirmed,
        best=best.validation if best else None,
    )


def is_measure(row: LeaderboardRecord) -> bool:
    """Whether it is there to be compared with, and was not found."""
    return row.is_baseline or row.is_yardstick or row.is_control


def importances(tally: Tally, against: Level) -> tuple[Importance, ...]:
    """Against plain backprop; empty until that is known."""
    if against.backprop is None:
        return ()
    return tally.components.importances(against.backprop.mean)


def slot_attempts(
    store: Store, search_id: str | None = None, *, limit: int = MOST_ATTEMPTS, since: datetime | None = None
) -> Sequence[AttemptSpan]:
    """Those of the newest trials, of one search or of all."""
    return store.charts.attempts(search_id, limit=limit, since=since)


def trained_seeds(store: Store, fingerprint: str) -> tuple[SettingSeeds, ...]:
    """Every seed of a behaviour beside backprop's of the same search or evaluation."""
    trained = store.charts.trained(fingerprint, limit=MOST_SEEDS)
    backprop = equations.report_on("g").fingerprint or ""
    if backprop == fingerprint:
        return seeds_by_setting(trained, ())
    places = sorted({each.search_id for each in trained})
    return seeds_by_setting(trained, store.charts.trained(backprop, limit=MOST_SEEDS, search_ids=places))
