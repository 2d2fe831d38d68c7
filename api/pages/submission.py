"""The first page: all searches, and the form that starts one."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import ServiceDep, SliceDep, StoreDep
from api.errors import details
from api.pages.forms import KEY_FIELD, Form, blank_form, read_form, spec_document
from api.rendering import render
from backprop_evo import data
from backprop_evo.errors import InvalidInput
from backprop_evo.service import Service, parse_search_spec
from backprop_evo.store.base import Store

router = APIRouter()
FIELD_OF_FORM = {"confirmation.best": "best", "confirmation.seeds": "seeds", "equation": "start"}


def _home(
    request: Request,
    store: Store,
    service: Service,
    *,
    form: Form,
    cursor: str | None = None,
    limit: int = 25,
    error: InvalidInput | None = None,
) -> Response:
    return render(
        request,
        "home.html",
        status_code=200 if error is None else error.status,
        page=store.searches.page(cursor=cursor, limit=limit),
        first=cursor is None,
        nodes=service.live_nodes(),
        form=form,
        error=error,
        wrong_field=_wrong_field(error) if error else None,
        datasets=data.names(),
        last_event=store.events.last(),
        key_field=KEY_FIELD,
        idempotency_key=form.get(KEY_FIELD) or secrets.token_hex(16),
    )


def _wrong_field(error: InvalidInput) -> str | None:
    for detail in details(error):
        field = detail.field or ""
        return FIELD_OF_FORM.get(field, field.removeprefix("train.").split("[")[0])
    return None


@router.get("/")
def home(request: Request, store: StoreDep, service: ServiceDep, part: SliceDep) -> Response:
    """The newest searches, and the form for another one."""
    return _home(request, store, service, form=blank_form(), cursor=part.cursor, limit=min(part.limit, 25))


@router.post("/searches")
def submit(
    request: Request, store: StoreDep, service: ServiceDep, form: Annotated[Form, Depends(read_form)]
) -> Response:
    """Start the search and go to its page; a second press of the button leads to the same search, because
    ``api/idempotency.py`` answers it."""
    try:
        search = service.submit_search(parse_search_spec(spec_document(form)))
    except InvalidInput as error:
        return _home(request, store, service, form=blank_form() | form, error=error)
    return RedirectResponse(f"/searches/{search.id}", status_code=303)
