"""Which of the best is measured again: a race, in which evidence goes where it may change the order.

A search takes the best of many noisy fitnesses, which is mostly a lucky one; its children inherit the rank,
not the luck. So a share of the trials trains one of the best again, with another seed. Among the N best by
mean fitness, whoever cannot be told from the best may be next, mean ± standard error overlapping; of them the
one with the greatest mean + standard error is measured: what looks best on the least evidence. That is the
rule of upper confidence bounds (Lai and Robbins 1985; for finding the best of several arms Audibert, Bubeck
and Munos 2010) with the evidence stopped where it cannot matter, as in the race of Maron and Moore 1994.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from backprop_evo.records.stored import IndividualRecord, Origin
from backprop_evo.search.measurements import Measured


def next_of(best: Sequence[Measured], spread: float | None, most: int) -> int | None:
    """The place in ``best`` of what is to be measured again; None where nothing is worth it. ``best`` comes
    best first, all with a fitness; ``spread`` is that of one measurement, ``most`` may be sent for each.

    A training that is out counts as evidence already, or all slots would train the same one.
    """
    places = [place for place, each in enumerate(best) if each.sent < most]
    if not places:
        return None
    if spread is None:
        # Nobody knows how noisy they are: the best of those with the least evidence.
        return min(places, key=lambda place: (best[place].sent, place))
    bar = best[0].mean - _error(best[0], spread)
    bounds = {place: best[place].mean + _error(best[place], spread) for place in places}
    place = max(places, key=lambda place: (bounds[place], -place))
    return place if bounds[place] >= bar else None


def _error(measured: Measured, spread: float) -> float:
    return spread / math.sqrt(measured.sent)


def measured_again(
    first: IndividualRecord, number: int, *, finishes_known: int, now: datetime
) -> IndividualRecord:
    """The proposal to train ``first`` once more: it probes what the first did, under another seed."""
    return replace(
        first,
        number=number,
        origin=Origin.REMEASUREMENT,
        parent=None,
        twin=None,
        mutation=None,
        finishes_known=finishes_known,
        created_at=now,
        remeasures=first.number,
    )
