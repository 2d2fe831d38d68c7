"""Searches side by side: what is read of each, and the counterpart, which is the partner of itself."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backprop_evo.errors import NotFound
from backprop_evo.evaluation.comparison import Comparison, Read, check_comparable, compare
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import DrivenRecord, Role, SearchRecord
from backprop_evo.search.counterparts import counterpart_of
from backprop_evo.service.specs import check_search_spec
from backprop_evo.store.base import Store

#: Comparisons that a page keeps, and how much of its time may go to making one again: reading two searches of
#: 100,000 trials takes seconds.
MOST_KEPT, SHARE_OF_TIME = 64, 0.02


def checked_counterpart(spec: SearchSpec, trials: int) -> SearchSpec:
    """The counterpart of a search with that budget. Raises ``InvalidSettings`` where it has none: of random
    search, or where equations can learn by what the start equations brought in alone."""
    counterpart = counterpart_of(spec, trials)
    check_search_spec(counterpart)
    return counterpart


def compare_stored(store: Store, search: SearchRecord, with_id: str | None) -> Comparison:
    """The search beside that of ``with_id``, or beside its counterpart. Raises ``NotFound``,
    ``InvalidSettings`` for searches of different settings."""
    partner = with_id or search.counterpart
    if partner is None:
        raise NotFound(
            f"search {search.id!r} has no counterpart",
            hint="order one with the verb challenge, or say with which search it is to be compared",
        )
    other = store.searches.get(partner)
    check_comparable(search, other)  # before everything of both is read
    return compare(read_search(store, search), read_search(store, other))


def read_search(store: Store, search: SearchRecord) -> Read:
    """Everything of it that a comparison needs."""
    confirmation = store.evaluations.stages_of(search.id).get(Role.CONFIRMATION)
    return Read(
        search=search,
        individuals=store.individuals.of(search.id),
        ends=store.searches.ends(search.id),
        confirmation=confirmation,
        outcomes=() if confirmation is None else store.evaluations.outcomes(confirmation.id),
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """A comparison, of which states it is, when it was made, and how long that took."""

    comparison: Comparison
    of: tuple[object, ...]
    at_s: float
    took_s: float


class Comparisons:
    """Searches beside their counterparts, for pages: each is made again when either has gone on, but not so
    often that it would take more than ``SHARE_OF_TIME``."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._kept: OrderedDict[str, _Made] = OrderedDict()

    def of(self, search: SearchRecord) -> Comparison | None:
        """None for a search without a counterpart."""
        if search.counterpart is None:
            return None
        states, now = self._states(search), self._clock()
        known = self._kept.get(search.id)
        if known is not None and (known.of == states or now - known.at_s < known.took_s / SHARE_OF_TIME):
            return known.comparison
        made = compare_stored(self._store, search, None)
        ended = self._clock()
        self._kept[search.id] = _Made(made, states, ended, ended - now)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return made

    def _states(self, search: SearchRecord) -> tuple[object, ...]:
        """What changes whenever the comparison could."""
        other = self._store.searches.get(search.counterpart or "")
        stages = (self._store.evaluations.stages_of(each.id).values() for each in (search, other))
        driven: list[DrivenRecord[Any]] = [search, other, *(each for found in stages for each in found)]
        return tuple((each.id, each.version, each.trials_done, each.state) for each in driven)
