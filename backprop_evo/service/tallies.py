"""What pages add up over all that finished in a search, kept from look to look.

Terminal trials never change and are numbered in the order in which they ended, so that a tally only ever
takes in what is new: a page of a search with 100,000 trials reads the few that came since it was last seen.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from threading import Lock

from backprop_evo.records.charting import FinishPoint
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.service.components import ComponentSums
from backprop_evo.store.base import Store

#: Searches whose tallies are kept; looking at one more forgets the one not seen for longest.
MOST_KEPT = 64
#: Finishes that one look takes in, so that no page waits for all of a long search: these take 10 ms.
A_LOOK = 1_000


@dataclass(frozen=True, slots=True)
class Improvement:
    """A search trial that was better than all before."""

    finish_order: int
    individual: int
    accuracy: float
    equation: str


@dataclass(slots=True)
class Tally:
    """Of the first ``last`` trials that finished; ``is_behind`` where there may be more. ``components`` holds
    fewer while equations are ``waiting`` to be read, which takes longest."""

    last: int = 0
    is_behind: bool = True
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    improvements: list[Improvement] = field(default_factory=list)
    components: ComponentSums = field(default_factory=ComponentSums)
    waiting: deque[tuple[str, float]] = field(default_factory=deque)
    _reading: Lock = field(default_factory=Lock)

    def hear(self, point: FinishPoint) -> None:
        """Take in one more finish."""
        self.last = point.finish_order
        self.counts[point.purpose, point.state] += 1
        accuracy = point.accuracy
        if point.purpose != Purpose.SEARCH or point.state != TrialState.COMPLETED or accuracy is None:
            return
        if not self.improvements or accuracy > self.improvements[-1].accuracy:
            found = Improvement(point.finish_order, point.individual, accuracy, point.equation)
            self.improvements.append(found)
        if point.equation:
            self.waiting.append((point.equation, accuracy))

    def read_equations(self, at_most: int) -> None:
        """Add up the components of so many more equations, unless somebody is about it."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            for _ in range(min(at_most, len(self.waiting))):
                self.components.add(*self.waiting.popleft())
        finally:
            self._reading.release()


class Tallies:
    """The tallies of one process; safe to share between threads."""

    def __init__(self, store: Store, *, most_kept: int = MOST_KEPT) -> None:
        self._store = store
        self._most_kept = most_kept
        self._kept: OrderedDict[str, Tally] = OrderedDict()
        self._lock = Lock()

    def of(self, search_id: str, *, at_most: int = A_LOOK, equations: int = 0) -> Tally:
        """The tally with at most so many more finishes, and the components of so many more equations."""
        # One at a time: two threads that both took in the same finishes would count them twice.
        with self._lock:
            tally = self._kept.setdefault(search_id, Tally())
            self._kept.move_to_end(search_id)
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
            new = self._store.charts.finishes(search_id, after=tally.last, limit=at_most)
            for point in new:
                tally.hear(point)
            tally.is_behind = len(new) == at_most
        # Not under the lock, which every page needs: one equation takes as long as a hundred finishes.
        tally.read_equations(equations)
        return tally
