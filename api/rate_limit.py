"""How often one caller may ask: a caller is an API key, or an address where no key was recognised.

Counted in this process, over a window that slides; several API processes count each for itself. Event streams
count once, when they are opened.
"""

from __future__ import annotations

import math
import time

from fastapi import Request
from fastapi.responses import Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import respond
from api.middleware import SAFE_METHODS, client_address

#: A probe that is refused would have a healthy process restarted, and a scrape that is refused hides why.
UNLIMITED_PATHS = ("/livez", "/readyz", "/metrics", "/version", "/static/")


class RateLimiter:
    """Counts requests by caller; 0 is no limit. ``changes`` holds for what is no mere reading, beside
    ``requests``, which holds for everything. Both are per minute."""

    def __init__(self, requests: int, changes: int) -> None:
        self._requests = RateLimitItemPerMinute(requests) if requests else None
        self._changes = RateLimitItemPerMinute(changes) if changes else None
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def refusal(self, request: Request) -> Response | None:
        """None, and the request counted; or the answer 429, and nothing counted."""
        if request.url.path.startswith(UNLIMITED_PATHS):
            return None
        caller = request.scope.get("api_key_id") or f"address {client_address(request)}"
        is_change = request.method not in SAFE_METHODS
        for limit, noun in ((self._requests, "requests"), (self._changes if is_change else None, "changes")):
            if limit is not None and not self._counter.hit(limit, noun, caller):
                reset_at = self._counter.get_window_stats(limit, noun, caller).reset_time
                return _refused(
                    request, f"more than {limit.amount:,} {noun} a minute", reset_at - time.time()
                )
        return None


def _refused(request: Request, detail: str, wait_s: float) -> Response:
    seconds = max(1, min(60, math.ceil(wait_s)))
    return respond(
        request,
        429,
        "too-many-requests",
        detail,
        hint=f"wait {seconds} s, as Retry-After says; then send it again",
        headers={"Retry-After": str(seconds)},
    )


class RateLimit:
    """Behind the gate, so that nobody uses up the share of a key that is not theirs."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        self.app = app
        self.limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 429 with ``Retry-After``, or passes the request on."""
        refusal = self.limiter.refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)
