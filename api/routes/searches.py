"""Searches: submit, list, read, and the verbs, one route for each row of their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Response, status
from fastapi.responses import StreamingResponse

from api.deps import (
    Archived,
    ExpectedVersion,
    RowChoiceDep,
    SearchDep,
    SearchId,
    ServiceDep,
    SliceDep,
    StoreDep,
    TagQuery,
    TrialChoiceDep,
    etag,
    one_of,
)
from api.etags import is_known
from api.schemas.ancestry import AncestryOut
from api.schemas.comparisons import ComparisonOut
from api.schemas.evaluations import EvaluationOut
from api.schemas.leaderboard import LeaderboardRowOut
from api.schemas.plans import CheckedSearchOut
from api.schemas.searches import IndividualOut, SearchOut
from api.schemas.stages import StageOut
from api.schemas.steering import InjectionOut, SearchChangesIn, changes_of
from api.schemas.trials import TrialOut
from api.schemas.wire import PageOut
from api.verb_routes import add_verb_routes
from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS, find_report_format
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import InjectionRecord
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.lifecycle import INJECT, VERBS
from backprop_evo.service import Service, parse_search_spec
from backprop_evo.service.ancestry import ancestry_of
from backprop_evo.service.export_formats import EXPORT_FORMATS, find_export_format
from backprop_evo.service.exporting import EXPORT_TABLES, Wanted, find_export_table
from backprop_evo.service.funnel import progress_of_stages
from backprop_evo.service.search_reports import write_report
from backprop_evo.store.cursors import decode_cursor, encode_cursor

router = APIRouter(prefix="/searches", tags=["searches"])
SPEC_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SearchSpec"}}},
    }
}
REPORT_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {each.media_type: {} for each in REPORT_FORMATS.values()}}
}
EXPORT_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {each.media_type: {} for each in EXPORT_FORMATS.values()}}
}
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""A report brings its own style along, and nothing else."""


def _answer(response: Response, search: SearchRecord, code: int = status.HTTP_200_OK) -> SearchOut:
    response.headers["ETag"] = etag(search)
    if code == status.HTTP_202_ACCEPTED:
        response.headers["Location"] = f"/api/v1/searches/{search.id}"
    return SearchOut.of(search)


@router.post("", status_code=status.HTTP_202_ACCEPTED, openapi_extra=SPEC_BODY)
def submit_search(
    document: Annotated[dict[str, Any], Body()],
    response: Response,
    service: ServiceDep,
    with_counterpart: Annotated[
        bool, Query(description="also order its counterpart: random search under the same budget and seeds")
    ] = False,
) -> SearchOut:
    """Queue a search. Everything but ``name`` has a default; ``Location`` says where to follow it."""
    checked = service.check_search(parse_search_spec(document))
    search = service.queue_search(checked, with_counterpart=with_counterpart)
    answer = _answer(response, search, status.HTTP_202_ACCEPTED)
    return answer.model_copy(update={"warnings": checked.warnings})


@router.post(":check", openapi_extra=SPEC_BODY)
def check_search(document: Annotated[dict[str, Any], Body()], service: ServiceDep) -> CheckedSearchOut:
    """Check a search without queueing it; of one with a ``budget`` the plan for the present pool."""
    return CheckedSearchOut.of(service.check_search(parse_search_spec(document)))


@router.get("")
def list_searches(
    store: StoreDep,
    part: SliceDep,
    state: Annotated[SearchState | None, Query()] = None,
    archived: Archived = False,
    tag: TagQuery = None,
) -> PageOut[SearchOut]:
    """Newest first, without those that are archived."""
    page = store.searches.page(state=state, archived=archived, tag=tag, cursor=part.cursor, limit=part.limit)
    return PageOut(items=[SearchOut.of(each) for each in page.items], next_cursor=page.next_cursor)


