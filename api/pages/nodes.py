"""The nodes: what each has and trains, and forms that ask something of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import NodeName, ServiceDep, SettingsDep, StoreDep
from api.pages.chart_tables import ATTEMPTS_A_PAGE, slot_attempts
from api.pages.forms import Form, read_form, whole
from api.parts import Later
from api.rendering import render
from backprop_evo.errors import InvalidSettings, NotFound
from backprop_evo.service import Service
from backprop_evo.service.chart_columns import busy_workers
from backprop_evo.service.pool import NODE_VERBS
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was typed for which node, and why it cannot be."""

    name: str
    form: Form
    error: InvalidSettings


@router.get("/nodes")
def nodes_page(request: Request, store: StoreDep, service: ServiceDep, settings: SettingsDep) -> Response:
    """The machines that are not forgotten, and the pool that those alive make."""
    return _page(request, store, service, settings)


def _page(
    request: Request, store: Store, service: Service, settings: Settings, refusal: Refusal | None = None
) -> Response:
    return render(
        request,
        "nodes.html",
        status_code=200 if refusal is None else refusal.error.status,
        nodes=store.nodes.all(),
        pool=service.pool(least=settings.pool_min_slots, most=settings.pool_max_slots),
        dead_since=service.dead_since(),
        refusal=refusal,
        verbs=NODE_VERBS.values(),
        busy=Later(lambda: busy_workers(slot_attempts(store, limit=ATTEMPTS_A_PAGE))),
    )


def _scaled(form: Form) -> dict[str, Any]:
    text = form.get("slots", "").strip()
    return {"slots": whole(text, "slots") if text else None, "gives_back": "gives_back" in form}


def _labelled(form: Form) -> dict[str, Any]:
    labels = [each.strip() for each in form.get("labels", "").split(",") if each.strip()]
    return {"labels": labels or None}


ACTS: Mapping[str, Callable[[Form], dict[str, Any]]] = {
    "scale": _scaled,
    "label": _labelled,
}
"""What a field beside a button asks for; an empty one is what the node's own settings say."""


def _wanted(act: str, form: Form) -> dict[str, Any]:
    """What is asked by a button. Raises ``NotFound``, ``InvalidSettings``."""
    if act in NODE_VERBS:
        return NODE_VERBS[act].wanted(gives_back="gives_back" in form)
    if act in ACTS:
        return ACTS[act](form)
    raise NotFound(f"nobody can {act[:40]!r} a node", hint=f"known: {', '.join((*ACTS, *NODE_VERBS))}")


@router.post("/nodes/{name}/{act}")
def act(
    request: Request,
    name: NodeName,
    act: str,
    store: StoreDep,
    service: ServiceDep,
    settings: SettingsDep,
    form: Annotated[Form, Depends(read_form)],
) -> Response:
    """One of the buttons. What was typed wrong comes back beside it."""
    try:
        service.ask_of_node(name, _wanted(act, form))
    except InvalidSettings as error:
        return _page(request, store, service, settings, Refusal(name, form, error))
    return RedirectResponse("/nodes", status_code=303)
