"""Two to six equations, or searches, side by side; everything is in the address."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.deps import StoreDep
from api.rendering import render
from backprop_evo.errors import InvalidInput, InvalidSettings, NotFound
from backprop_evo.service.side_by_side import (
    LEAST,
    MOST,
    compare_equations_of,
    compare_searches_of,
)

router = APIRouter()


@router.get("/compare")
def compare_page(
    request: Request,
    store: StoreDep,
    equation: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    search: Annotated[list[str], Query()] = [],  # noqa: B006
) -> Response:
    """What is compared stands in one order, whoever asked in which. What was asked wrongly comes back in the
    form, with the reason."""
    asked = [text for text in (*equation, *search) if text.strip()]
    if not asked:
        return _form(request, equation)
    try:
        if any(text.strip() for text in equation) and any(text.strip() for text in search):
            raise InvalidSettings("equations and searches are compared with their like", field="search")
        if search and not equation:
            return _searches(request, store, search)
        return _equations(request, store, equation)
    except (InvalidInput, NotFound) as error:
        return _form(request, equation, error)


def _form(request: Request, equations: list[str], error: InvalidInput | NotFound | None = None) -> Response:
    shown = [*equations[:MOST], *([""] * LEAST)][: max(LEAST, min(MOST, len(equations)))]
    return render(
        request,
        "compare_form.html",
        status_code=200 if error is None else error.status,
        equations=shown,
        error=error,
        least=LEAST,
        most=MOST,
    )


def _equations(request: Request, store: StoreDep, asked: list[str]) -> Response:
    found = compare_equations_of(store, asked)
    equations = found.side_by_side.equations
    ordered = [each.fingerprint for each in equations]
    if asked != ordered:
        return _at("equation", ordered)
    return render(
        request,
        "compare.html",
        found=found,
        beside=found.side_by_side,
        equations=equations,
        address=urlencode([("equation", each) for each in ordered]),
    )


def _searches(request: Request, store: StoreDep, asked: list[str]) -> Response:
    found = compare_searches_of(store, asked)
    ordered = [each.search.id for each in found.searches]
    if asked != ordered:
        return _at("search", ordered)
    return render(
        request,
        "compare_searches.html",
        found=found,
        address=urlencode([("search", each) for each in ordered]),
    )


def _at(name: str, ordered: list[str]) -> Response:
    """The one address of a comparison, so that a link that is shared is the same for all."""
    return RedirectResponse("/compare?" + urlencode([(name, each) for each in ordered]), 303)