@router.get("/{search_id:id}", responses={304: {"description": "as in If-None-Match"}})
def read_search(
    search: SearchDep, response: Response, if_none_match: Annotated[str | None, Header()] = None
) -> Any:
    """One search; its ``ETag`` changes whenever it does."""
    if is_known(if_none_match, etag(search)):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag(search)})
    return _answer(response, search)


@router.patch("/{search_id:id}")
def change_search(
    search_id: SearchId,
    body: SearchChangesIn,  # type: ignore[valid-type]
    version: ExpectedVersion,
    response: Response,
    service: ServiceDep,
) -> SearchOut:
    """Change priority, tags, note, archive, or the budget of one that has not ended; what is not named
    stays."""
    changed = service.change_search(search_id, changes_of(body), expected_version=version)
    return _answer(response, changed)


@router.delete("/{search_id:id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_search(search_id: SearchId, version: ExpectedVersion, service: ServiceDep) -> None:
    """Delete a search that has ended, with its evaluations, trials, results and events, for good. Its
    counterpart stays."""
    service.delete_search(search_id, expected_version=version)


@router.get("/{search_id}/injections")
def list_injections(search: SearchDep, store: StoreDep, part: SliceDep) -> PageOut[InjectionOut]:
    """Equations that somebody put in, in their order, with what became of each."""
    after = 0 if part.cursor is None else decode_cursor("injections", part.cursor, (int,))[0]
    found = store.injections.of(search.id, after=after, limit=part.limit + 1)
    items = [InjectionOut.model_validate(each) for each in found[: part.limit]]
    more = len(found) > part.limit
    return PageOut(items=items, next_cursor=encode_cursor("injections", items[-1].place) if more else None)


Applied = tuple[SearchRecord, Sequence[InjectionRecord]]


def _applying(service: Service) -> Callable[..., Applied]:
    """What a verb made, and the equations that it put in."""

    def apply(
        verb: str, search_id: str, arguments: dict[str, Any], *, expected_version: int | None
    ) -> Applied:
        changed = service.apply_verb(verb, search_id, arguments, expected_version=expected_version)
        if verb != INJECT.name:
            return changed, ()
        count = len(arguments["equations"])
        return changed, service.store.injections.of(changed.id, after=changed.injections - count, limit=count)

    return apply


def _answer_verb(response: Response, applied: Applied, code: int) -> SearchOut:
    changed, injected = applied
    told = tuple(InjectionOut.model_validate(each) for each in injected)
    return _answer(response, changed, code).model_copy(update={"injected": told})


add_verb_routes(router, VERBS, "search", _applying, _answer_verb, SearchOut)


@router.get("/{search_id}/trials")
def list_trials(
    search: SearchDep,
    store: StoreDep,
    part: SliceDep,
    choice: TrialChoiceDep,
) -> PageOut[TrialOut]:
    """The trials of a search, newest first unless sorted otherwise, without their curves."""
    page = store.trials.page(search.id, choice=choice, cursor=part.cursor, limit=part.limit)
    spared = store.intermediates.spared([each.id for each in page.items])
    return PageOut(items=[TrialOut.of(each, spared) for each in page.items], next_cursor=page.next_cursor)


@router.get("/{search_id}/individuals")
def list_individuals(search: SearchDep, store: StoreDep, part: SliceDep) -> PageOut[IndividualOut]:
    """Every proposal in order: the lineage of the search."""
    after = -1 if part.cursor is None else decode_cursor("individuals", part.cursor, (int,))[0]
    found = store.individuals.of(search.id, after=after, limit=part.limit + 1)
    items = [IndividualOut.of(each) for each in found[: part.limit]]
    more = len(found) > part.limit
    return PageOut(items=items, next_cursor=encode_cursor("individuals", items[-1].number) if more else None)


@router.get("/{search_id}/individuals/{number}/ancestry")
def read_ancestry(
    search: SearchDep,
    store: StoreDep,
    number: Annotated[int, Path(ge=0, lt=2**31, description="number of an individual")],
) -> AncestryOut:
    """What an individual came from, at most 200 individuals: parents, second parents of crossovers, the first
    of a twin's behaviour, and what was changed."""
    return AncestryOut.of(ancestry_of(store, search.id, number))


@router.get("/{search_id}/leaderboard")
def read_leaderboard(
    search: SearchDep, store: StoreDep, service: ServiceDep, part: SliceDep, choice: RowChoiceDep
) -> PageOut[LeaderboardRowOut]:
    """Confirmed equations first, each with its verdict; then the others; plain backprop is ranked among
    them."""
    page = store.leaderboard.page(search.id, choice=choice, cursor=part.cursor, limit=part.limit)
    verdicts = service.verdicts_of(search)
    items = [LeaderboardRowOut.of(each, verdicts.get(each.fingerprint)) for each in page.items]
    return PageOut(items=items, next_cursor=page.next_cursor)


@router.get("/{search_id}/tables/{table}", response_class=Response, responses=EXPORT_FORMS)
def export_table(
    search: SearchDep,
    store: StoreDep,
    table: Annotated[
        str,
        Path(max_length=16, **one_of(EXPORT_TABLES)),
    ],
    trials: TrialChoiceDep,
    rows: RowChoiceDep,
    format: Annotated[
        str,
        Query(max_length=16, **one_of(EXPORT_FORMATS)),
    ] = "csv",
) -> Response:
    """Leaderboard, trials or curves as a file, written while it is read. Trials and curves are chosen and
    sorted as in the list of trials, rows of the leaderboard as there."""
    wanted, chosen = find_export_table(table), find_export_format(format)
    read = wanted.rows(store, search, Wanted(trials=trials, rows=rows))
    named = f'attachment; filename="search-{search.id}-{wanted.name}.{chosen.suffix}"'
    return StreamingResponse(
        chosen.write(wanted.columns, read),
        media_type=chosen.media_type,
        headers={"Content-Disposition": named},
    )


@router.get("/{search_id}/report", response_class=Response, responses=REPORT_FORMS)
def read_report(
    search: SearchDep,
    store: StoreDep,
    format: Annotated[
        str,
        Query(max_length=16, **one_of(REPORT_FORMATS)),
    ] = "html",
    replay: Annotated[bool, Query(description="Check that the search replays, which takes a while.")] = True,
    download: Annotated[bool, Query(description="As a file, in place of showing it.")] = False,
) -> Response:
    """What the search has found so far, in one document: verdict, funnel, tables, curves, lineage, and how to
    repeat it."""
    chosen = find_report_format(format)
    named = f'attachment; filename="search-{search.id}.{chosen.suffix}"'
    headers = {"Content-Security-Policy": REPORT_POLICY} | (
        {"Content-Disposition": named} if download else {}
    )
    return Response(
        write_report(store, search, chosen, replayed=replay), media_type=chosen.media_type, headers=headers
    )


@router.get("/{search_id}/comparison")
def read_comparison(
    search: SearchDep,
    service: ServiceDep,
    with_id: Annotated[
        str | None,
        Query(alias="with", max_length=64, description="another search of its setting; else its counterpart"),
    ] = None,
) -> ComparisonOut:
    """The search beside another: their best on new seeds, their best fitness by trainings and by worker
    seconds, and how many of their proposals learn."""
    return ComparisonOut.of(service.compare_searches(search, with_id))


@router.get("/{search_id}/evaluations")
def list_evaluations_of_search(search: SearchDep, store: StoreDep) -> PageOut[EvaluationOut]:
    """Those that belong to the search, newest first: the stages of its funnel, and transfers that somebody
    asked for."""
    found = store.evaluations.of_search(search.id)
    return PageOut(items=[EvaluationOut.of(each) for each in found], next_cursor=None)


@router.get("/{search_id}/stages")
def list_stages(search: SearchDep, store: StoreDep) -> PageOut[StageOut]:
    """The funnel of the search: each stage that it has, in their order, also those that are to come. A
    resource of its own, because a stage goes on without a new version of the search."""
    return PageOut(items=[StageOut.of(each) for each in progress_of_stages(store, search)], next_cursor=None)
