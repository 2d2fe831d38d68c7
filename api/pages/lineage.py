"""The lineage of a search: one individual's ancestry as a drawing and a table, and all its proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import Fingerprint, SearchDep, Slice, SliceDep, StoreDep
from api.lineage_drawing import draw_ancestry, shortened
from api.rendering import render
from backprop_evo.errors import InvalidInput, NotFound
from backprop_evo.records.stored import IndividualRecord
from backprop_evo.service.ancestry import (
    AncestryLink,
    ancestry_of,
    fitnesses_of,
    links_of,
    second_parents,
)
from backprop_evo.store.base import Store
from backprop_evo.store.cursors import decode_cursor, encode_cursor

router = APIRouter()
ORDERS = {"number": "as they were proposed", "rank": "the best first"}


@dataclass(frozen=True, slots=True)
class Proposals:
    """One page of them."""

    items: tuple[IndividualRecord, ...]
    next_cursor: str | None


@router.get("/searches/{search_id}/lineage")
def lineage_page(
    request: Request,
    search: SearchDep,
    store: StoreDep,
    part: SliceDep,
    individual: Annotated[str, Query(max_length=20)] = "",
    order: Annotated[str, Query(max_length=16)] = "number",
) -> Response:
    """The ancestry of one individual, the best where none is named; all proposals below. Raises
    ``InvalidInput``, ``NotFound``."""
    if order not in ORDERS:
        raise InvalidInput(f"no order is called {order[:16]!r}", hint=f"known: {', '.join(ORDERS)}")
    chosen = _number(individual) if individual.strip() else _best(store, search.id)
    ancestry = None if chosen is None else ancestry_of(store, search.id, chosen)
    proposals = _by_rank(store, search.id, part) if order == "rank" else _by_number(store, search.id, part)
    return render(
        request,
        "lineage.html",
        search=search,
        chosen=ancestry.individuals[0] if ancestry else None,
        ancestry=ancestry,
        drawing=draw_ancestry(ancestry) if ancestry else None,
        shortened=shortened,
        links_of_ancestry=_by_child(ancestry.links) if ancestry else {},
        elsewhere=_elsewhere(store, ancestry.individuals[0]) if ancestry else (),
        proposals=proposals,
        links=_by_child(_links(store, search.id, proposals.items)),
        fitnesses=fitnesses_of(store, search.id, proposals.items),
        order=order,
        orders=ORDERS,
    )


@router.get("/equations/{fingerprint}/lineage")
def equation_lineage(fingerprint: Fingerprint, store: StoreDep) -> Response:
    """To the newest search that proposed this behaviour. Raises ``NotFound``."""
    found = store.individuals.of_behaviour(fingerprint, limit=1)
    if not found:
        raise NotFound(
            f"no search has proposed the behaviour {fingerprint[:64]!r}",
            hint="one that only an evaluation trained has no ancestors",
        )
    return RedirectResponse(f"/searches/{found[0].search_id}/lineage?individual={found[0].number}", 303)


def _number(text: str) -> int:
    """Raises ``InvalidInput``."""
    bare = text.strip().removeprefix("#")
    if not (bare.isascii() and bare.isdigit()) or len(bare) > 9:
        raise InvalidInput(
            f"an individual is a number, not {text.strip()[:20]!r}",
            hint="its number stands before its equation",
        )
    return int(bare)


def _best(store: Store, search_id: str) -> int | None:
    """The best equation that was found; None until there is one."""
    rows = store.leaderboard.page(search_id, limit=20).items
    found = [row for row in rows if not (row.is_baseline or row.is_yardstick or row.is_control)]
    return next((row.individual for row in found if row.individual is not None), None)


def _by_number(store: Store, search_id: str, part: Slice) -> Proposals:
    after = -1 if part.cursor is None else decode_cursor("individuals", part.cursor, (int,))[0]
    found = store.individuals.of(search_id, after=after, limit=part.limit + 1)
    shown = tuple(found[: part.limit])
    more = encode_cursor("individuals", shown[-1].number) if len(found) > part.limit else None
    return Proposals(shown, more)


def _by_rank(store: Store, search_id: str, part: Slice) -> Proposals:
    """Those with a fitness, in the order of the leaderboard."""
    page = store.leaderboard.page(search_id, cursor=part.cursor, limit=part.limit)
    numbers = [row.individual for row in page.items if row.individual is not None]
    found = store.individuals.ancestors(search_id, numbers, limit=part.limit, steps=0)
    by_number = {each.number: each for each in found}
    return Proposals(tuple(by_number[each] for each in numbers if each in by_number), page.next_cursor)


def _links(store: Store, search_id: str, individuals: Sequence[IndividualRecord]) -> list[AncestryLink]:
    partners = second_parents(store, search_id, individuals)
    return [link for each in individuals for link in links_of(each, partners.get(each.number))]


def _by_child(links: Sequence[AncestryLink]) -> dict[int, list[AncestryLink]]:
    found: dict[int, list[AncestryLink]] = {}
    for link in links:
        found.setdefault(link.child, []).append(link)
    return found


def _elsewhere(store: Store, individual: IndividualRecord) -> Sequence[IndividualRecord]:
    """The same behaviour in other searches."""
    found = store.individuals.of_behaviour(individual.fingerprint)
    return [each for each in found if each.search_id != individual.search_id]
