"""Simulated workers with trials of a second, through the store and the controller of real ones."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from benchmarks.many_workers import Figures, Refusals, figures
from tests.chaos.setting import Setting, case
from tests.chaos.table import Row

LEAST_IN_TRIALS = 0.95
DOCUMENTED = {"sqlite": 32, "postgresql": 64}
"""Up to so many writers the database serves: ``docs/operations.md`` says so, and this study tries it."""

MOST = 64

PROCESSES = 16
"""Of up to four workers each: with sixteen in one process each waited for the others' Python."""


@case("writers")
def writers(setting: Setting) -> Iterator[Row]:
    if setting.short:
        found = _figures(setting, workers=4, seconds=0.2, trials=8)
        yield setting.row("4 workers, trials of 0.2 s: 0 refusals", _told(found), found.refusals == 0)
        return
    documented = DOCUMENTED[setting.database.kind]
    for workers in sorted({documented, MOST}):
        setting.tell(f"{workers} workers")
        found = _figures(setting, workers=workers, seconds=1.0, trials=setting.size or 15)
        share = f"at least {LEAST_IN_TRIALS:.0%} of worker time in trials, " if workers <= documented else ""
        yield setting.row(
            f"{workers} workers, trials of 1 s: {share}0 refusals",
            _told(found),
            found.refusals == 0 and (workers > documented or found.share >= LEAST_IN_TRIALS),
        )


def _figures(setting: Setting, *, workers: int, seconds: float, trials: int) -> Figures:
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[Refusals()])  # the controller's own lines
    try:
        return figures(
            setting.database.url,
            setting.folder,
            workers,
            seconds=seconds,
            trials=trials,
            processes=1 if setting.short else PROCESSES,
            within_s=900,
        )
    finally:
        structlog.configure(processors=before)


def _told(found: Figures) -> str:
    in_trials = f"{found.share:.1%} of the time of {found.trials} trials"
    return f"{in_trials}, {found.rate:.1f} a second, {found.refusals} refusals"
