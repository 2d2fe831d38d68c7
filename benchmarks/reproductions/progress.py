"""How far it is and how long it will take: between trainings by what others took, within one by its pace."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import mean

from reproductions.experiment import Row

#: Seconds between two lines of one training.
SILENCE = 30.0


@dataclass(slots=True)
class Pace:
    """Seconds of the processor that trainings took, by kind."""

    _taken: dict[tuple[str, ...], list[float]] = field(default_factory=lambda: defaultdict(list))

    def hear(self, row: Row, seconds: float) -> None:
        for kind in _kinds(row):
            self._taken[kind].append(seconds)

    def expected(self, row: Row) -> float | None:
        """From the same with other seeds, or else from others of its method, of its experiment; None where
        there is nothing to go by."""
        found = (mean(self._taken[kind]) for kind in _kinds(row) if kind in self._taken)
        return next(found, None)

    def left(self, rows: Iterable[Row]) -> str:
        expected = [self.expected(row) for row in rows]
        known = [seconds for seconds in expected if seconds is not None]
        unknown = len(expected) - len(known)
        beside = f"{unknown} of a kind not tried yet" if unknown else ""
        about = f"about {sum(known) / 60:.1f} minutes of one core" if known else ""
        return f"{' and '.join(each for each in (about, beside) if each) or 'nothing'} left"


def _kinds(row: Row) -> Iterator[tuple[str, ...]]:
    """From the narrowest to the widest."""
    experiment, method = row["experiment"], row["method"]
    yield experiment, method, json.dumps(row["settings"], sort_keys=True)
    yield experiment, method
    yield (experiment,)


class Heartbeat:
    """A line now and then while one training goes on."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock = total, clock
        self._began = self._told = clock()

    def tell(self, done: int) -> None:
        now = self._clock()
        if now - self._told < SILENCE or done >= self._total:
            return
        self._told = now
        minutes = (now - self._began) / done * (self._total - done) / 60
        print(
            f"    {done:,} of {self._total:,} iterations, about {minutes:.1f} minutes of this training left",
            flush=True,
        )
