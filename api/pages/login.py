"""Where keys are demanded, a person hands theirs over once; a cookie that scripts cannot read keeps it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from api.access import COOKIE
from api.deps import StoreDep
from api.pages.forms import Form, read_form
from api.rendering import render

router = APIRouter()


@router.get("/login")
def login_page(request: Request) -> Response:
    """Where a page is asked for without a key."""
    return render(request, "login.html", wrong=False)


@router.post("/login")
def log_in(request: Request, store: StoreDep, form: Annotated[Form, Depends(read_form)]) -> Response:
    """The key goes into a cookie that no script can read and no other site can send."""
    text = form.get("key", "").strip()
    if store.keys.authenticate(text) is None:
        return render(request, "login.html", status_code=401, wrong=True)
    answer = RedirectResponse("/", status_code=303)
    # For this session of the browser only, and over TLS alone where the page came so.
    answer.set_cookie(
        COOKIE, text, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )
    return answer
