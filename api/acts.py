"""Who asks for what, for the audit trail: what is carried out is noted by the transaction that does it, what
is refused afterwards."""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import READING_POSTS
from api.middleware import SAFE_METHODS, client_address
from backprop_evo.errors import Unavailable
from backprop_evo.service import utc_now
from backprop_evo.store.acting import Act, acting
from backprop_evo.store.base import Audit

PREFIX = "/api/v1"

#: What a request without a verb of its own does.
VERBS_OF_METHODS = {"POST": "create", "PUT": "replace", "PATCH": "change", "DELETE": "delete"}

#: Nouns whose pages carry out verbs as ``/noun/id/verb``.
NOUNS_OF_PAGES = ("searches", "evaluations", "equations")


class Acts:
    """Behind the gate and the limit: knows whose key was recognised, and sees only what may be tried."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on; what only reads is no act."""
        if not _may_change(scope):
            await self.app(scope, receive, send)
            return
        act = _act_of(scope)
        status = 0

        async def heard(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with acting(act):
            await self.app(scope, receive, heard)
        if status >= 400:
            act.refusal = f"{status} {act.refusal}".strip()
            try:
                await run_sync(_audit(scope).note_refusal, act)
            # The answer is given, and says that the database is away; the log has the request.
            except Unavailable:
                return


def _audit(scope: Scope) -> Audit:
    audit: Audit = scope["app"].state.store.audit
    return audit


def _may_change(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
        return False
    # Signing in changes nothing that is stored.
    return scope["path"] not in (*READING_POSTS, "/login")


def _act_of(scope: Scope) -> Act:
    verb, target = verb_and_target(scope["method"], scope["path"])
    return Act(
        caller=scope.get("api_key_id", ""),
        label=scope.get("api_key_label", ""),
        address=client_address(Request(scope)),
        request_id=scope.get("request_id", ""),
        verb=verb,
        target=target,
        at=utc_now(),
    )


def verb_and_target(method: str, path: str) -> tuple[str, str]:
    """As people say it: ``POST /api/v1/searches/3f0a5c:pause`` is ``pause`` of ``searches/3f0a5c``, and so is
    the form of its page, ``POST /searches/3f0a5c/pause``."""
    rest = path.removeprefix(PREFIX).strip("/")
    parts = rest.split("/")
    if path.startswith("/api/"):
        target, colon, verb = rest.rpartition(":")
        return (verb, target) if colon else (VERBS_OF_METHODS.get(method, method.lower()), rest)
    if len(parts) == 3 and parts[0] in NOUNS_OF_PAGES:
        return parts[2], "/".join(parts[:2])
    return VERBS_OF_METHODS.get(method, method.lower()), rest
