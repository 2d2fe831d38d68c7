"""The first page: all searches, and the form that starts one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import Archived, ServiceDep, SettingsDep, SliceDep, StoreDep, TagQuery
from api.pages.forms import KEY_FIELD, MAX_FILLED_IN, Form, read_form
from api.pages.search_form import (
    PRESET_FIELD,
    SearchForm,
    blank_form,
    check_data_is_here,
    form_of,
    wants_counterpart,
    with_preset,
)
from api.parts import Later
from api.rendering import render
from backprop_evo.errors import InvalidInput
from backprop_evo.records.presets import PRESETS
from backprop_evo.records.searching import SearchSpec
from backprop_evo.service import Service, parse_search_spec
from backprop_evo.service.comparing import checked_counterpart
from backprop_evo.service.documents import curl_of, search_document
from backprop_evo.service.timing import plan_document
from backprop_evo.service.use_cases import CheckedSearch
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store

router = APIRouter()


def _home(
    request: Request,
    store: Store,
    service: Service,
    settings: Settings,
    *,
    form: Form,
    cursor: str | None = None,
    limit: int = 25,
    archived: bool = False,
    tag: str | None = None,
    error: InvalidInput | None = None,
    document: Mapping[str, Any] | None = None,
    checked: CheckedSearch | None = None,
) -> Response:
    """``document``: what the form would send, ``checked``."""
    plan = checked.plan if checked else None
    curl = document and curl_of(
        document,
        str(request.base_url),
        with_key=settings.api_keys_required,
        with_counterpart=wants_counterpart(form),
    )
    return render(
        request,
        "home.html",
        status_code=200 if error is None else error.status,
        page=store.searches.page(archived=archived, tag=tag or None, cursor=cursor, limit=limit),
        archived=archived,
        tag=tag or "",
        is_live=cursor is None and request.method == "GET",
        nodes=service.live_nodes(),
        form=Later(lambda: SearchForm.of(form, settings, error)),
        trials=blank_form()["trials"],
        presets=list(PRESETS),
        preset=form.get(PRESET_FIELD, ""),
        document=document,
        curl=curl,
        plan=None if plan is None else plan_document(plan),
        warnings=checked.warnings if checked else (),
        key_field=KEY_FIELD,
        idempotency_key=form.get(KEY_FIELD) or secrets.token_hex(16),
    )


@router.get("/")
def home(
    request: Request,
    store: StoreDep,
    service: ServiceDep,
    settings: SettingsDep,
    part: SliceDep,
    preset: Annotated[str, Query(max_length=64)] = "",
    search_id: Annotated[str, Query(alias="from", max_length=64)] = "",
    start: Annotated[str, Query(max_length=MAX_FILLED_IN)] = "",
    archived: Archived = False,
    tag: TagQuery = None,
) -> Response:
    """The newest searches, and the form for another one. ``from`` fills the form as that search was
    submitted, ``preset`` its training, ``start`` the equations to start from."""
    form = form_of(store.searches.get(search_id)) if search_id else blank_form()
    form = {**form, "start": start} if start else form
    form = with_preset(form, preset) if preset else form
    limit = min(part.limit, 25)
    return _home(
        *(request, store, service, settings),
        form=form,
        cursor=part.cursor,
        limit=limit,
        archived=archived,
        tag=tag,
    )


@router.post("/searches:form")
def look_at_form(
    request: Request,
    store: StoreDep,
    service: ServiceDep,
    settings: SettingsDep,
    typed: Annotated[Form, Depends(read_form)],
) -> Response:
    """The form again: filled in by the chosen preset, or checked and shown as a program would send it.
    Nothing is submitted."""
    form = blank_form() | typed
    try:
        if form.get("do") == "fill":
            filled = with_preset(form, form.get(PRESET_FIELD, ""))
            return _home(request, store, service, settings, form=filled)
        document = search_document(form)
        checked = service.check_search(_spec(document, settings))
        if wants_counterpart(form):
            checked_counterpart(checked.spec, checked.spec.trials)
    except InvalidInput as error:
        return _home(request, store, service, settings, form=form, error=error)
    return _home(request, store, service, settings, form=form, document=document, checked=checked)


@router.post("/searches")
def submit(
    request: Request,
    store: StoreDep,
    service: ServiceDep,
    settings: SettingsDep,
    form: Annotated[Form, Depends(read_form)],
) -> Response:
    """Start the search and go to its page; a second press of the button leads to the same search, because
    ``api/idempotency.py`` answers it."""
    try:
        spec = _spec(search_document(form), settings)
        search = service.submit_search(spec, with_counterpart=wants_counterpart(form))
    except InvalidInput as error:
        return _home(request, store, service, settings, form=blank_form() | form, error=error)
    return RedirectResponse(f"/searches/{search.id}", status_code=303)


def _spec(document: Mapping[str, Any], settings: Settings) -> SearchSpec:
    spec = parse_search_spec(document)
    check_data_is_here(spec.train.data, settings)
    return spec
