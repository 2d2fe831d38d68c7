"""Searches side by side: what is read of each, and the counterpart, which is the partner of itself."""

from __future__ import annotations

from backprop_evo.errors import NotFound
from backprop_evo.evaluation.comparison import Comparison, Read, check_comparable, compare
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Role, SearchRecord
from backprop_evo.search.counterparts import counterpart_of
from backprop_evo.service.specs import check_search_spec
from backprop_evo.store.base import Store


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
