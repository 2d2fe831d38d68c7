"""Pages of evaluations: the list with the form for another one, and one with what it says and its verbs."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import EvaluationDep, EvaluationId, ServiceDep, SliceDep, StoreDep
from api.pages.evaluation_form import EvaluationForm, evaluation_document
from api.pages.forms import KEY_FIELD, MAX_FILLED_IN, Form, read_form, verb_arguments
from api.pages.searches import Refusal
from api.parts import Later
from api.rendering import render
from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.evaluation.formats import FORMATS
from backprop_evo.records.stored import EvaluationRecord
from backprop_evo.search.lifecycle import EVALUATION_VERBS, find_verb, legal_verbs
from backprop_evo.service import Service, evaluation_spec_to_json
from backprop_evo.store.base import Store

router = APIRouter()
RECENT = 12


@router.get("/evaluations")
def evaluations_page(
    request: Request,
    store: StoreDep,
    part: SliceDep,
    methods: Annotated[str, Query(max_length=MAX_FILLED_IN)] = "",
) -> Response:
    """All of them, newest first, and the form for another one, of ``methods`` where a link names them."""
    form = {"methods": methods} if methods else {}
    return _evaluations_page(request, store, form, cursor=part.cursor, limit=min(part.limit, 25))


@router.post("/evaluations")
def submit(
    request: Request,
    store: StoreDep,
    service: ServiceDep,
    form: Annotated[Form, Depends(read_form)],
) -> Response:
    """Start the evaluation and go to its page; with ``from_search`` it is a transfer, from the page of that
    search. What was typed wrong comes back in the form."""
    try:
        evaluation = service.submit_evaluation_document(evaluation_document(form))
    except InvalidInput as error:
        return _evaluations_page(request, store, form, error=error)
    return RedirectResponse(f"/evaluations/{evaluation.id}", status_code=303)


def _evaluations_page(
    request: Request,
    store: Store,
    form: Form,
    *,
    cursor: str | None = None,
    limit: int = 25,
    error: InvalidInput | None = None,
) -> Response:
    return render(
        request,
        "evaluations.html",
        status_code=200 if error is None else error.status,
        page=store.evaluations.page(cursor=cursor, limit=limit),
        first=cursor is None,
        form=EvaluationForm.of(form, error),
        key_field=KEY_FIELD,
        idempotency_key=form.get(KEY_FIELD) or secrets.token_hex(16),
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
        table=Later(lambda: service.evaluation_table(evaluation)),
        formats=list(FORMATS.values()),
        verbs=legal_verbs(evaluation.state, EVALUATION_VERBS),
        refusal=refusal,
        spec_json=Later(lambda: evaluation_spec_to_json(evaluation.spec)),
        recent=Later(lambda: store.trials.page(evaluation.id, limit=RECENT).items),
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
