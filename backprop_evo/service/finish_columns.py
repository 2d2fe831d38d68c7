"""Finishes of a search as the columns of its chart: all of a short search, an honest part of a long one.

Of every so many consecutive finishes one is drawn by lot. The lot looks at the number of the finish alone,
so that what is drawn lies as densely as what is not. Besides it every record is there, every training of
plain backprop and of a yardstick, and failures are counted by stretches of finishes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from backprop_evo.records.charting import FinishPoint
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.service.chart_columns import OTHER, hundredths

#: Points that a chart draws besides records and measures. More take a browser seconds and hide each other.
MOST_DRAWN = 5_000
#: Lots that one count of failures spans: the rug has fewer marks than a screen has pixels.
LOTS_A_COUNT = 10
#: One letter a purpose and a state, so that a column of them is a string.
PURPOSES: Mapping[str, str] = {
    Purpose.SEARCH: "s",
    Purpose.REMEASUREMENT: "r",
    Purpose.BASELINE: "b",
    Purpose.YARDSTICK: "y",
}
STATES: Mapping[str, str] = {
    TrialState.COMPLETED: "c",
    TrialState.PRUNED: "p",
    TrialState.DIVERGED: "d",
    TrialState.SCREENED: "x",
}
MEASURES = frozenset((Purpose.BASELINE, Purpose.YARDSTICK))
NO_RUNG = "-"
#: Rungs have one character each; a search has a handful.
RUNGS = "0123456789abcdefghijklmnopqrstuvwxyz"


def every_for(finishes: int) -> int:
    """One of how many finishes is drawn: 1, 2, 5, 10, 20, 50 … Round steps, so that a search that grows is
    seldom drawn anew."""
    least = max(1, math.ceil(finishes / MOST_DRAWN))
    power: int = 10 ** (len(str(least)) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least)


def is_drawn(finish_order: int, every: int) -> bool:
    """Whether the lot fell on this one of its ``every`` neighbours; the same at every call."""
    stretch, place = divmod(finish_order - 1, every)
    lot = int.from_bytes(blake2b(f"{every}/{stretch}".encode(), digest_size=8).digest())
    return place == lot % every


def fitness_columns(
    points: Sequence[FinishPoint], after: int, limit: int, *, every: int = 1, best: float | None = None
) -> dict[str, Any]:
    """One page of finishes, as a place in every column for each that is shown.

    ``best``: accuracy of the best search trial up to ``after``, which a record must pass; the answer has
    it of the page's end. ``fits``: what ``every`` would be for as many as there are by the page's end.
    ``low`` and ``high`` are of all, shown or not. ``more`` where the page is full. Accuracies of columns
    are hundredths of a per cent.
    """
    shown = _Shown(every=every, best=best)
    for point in points:
        shown.see(point)
    last = points[-1].finish_order if points else after
    return {
        "after": after,
        "last": last,
        "more": len(points) == limit,
        "every": every,
        "fits": every_for(last),
        "best": shown.best,
        "low": hundredths(shown.low),
        "high": hundredths(shown.high),
        "order": [point.finish_order for point in shown.points],
        "accuracy": [hundredths(point.accuracy) for point in shown.points],
        "purpose": "".join(PURPOSES.get(point.purpose, OTHER) for point in shown.points),
        "state": "".join(STATES.get(point.state, OTHER) for point in shown.points),
        "rung": "".join(_rung(point) for point in shown.points),
        "failed": {
            "width": shown.width,
            "first": [first for first, _ in shown.failures],
            "state": "".join(state for _, state in shown.failures),
            "count": list(shown.failures.values()),
        },
    }


@dataclass(slots=True, kw_only=True)
class _Shown:
    """What is shown of the finishes seen so far. ``failures`` counts by the first finish of a stretch of
    ``width``, and the letter of the state."""

    every: int
    best: float | None
    low: float | None = None
    high: float | None = None
    points: list[FinishPoint] = field(default_factory=list)
    failures: Counter[tuple[int, str]] = field(default_factory=Counter)

    @property
    def width(self) -> int:
        return 1 if self.every == 1 else LOTS_A_COUNT * self.every

    def see(self, point: FinishPoint) -> None:
        is_measure = point.purpose in MEASURES
        if point.accuracy is None or point.state not in (TrialState.COMPLETED, TrialState.PRUNED):
            # A measure that failed is no failure of what is searched.
            if not is_measure:
                first = point.finish_order - (point.finish_order - 1) % self.width
                self.failures[first, STATES.get(point.state, OTHER)] += 1
            return
        self.low = point.accuracy if self.low is None else min(self.low, point.accuracy)
        self.high = point.accuracy if self.high is None else max(self.high, point.accuracy)
        is_record = self._is_record(point)
        if is_record:
            self.best = point.accuracy
        if is_record or is_measure or is_drawn(point.finish_order, self.every):
            self.points.append(point)

    def _is_record(self, point: FinishPoint) -> bool:
        if point.purpose != Purpose.SEARCH or point.state != TrialState.COMPLETED or point.accuracy is None:
            return False
        return self.best is None or point.accuracy > self.best


def _rung(point: FinishPoint) -> str:
    return NO_RUNG if point.rung is None else RUNGS[min(point.rung, len(RUNGS) - 1)]
