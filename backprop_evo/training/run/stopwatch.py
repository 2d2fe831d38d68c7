"""Where the seconds of one training went, for its result: what is no step could be saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from backprop_evo.records.training import Activity


@dataclass(slots=True)
class Stopwatch:
    """Gives every moment to one activity: ``note`` gives what passed since the last note.

    ``clock`` is a monotonic time in seconds. On a GPU a step is over for this clock when it was sent off;
    what waits for it later, a look at the losses or a measurement, is charged instead.
    """

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[Activity, float] = field(default_factory=dict)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def note(self, activity: Activity) -> None:
        """What happened since the last note was this."""
        now = self.clock()
        self.seconds[activity] = self.seconds.get(activity, 0.0) + now - self._last
        self._last = now
