"""Whether a running training goes on: one file a pruner, found by the ``PRUNER`` that it defines.

A pruner judges a value at a rung by the values that were stored before it, and nothing else, so that a search
replays its decisions. It is chosen in the search spec; ``none`` leaves a training to its own guards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.judging import IntermediateRecord, Judged
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.training import IntermediateValue
from backprop_evo.registry import declared_in
from backprop_evo.search.pruners.pruner import Pruner, grade_at, judge_by

__all__ = ["Pruner", "grade_at", "judge_value", "pruner", "pruners"]


@cache
def pruners() -> Mapping[str, Pruner]:
    """Every pruner by its name."""
    found: list[Pruner] = declared_in(__name__, "PRUNER")
    return MappingProxyType({each.name: each for each in found})


def pruner(name: str) -> Pruner:
    """Raises ``InvalidSettings`` for a name that no pruner has."""
    known = pruners()
    if name not in known:
        raise InvalidSettings(
            f"no pruner is called {name[:60]!r}", field="pruner.name", hint=f"known: {', '.join(known)}"
        )
    return known[name]


def judge_value(
    spec: SearchSpec,
    value: IntermediateValue,
    purpose: Purpose,
    individual: int,
    earlier: Sequence[IntermediateRecord],
) -> Judged:
    """What the search's pruner, and the lot of the individual, decide on a value that its training reported,
    given what was stored before it. Raises ``InvalidSettings`` for a name that no pruner has."""
    rule = pruner(spec.pruner.name)
    return judge_by(rule, spec.pruner, spec.seed, value, purpose, individual, earlier)
