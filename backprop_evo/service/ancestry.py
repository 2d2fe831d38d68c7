"""Where an individual came from: its ancestors, what was changed on the way, and how well each did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from backprop_evo.equations import read_equation
from backprop_evo.errors import InvalidEquation, NotFound
from backprop_evo.records.stored import Accuracies, IndividualRecord
from backprop_evo.search.search_language import identify_equation, read_crossing
from backprop_evo.store.base import Store

MAX_ANCESTRY = 200
"""Individuals: more than that nobody reads, and each costs a row."""


class Descent(StrEnum):
    """What one individual is to the other that came from it."""

    PARENT = "parent"
    SECOND_PARENT = "second parent"
    TWIN = "twin"
    MEASURED_AGAIN = "measured again"


@dataclass(frozen=True, slots=True, kw_only=True)
class AncestryLink:
    """``child`` came from ``ancestor``, both numbers of the search; ``change`` says in words what was
    changed, None where nothing was."""

    child: int
    ancestor: int
    descent: Descent
    change: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """Of the individual ``number``. ``individuals`` are the newest first, ``number`` itself among them;
    ``links`` also lead to those that are left out, of which there are some where it ``is_cut``. ``fitnesses``
    are by number, a twin's that of the first of its behaviour."""

    search_id: str
    number: int
    individuals: tuple[IndividualRecord, ...]
    links: tuple[AncestryLink, ...]
    fitnesses: Mapping[int, Accuracies]
    is_cut: bool


def ancestry_of(store: Store, search_id: str, number: int, *, limit: int = MAX_ANCESTRY) -> Ancestry:
    """At most ``limit`` individuals, by a constant number of statements for each generation of crossovers.
    Raises ``NotFound``."""
    found: dict[int, IndividualRecord] = {}
    partners: dict[int, int] = {}
    ahead = {number}
    while ahead and len(found) < limit:
        read = [
            each
            for each in store.individuals.ancestors(search_id, ahead, limit=limit)
            if each.number not in found
        ]
        read = read[: limit - len(found)]
        found |= {each.number: each for each in read}
        partners |= second_parents(store, search_id, read)
        # Whoever is known has been followed to the end.
        ahead = {each for each in partners.values() if each not in found} if read else set()
    if number not in found:
        raise NotFound(
            f"search {search_id!r} has no individual {number}",
            hint="its lineage lists every individual with its number",
        )
    individuals = tuple(sorted(found.values(), key=lambda each: -each.number))
    links = tuple(link for each in individuals for link in links_of(each, partners.get(each.number)))
    return Ancestry(
        search_id=search_id,
        number=number,
        individuals=individuals,
        links=links,
        fitnesses=fitnesses_of(store, search_id, individuals),
        is_cut=any(link.ancestor not in found for link in links),
    )


def links_of(individual: IndividualRecord, partner: int | None = None) -> Iterator[AncestryLink]:
    """What the individual came from; ``partner`` is the number of its second parent."""
    number = individual.number
    _, change = read_crossing(individual.mutation)
    for descent, ancestor in (
        (Descent.PARENT, individual.parent),
        (Descent.SECOND_PARENT, partner),
        (Descent.TWIN, individual.twin),
        (Descent.MEASURED_AGAIN, individual.remeasures),
    ):
        if ancestor is not None and ancestor < number:
            told = change if descent is Descent.PARENT else None
            yield AncestryLink(child=number, ancestor=ancestor, descent=descent, change=told)


def fitnesses_of(
    store: Store, search_id: str, individuals: Sequence[IndividualRecord]
) -> Mapping[int, Accuracies]:
    """By number: its own, or what it takes over from the first of its behaviour. One statement."""
    trained = {each.number: _trained(each) for each in individuals}
    known = store.individuals.fitnesses(search_id, sorted(set(trained.values())))
    return {number: known[first] for number, first in trained.items() if first in known}


def _trained(individual: IndividualRecord) -> int:
    if individual.twin is not None:
        return individual.twin
    return individual.number if individual.remeasures is None else individual.remeasures


@lru_cache(maxsize=65_536)
def _fingerprint(text: str) -> str | None:
    """Cached, because it is dear, and the best are crossed again and again."""
    try:
        return identify_equation(read_equation(text)).fingerprint
    except InvalidEquation:
        return None


def second_parents(
    store: Store, search_id: str, individuals: Sequence[IndividualRecord]
) -> Mapping[int, int]:
    """The number of the second parent of each that is a crossover and whose second parent is known."""
    texts = {each.number: read_crossing(each.mutation)[0] for each in individuals}
    behaviours = {
        number: fingerprint
        for number, text in texts.items()
        if text is not None and (fingerprint := _fingerprint(text)) is not None
    }
    first = store.individuals.first_of(search_id, set(behaviours.values()))
    return {
        number: first[fingerprint].number
        for number, fingerprint in behaviours.items()
        if fingerprint in first and first[fingerprint].number < number
    }
