"""Who may do what, where API keys are demanded.

A key comes as ``Authorization: Bearer bpe_…`` or, from the pages, in a cookie that only the server reads.
Reading needs the scope ``read``, changing anything ``submit``, the keys themselves and the audit trail
``admin``.
"""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import respond, wants_page
from api.middleware import SAFE_METHODS
from api.rate_limit import RateLimiter
from backprop_evo.records.callers import KeyScope
from backprop_evo.store.base import Keys

COOKIE = "bpe_key"
ADMINISTRATION = ("/api/v1/keys", "/api/v1/audit")
OPEN_PATHS = ("/livez", "/readyz", "/version", "/login", "/static/")
# POST because what they read is too long for an address, not because they change anything.
READING_POSTS = ("/api/v1/equations:check", "/api/v1/searches:check", "/searches:form")


class KeyGate:
    """Lets a request pass that carries a key we know."""

    def __init__(self, app: ASGIApp, keys: Keys, limiter: RateLimiter) -> None:
        self.app = app
        self.keys = keys
        self.limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with what its key opens, or answers 401, 429 or a redirect to the page that
        asks for a key."""
        refusal = await self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        if request.url.path.startswith(OPEN_PATHS):
            return None
        text = _key_text(request)
        key = await run_sync(self.keys.authenticate, text) if text else None
        if key is not None:
            known = {"api_key_id": key.id, "api_key_label": key.label, "api_key_scope": key.scope}
            request.scope.update(known)
            return None
        # Those who pass are counted by their key, behind this gate.
        if (too_many := self.limiter.refusal(request)) is not None:
            return too_many
        # A form that was sent is not redirected: what was typed would be lost without a word.
        if wants_page(request) and request.method in SAFE_METHODS:
            return RedirectResponse("/login", status_code=303)
        return respond(
            request,
            401,
            "unauthenticated",
            "this API key is unknown or revoked" if text else "this server demands an API key",
            hint="send Authorization: Bearer bpe_…; backprop-evo keys create makes one",
            headers={"WWW-Authenticate": "Bearer"},
        )


class ScopeGate:
    """Lets a request pass whose key has the needed scope. Behind the audit trail, which is to know who tried
    what they may not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403; what is open to all carries no key and passes."""
        held: KeyScope | None = scope.get("api_key_scope")
        if held is not None and not held.allows(needed := needed_scope(scope["method"], scope["path"])):
            detail = f"the key has the scope {held}, this needs {needed}"
            await respond(Request(scope), 403, "forbidden", detail)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def needed_scope(method: str, path: str) -> KeyScope:
    """The least scope that lets a request pass."""
    if path.startswith(ADMINISTRATION):
        return KeyScope.ADMIN
    if path.startswith("/api/v1/webhooks"):  # an address is often a secret, even in part
        return KeyScope.SUBMIT
    if method in SAFE_METHODS or path in READING_POSTS:
        return KeyScope.READ
    return KeyScope.SUBMIT


def _key_text(request: Request) -> str:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")
