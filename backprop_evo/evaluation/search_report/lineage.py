"""The lineage of one equation: the chain of its ancestors, and what each mutation changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backprop_evo.evaluation.search_report.facts import FITNESS, SearchFacts
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.stored import IndividualRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """One of the chain. ``change`` says in words what was changed in the one before; ``fitness`` is in
    [0, 1], the mean of its measurements, and inherited by a twin. ``trial`` is the place at which its
    trial finished."""

    number: int
    origin: str
    method: MethodSpec
    change: str | None
    fitness: float | None
    trial: int | None


def lineage_of(facts: SearchFacts, fingerprint: str) -> tuple[Ancestor, ...]:
    """From the first ancestor to the first individual of that behaviour; empty where there is none."""
    by_number = {each.number: each for each in facts.individuals}
    orders = {each.individual: each.finish_order for each in facts.finishes if each.purpose in FITNESS}
    fitnesses = facts.fitnesses()
    found = next((each for each in facts.individuals if each.fingerprint == fingerprint), None)
    chain = []
    while found is not None:
        trained = found.number if found.twin is None else found.twin
        chain.append(
            Ancestor(
                number=found.number,
                origin=str(found.origin),
                method=found.method,
                change=found.mutation,
                fitness=fitnesses.get(trained),
                trial=orders.get(trained),
            )
        )
        found = _parent(found, by_number)
    return tuple(reversed(chain))


def _parent(child: IndividualRecord, by_number: Mapping[int, IndividualRecord]) -> IndividualRecord | None:
    """A parent was proposed before its child, so that no chain has a circle, whatever was stored."""
    parent = None if child.parent is None else by_number.get(child.parent)
    return parent if parent is not None and parent.number < child.number else None
