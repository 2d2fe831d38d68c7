"""How the next equation is proposed: one file a strategy, found by the ``STRATEGY`` that it defines.

A strategy is chosen by name in the search spec and recorded with the search. ``evolution`` is the paper's;
``random`` is the control that every search needs; ``aging`` and ``learned`` are from the literature since.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from backprop_evo.errors import InvalidSettings
from backprop_evo.registry import declared_in
from backprop_evo.search.strategies.strategy import Known, Proposal, Strategy

__all__ = ["Known", "Proposal", "Strategy", "strategies", "strategy"]


@cache
def strategies() -> Mapping[str, Strategy]:
    """Every strategy by its name."""
    found: list[Strategy] = declared_in(__name__, "STRATEGY")
    return MappingProxyType({each.name: each for each in found})


def strategy(name: str) -> Strategy:
    """Raises ``InvalidSettings`` for a name that no strategy has."""
    known = strategies()
    if name not in known:
        raise InvalidSettings(
            f"no strategy is called {name[:60]!r}", field="strategy", hint=f"known: {', '.join(known)}"
        )
    return known[name]
