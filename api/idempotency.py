"""A key on a POST: a repetition gets the first answer and does nothing.

Programs send it as ``Idempotency-Key`` with any POST of the REST API, the page that submits a search in a
hidden field of its form. A key belongs to the API key that sent it. Refusals change nothing and are not kept:
their repetition is judged anew. An answer marked ``Cache-Control: no-store`` holds a secret: that it was
given is kept, what it said is not.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress

import anyio
import structlog
from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ProblemDetail, respond
from api.pages.forms import FORM_TYPE, KEY_FIELD, parse_form
from backprop_evo.errors import InvalidInput, Unavailable
from backprop_evo.records.callers import Answer, EarlierRequest
from backprop_evo.service import utc_now
from backprop_evo.store.base import Requests
from backprop_evo.store.keyed import MAX_KEY_LENGTH, KeyedRequest, under_key

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PREFIX = "/api/"
KEYED_FORMS = ("/searches", "/evaluations")
"""Pages' forms with a hidden key. No other form's body is read here, and its answer is not kept: signing in
answers with a cookie that is a secret."""

KEY_TEXT = re.compile("[!-~]([ -~]*[!-~])?")
PATIENCE_S = 5.0
"""How long a repetition waits for the answer to the first request, which may be under way."""

LOOK_EVERY_S = 0.05
PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "any text of your choice; a repetition with the same key gets the first answer again",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_KEY_LENGTH,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    },
}

log = structlog.get_logger(__name__)


class Idempotency:
    """Innermost: knows which API key was recognised, and answers before anything is carried out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests without a key, or with a key in a form that is not ours to read, pass untouched."""
        if not (_has_header(scope) or _is_keyed_form(scope)):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(request, await request.body())
        except HTTPException as error:  # the body is too large
            answer = respond(request, error.status_code, "content-too-large", error.detail)
        except Unavailable as error:
            answer = respond(request, error.status, "unavailable", error.message, hint=error.hint)
        # Nobody is left to answer.
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        name, field, key = _key(request, body)
        # A form without a key: its body was read to look for one, and is handed on.
        if key is None:
            buffered = _Buffer(body)
            await self.app(request.scope, buffered.receive, buffered.send)
            return buffered.answer()
        if not (len(key) <= MAX_KEY_LENGTH and KEY_TEXT.fullmatch(key)):
            detail = f"{name} has 1 to {MAX_KEY_LENGTH} printable ASCII characters"
            errors = [ProblemDetail(detail=detail, field=field)]
            return respond(request, 422, "invalid-request", detail, errors=errors)
        caller = request.scope.get("api_key_id", "")
        asked = KeyedRequest(caller=caller, key=key, sha256=_digest(request, body), at=utc_now())
        # Off the event loop: the store blocks.
        earlier = await run_sync(_requests(request).find, caller, key)
        if earlier is None:
            answer = await self._execute(request, body, asked)
            if answer is not None:
                return answer
            earlier = await run_sync(_requests(request).find, caller, key)
        return await self._repeat(request, asked, earlier)

    async def _execute(self, request: Request, body: bytes, asked: KeyedRequest) -> Response | None:
        """The answer, kept; None when another request with this key was first."""
        buffered = _Buffer(body)
        with under_key(asked):
            await self.app(request.scope, buffered.receive, buffered.send)
        if asked.was_second:
            return None
        answer = buffered.answer()
        # A refusal that stored nothing is not kept: mended, the same request may come again under its key.
        if answer.status_code < 400 or asked.is_marked:
            try:
                await run_sync(_requests(request).keep, asked, _kept(answer))
            except Unavailable as error:
                # It was carried out, and that is stored; only a repetition will hear that its answer is lost.
                log.error("answer not kept", reason=error.message)
        return answer

    async def _repeat(
        self, request: Request, asked: KeyedRequest, earlier: EarlierRequest | None
    ) -> Response:
        """The answer to the earlier request, once it is there."""
        with anyio.move_on_after(PATIENCE_S):
            while earlier is None or (earlier.answer is None and earlier.sha256 == asked.sha256):
                await anyio.sleep(LOOK_EVERY_S)
                earlier = await run_sync(_requests(request).find, asked.caller, asked.key)
        if earlier is not None and earlier.sha256 != asked.sha256:
            detail = f"idempotency key {asked.key!r} was used for another request"
            return respond(request, 409, "conflict", detail, hint="use a new key for a new request")
        if earlier is None or earlier.answer is None:
            detail = f"the request with the idempotency key {asked.key!r} was carried out, its answer is lost"
            hint = "the server ended in between: look at what is there; it will not be done again"
            return respond(request, 409, "conflict", detail, hint=hint)
        # Secrets are never stored, so that a repetition cannot be shown one again.
        if earlier.answer.body is None:
            detail = f"the request with the idempotency key {asked.key!r} was carried out; its answer held a"
            hint = "where it got lost, revoke what was made and make another with a new key"
            return respond(request, 409, "conflict", f"{detail} secret, which is shown once", hint=hint)
        headers = {**earlier.answer.headers, REPLAYED: "true"}
        return Response(earlier.answer.body, earlier.answer.status, headers)


class _Buffer:
    """Hands a body that was read to the application, and holds its answer back."""

    def __init__(self, body: bytes) -> None:
        self._request: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._answer: list[Message] = []

    async def receive(self) -> Message:
        return self._request.pop() if self._request else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self._answer.append(message)

    def answer(self) -> Response:
        start = self._answer[0]
        body = b"".join(each.get("body", b"") for each in self._answer[1:])
        return Response(body, start["status"], dict(Headers(raw=start["headers"])))


def _requests(request: Request) -> Requests:
    requests: Requests = request.app.state.store.requests
    return requests


def _has_header(scope: Scope) -> bool:
    return _is_post(scope) and scope["path"].startswith(PREFIX) and HEADER in Headers(scope=scope)


def _is_keyed_form(scope: Scope) -> bool:
    return _is_post(scope) and scope["path"] in KEYED_FORMS


def _is_post(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["method"] == "POST")


def _key(request: Request, body: bytes) -> tuple[str, str, str | None]:
    """What the key is called, the field that a refusal names, and the key; None where a form has none."""
    if _has_header(request.scope):
        return HEADER, f"header.{HEADER}", request.headers[HEADER]
    with suppress(InvalidInput):
        if request.headers.get("content-type", "").startswith(FORM_TYPE):
            return KEY_FIELD, KEY_FIELD, parse_form(body).get(KEY_FIELD) or None
    return KEY_FIELD, KEY_FIELD, None


def _digest(request: Request, body: bytes) -> str:
    """Of what is asked for; the same JSON, spaced or ordered in another way, is the same."""
    with suppress(ValueError, RecursionError):
        # A deep document raises RecursionError; its bytes are then compared as they are.
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    path: str = request.scope["path"]
    target = path.encode(errors="surrogatepass") + b"?" + request.scope["query_string"]
    return hashlib.sha256(target + b"\n" + body).hexdigest()


def _kept(answer: Response) -> Answer:
    # Counted anew for every answer.
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    is_secret = "no-store" in answer.headers.get("cache-control", "")
    body = None if is_secret else bytes(answer.body).decode()
    return Answer(status=answer.status_code, headers=headers, body=body)
