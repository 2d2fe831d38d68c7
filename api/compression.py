"""Answers are compressed for who can read that, and JSON that a client has is not sent again.

Event streams, pictures and fonts go as they are (Starlette's list): what is compressed waits for more, and an
event must not. Level 5 costs half the time of 9 for one or two in a hundred bytes more.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.etags import etag_of, is_known

LEVEL, LEAST_BYTES = 5, 1_000
#: Compressed by themselves, beside what Starlette knows.
COMPRESSED = ("application/vnd.apache.parquet", "application/x-sqlite3")
#: Longer answers are not read through for an ETag: nobody polls them.
MOST_BYTES = 1_000_000


class Compression:
    """gzip; the ETag of what was compressed becomes a weak one (RFC 9110, 8.8.3.3)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = GZipMiddleware(
            app,
            minimum_size=LEAST_BYTES,
            compresslevel=LEVEL,
            exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *COMPRESSED),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever the route."""

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                tag = headers.get("etag", "")
                if headers.get("content-encoding") == "gzip" and tag.startswith('"'):
                    headers["ETag"] = f"W/{tag}"
            await send(message)

        await self.app(scope, receive, send_weakened)


class Validation:
    """JSON that no route gave an ETag gets one of its text; 304 where the client has that text. It saves
    bytes, not the work behind them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Only GET, and only answers that are whole in one message."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match")
        held: Message | None = None

        async def send_validated(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _may_have_etag(message):
                held = message
                return
            if held is not None:
                start, held = held, None
                for each in _validated(start, message, known):
                    await send(each)
                return
            await send(message)

        await self.app(scope, receive, send_validated)


def _may_have_etag(start: Message) -> bool:
    headers = Headers(raw=start.get("headers", []))
    return (
        start["status"] == 200
        and headers.get("content-type", "").startswith("application/json")
        and "etag" not in headers
        and headers.get("cache-control") != "no-store"
    )


def _validated(start: Message, body: Message, known: str | None) -> tuple[Message, Message]:
    content = body.get("body", b"")
    if body.get("more_body", False) or len(content) > MOST_BYTES:
        return start, body
    tag = etag_of(content)
    headers = MutableHeaders(scope=start)
    headers["ETag"] = tag
    headers.setdefault("Cache-Control", "private, no-cache")
    if not is_known(known, tag):
        return start, body
    for name in ("content-length", "content-type"):
        del headers[name]
    return {**start, "status": 304}, {**body, "body": b""}
