"""The counterpart of a search: random search under the same budget and seeds, to show what selection adds.

It is an ordinary search beside the other. What it shares with it is everything but the strategy and the start
equations, so that what differs between the two is how equations were proposed.
"""

from __future__ import annotations

from dataclasses import replace

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.lifecycle import CHALLENGE, Verb, legal_verbs
from backprop_evo.search.strategies.random import STRATEGY as RANDOM_SEARCH


def counterpart_of(spec: SearchSpec, trials: int) -> SearchSpec:
    """The spec of the counterpart; ``trials`` is the present budget. Raises ``InvalidSettings`` for random
    search, of which it would be a copy.

    Start equations are knowledge of somebody's that random search has no use for: it has no parents, and what
    it was given it would not have found. As many random ones take their place, so that a start is as large.
    """
    if spec.strategy == RANDOM_SEARCH.name:
        raise InvalidSettings(
            "random search has no counterpart: it would be the same search",
            field="strategy",
            hint="clone it with another seed to see what chance alone changes",
        )
    return replace(
        spec,
        name=f"{spec.name[:180]}: counterpart",
        trials=trials,
        strategy=RANDOM_SEARCH.name,
        start=(),
        start_random=len(spec.start) + spec.start_random,
    )


def offered_verbs(search: SearchRecord) -> tuple[Verb, ...]:
    """What there is to ask of a search in its state: it has one counterpart, and random search none."""
    is_open = search.counterpart is None and search.spec.strategy != RANDOM_SEARCH.name
    return tuple(verb for verb in legal_verbs(search.state) if is_open or verb is not CHALLENGE)
