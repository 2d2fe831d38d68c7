"""What every request passes: an id, a log line, a time, a size limit, its origin, strict headers."""

from __future__ import annotations

import errno
import re
import secrets
import time
from collections.abc import Collection
from urllib.parse import urlsplit

import anyio
import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import disk_full, internal_error, respond
from backprop_evo.records.described import is_storable

MAX_BODY_BYTES = 1_000_000
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

log = structlog.get_logger(__name__)


class RequestFrame:
    """Outermost: gives the request its id, logs it, answers what nobody caught, adds the headers.

    ``Server-Timing`` has the milliseconds until the answer began; pages rest by it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One line in the log a request, written when its answer is through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["request_id"] = _request_id(Headers(scope=scope))
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = scope["request_id"]
                headers["Server-Timing"] = f"app;dur={1000 * (time.perf_counter() - began):.1f}"
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=scope["request_id"]):
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception as error:
                if status and _has_left(error):
                    return
                log.exception("request failed")
                # The answer has begun: a second one cannot follow, and the broken connection says enough.
                if status:
                    raise
                answer = disk_full if _is_full(error) else internal_error
                await answer(Request(scope))(scope, receive, send_with_headers)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_s=round(time.perf_counter() - began, 4),
                )


def client_address(request: Request) -> str:
    """Where a request comes from, as far as the server knows; that of a proxy where it is not trusted."""
    return request.client.host if request.client is not None else "unknown"


def _has_left(error: BaseException) -> bool:
    """Whether all that broke is the way to a client that closed its stream."""
    if isinstance(error, BaseExceptionGroup):
        return all(_has_left(each) for each in error.exceptions)
    return isinstance(error, (anyio.BrokenResourceError, anyio.ClosedResourceError, ClientDisconnect))


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    # A proxy's id is kept, so that its log and ours tell of one request; anything odd could forge lines of
    # the log.
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


class StorableAddress:
    """Refuses addresses with U+0000, which no id, name or cursor holds and no database could be asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 400, whatever the route."""
        odd = scope["type"] == "http" and (
            not is_storable(scope["path"]) or b"%00" in scope.get("query_string", b"")
        )
        if odd:
            refusal = respond(Request(scope), 400, "bad-request", "the address holds U+0000")
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


class SizeLimit:
    """Refuses bodies over ``MAX_BODY_BYTES``, announced or streamed."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 413 at once where the size is announced, else when too much has come."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self.max_bytes:
            await respond(Request(scope), 413, "content-too-large", self._message())(scope, receive, send)
            return
        received = 0

        # A body may come without an announced length, or with a wrong one.
        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise HTTPException(413, self._message())
            return message

        await self.app(scope, counted, send)

    def _message(self) -> str:
        return f"a request body has at most {self.max_bytes:,} bytes"


class SameOrigin:
    """Refuses requests that another site's page makes through a visitor's browser.

    Browsers name the origin of every request that is not safe (``Sec-Fetch-Site``, ``Origin``); other clients
    send neither and pass. ``hosts`` are the names under which we may be addressed (empty: any), so that no
    foreign name that resolves to this machine counts as our own.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403 to a foreign page or a foreign name of this machine."""
        if scope["type"] == "http" and (reason := self._refusal(scope)):
            await respond(Request(scope), 403, "foreign-origin", reason)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.hosts and _hostname(f"//{host}") not in self.hosts:
            return (
                f"this server is not known as {host[:100]!r}: it answers to {', '.join(sorted(self.hosts))}"
            )
        if scope["method"] in SAFE_METHODS:
            return None
        site = headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return f"a page of another site ({site}) may not change anything here"
        origin = headers.get("origin")
        if origin is not None and site is None and _netloc(origin) != host.lower():
            return f"a page of {origin[:100]} may not change anything here"
        return None


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _hostname(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
