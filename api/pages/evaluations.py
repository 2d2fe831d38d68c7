"""Pages of evaluations: the list, and one with its table, what it says, and its verbs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import EvaluationDep, EvaluationId, ServiceDep, SliceDep, StoreDep
from api.pages.forms import Form, read_form, verb_arguments
from api.pages.searches import Refusal
from api.rendering import render
from backprop_evo.errors import InvalidSettings
from backprop_evo.evaluation.formats import FORMATS
from backprop_evo.records.stored import EvaluationRecord
from backprop_evo.search.lifecycle import EVALUATION_VERBS, find_verb, legal_verbs
from backprop_evo.service import Service, evaluation_spec_to_json
from backprop_evo.store.base import Store

router = APIRouter()
RECENT = 12


@router.get("/evaluations")
def evaluations_page(request: Request, store: StoreDep, part: SliceDep) -> Response:
    """All of them, newest first."""
    page = store.evaluations.page(cursor=part.cursor, limit=min(part.limit, 25))
    return render(
        request,
        "evaluations.html",
        page=page,
        first=part.cursor is None,
        last_event=store.events.last(),
    )


@router.get("/evaluations/{evaluation_id}")
def evaluation_page(
    request: Request, evaluation: EvaluationDep, store: StoreDep, service: ServiceDep
) -> Response:
    """What it shows so far, first in a sentence, then as a table."""
    return _evaluation_page(request, evaluation, store, service)


def _evaluation_page(
    request: Request,
    evaluation: EvaluationRecord,
    store: Store,
    service: Service,
    refusal: Refusal | None = None,
) -> Response:
    return render(
        request,
        "evaluation.html",
        status_code=refusal.error.status if refusal else 200,
        evaluation=evaluation,
        table=service.evaluation_table(evaluation),
        formats=list(FORMATS.values()),
        verbs=legal_verbs(evaluation.state, EVALUATION_VERBS),
        refusal=refusal,
        spec_json=evaluation_spec_to_json(evaluation.spec),
        recent=store.trials.page(evaluation.id, limit=RECENT).items,
        last_event=store.events.last(),
    )


@router.post("/evaluations/{evaluation_id}/{verb}")
def act(
    request: Request,
    evaluation_id: EvaluationId,
    verb: str,
    service: ServiceDep,
    store: StoreDep,
    form: Annotated[Form, Depends(read_form)],
) -> Response:
    """One of the buttons. What was typed wrong comes back on the page of the evaluation."""
    try:
        arguments = verb_arguments(find_verb(verb, EVALUATION_VERBS), form)
        changed = service.apply_verb_to_evaluation(verb, evaluation_id, arguments)
    except InvalidSettings as error:
        evaluation = store.evaluations.get(evaluation_id)
        return _evaluation_page(request, evaluation, store, service, Refusal(verb, form, error))
    return RedirectResponse(f"/evaluations/{changed.id}", status_code=303)
