"""Evaluations: submit, list, read, their table in several formats, and the verbs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response, status

from api.deps import (
    Archived,
    EvaluationDep,
    EvaluationId,
    ExpectedVersion,
    ServiceDep,
    SliceDep,
    StoreDep,
    TagQuery,
    TrialChoiceDep,
    etag,
    one_of,
)
from api.etags import is_known
from api.schemas.evaluations import EvaluationOut
from api.schemas.steering import EvaluationChangesIn, changes_of
from api.schemas.trials import TrialOut
from api.schemas.wire import PageOut
from api.verb_routes import add_verb_routes
from backprop_evo.evaluation.formats import FORMATS, find_format
from backprop_evo.evaluation.table import EvaluationTable
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import EvaluationRecord
from backprop_evo.search.lifecycle import EVALUATION_VERBS

router = APIRouter(prefix="/evaluations", tags=["evaluations"])

SPEC_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EvaluationSpec"}}},
    }
}
TABLE_FORMATS: dict[int | str, dict[str, Any]] = {
    200: {"content": {each.media_type: {} for each in FORMATS.values() if each.name != "json"}}
}


def _answer(
    response: Response, evaluation: EvaluationRecord, code: int = status.HTTP_200_OK
) -> EvaluationOut:
    response.headers["ETag"] = etag(evaluation)
    if code == status.HTTP_202_ACCEPTED:
        response.headers["Location"] = f"/api/v1/evaluations/{evaluation.id}"
    return EvaluationOut.of(evaluation)


@router.post("", status_code=status.HTTP_202_ACCEPTED, openapi_extra=SPEC_BODY)
def submit_evaluation(
    document: Annotated[dict[str, Any], Body()], response: Response, service: ServiceDep
) -> EvaluationOut:
    """Queue an evaluation. ``name`` and ``methods`` are needed; a method may be written as a text (a name, an
    equation, or one of the groups table-1, known and controls), a setting as the name of a preset,
    ``controls`` as none, few or all. ``in_momentum`` adds each setting in momentum. With ``from_search`` the
    methods are the ``best`` equations which that search has confirmed, and ``settings`` has to be given."""
    evaluation = service.submit_evaluation_document(document)
    answer = _answer(response, evaluation, status.HTTP_202_ACCEPTED)
    return answer.model_copy(update={"warnings": service.warnings()})


@router.get("")
def list_evaluations(
    store: StoreDep,
    part: SliceDep,
    state: Annotated[SearchState | None, Query()] = None,
    archived: Archived = False,
    tag: TagQuery = None,
) -> PageOut[EvaluationOut]:
    """Newest first, without those that are archived."""
    page = store.evaluations.page(
        state=state, archived=archived, tag=tag, cursor=part.cursor, limit=part.limit
    )
    return PageOut(items=[EvaluationOut.of(each) for each in page.items], next_cursor=page.next_cursor)


@router.get("/{evaluation_id:id}", responses={304: {"description": "as in If-None-Match"}})
def read_evaluation(
    evaluation: EvaluationDep, response: Response, if_none_match: Annotated[str | None, Header()] = None
) -> Any:
    """One evaluation; its ``ETag`` changes whenever it does."""
    if is_known(if_none_match, etag(evaluation)):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag(evaluation)})
    return _answer(response, evaluation)


@router.patch("/{evaluation_id:id}")
def change_evaluation(
    evaluation_id: EvaluationId,
    body: EvaluationChangesIn,  # type: ignore[valid-type]
    version: ExpectedVersion,
    response: Response,
    service: ServiceDep,
) -> EvaluationOut:
    """Change priority, tags, note or archive; what is not named stays."""
    changed = service.change_evaluation(evaluation_id, changes_of(body), expected_version=version)
    return _answer(response, changed)


@router.delete("/{evaluation_id:id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_evaluation(evaluation_id: EvaluationId, version: ExpectedVersion, service: ServiceDep) -> None:
    """Delete an evaluation that has ended and is no stage of a search, for good."""
    service.delete_evaluation(evaluation_id, expected_version=version)


@router.get("/{evaluation_id}/table", response_model=EvaluationTable, responses=TABLE_FORMATS)
def read_table(
    evaluation: EvaluationDep,
    service: ServiceDep,
    format: Annotated[str, Query(max_length=16, **one_of(FORMATS))] = "json",
) -> Response:
    """What has ended so far: a block for each setting, a row with a verdict for each method."""
    chosen = find_format(format)
    named = f'attachment; filename="evaluation-{evaluation.id}.{chosen.suffix}"'
    headers = {} if chosen.name == "json" else {"Content-Disposition": named}
    return Response(service.export_table(evaluation, chosen), media_type=chosen.media_type, headers=headers)


@router.get("/{evaluation_id}/trials")
def list_trials(
    evaluation: EvaluationDep,
    store: StoreDep,
    part: SliceDep,
    choice: TrialChoiceDep,
) -> PageOut[TrialOut]:
    """The trials of an evaluation, newest first unless sorted otherwise, without their curves."""
    page = store.trials.page(evaluation.id, choice=choice, cursor=part.cursor, limit=part.limit)
    spared = store.intermediates.spared([each.id for each in page.items])
    return PageOut(items=[TrialOut.of(each, spared) for each in page.items], next_cursor=page.next_cursor)


add_verb_routes(
    router,
    EVALUATION_VERBS,
    "evaluation",
    lambda service: service.apply_verb_to_evaluation,
    _answer,
    EvaluationOut,
)
