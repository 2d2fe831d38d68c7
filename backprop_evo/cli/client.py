"""A client of the REST API: paths in, plain JSON values out, problems as errors of our tree."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import httpx2

from backprop_evo.errors import BackpropEvoError, Conflict, InvalidInput, NotFound, Unavailable

DEFAULT_URL = "http://127.0.0.1:8000"
PREFIX = "/api/v1"

Json = dict[str, Any]


class Client:
    """One connection to one service.

    Every call raises ``Unavailable`` when nobody answers, ``NotFound``, ``Conflict`` or ``InvalidInput`` for
    what the service refuses, with the service's own words.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.url = url.rstrip("/")
        self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=30.0, transport=transport)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: object) -> Json:
        """GET below ``/api/v1``; parameters that are None are left out."""
        known = {name: str(value) for name, value in parameters.items() if value is not None}
        return self._ask("GET", path, params=known)

    def text(self, path: str, **parameters: object) -> str:
        """GET below ``/api/v1`` of what is no JSON value to us."""
        return self._response(
            "GET", path, params={name: str(value) for name, value in parameters.items()}
        ).text

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        """POST below ``/api/v1`` under a fresh idempotency key; sent again once when the connection broke."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        try:
            return self._ask("POST", path, json=dict(body or {}), headers=headers)
        # The key makes it safe: if the first did arrive, its answer comes again and nothing is done twice.
        except Unavailable:
            return self._ask("POST", path, json=dict(body or {}), headers=headers)

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """PATCH below ``/api/v1``; asked twice, it changes nothing more."""
        return self._ask("PATCH", path, json=dict(body))

    def items(self, path: str, *, limit: int, **parameters: object) -> Iterator[Json]:
        """Up to ``limit`` items of a listing, page after page."""
        cursor: str | None = None
        while limit > 0:
            page = self.get(path, limit=min(limit, 100), cursor=cursor, **parameters)
            yield from page["items"][:limit]
            # Listings grow while they are read; what was asked for is an upper bound.
            limit -= len(page["items"])
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def is_ready(self) -> bool:
        """True once the service says that it can work."""
        try:
            return self._http.get("/readyz", timeout=5.0).status_code == 200
        except httpx2.HTTPError:
            return False

    def _ask(self, method: str, path: str, **request: Any) -> Json:
        response = self._response(method, path, **request)
        value = response.json() if response.content else {}
        return value if isinstance(value, dict) else {"items": value, "next_cursor": None}

    def _response(self, method: str, path: str, **request: Any) -> httpx2.Response:
        try:
            response = self._http.request(method, PREFIX + path, **request)
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"no answer from {self.url}: {error}",
                hint="start it with `backprop-evo up`, or name another with --url or BACKPROP_EVO_API_URL",
            ) from error
        if response.is_success:
            return response
        raise _error(response)


_KINDS: dict[int, type[BackpropEvoError]] = {404: NotFound, 409: Conflict, 412: Conflict, 503: Unavailable}


def _error(response: httpx2.Response) -> BackpropEvoError:
    """The problem of an answer as an error of ours; 401 and 403 mean a missing key."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    details = [_detail(each) for each in problem.get("errors") or ()]
    message = str(problem.get("detail") or problem.get("title") or f"HTTP {response.status_code}")
    extra = [detail for detail in details if detail and detail not in message]
    hint = problem.get("hint")
    if response.status_code in (401, 403):
        hint = hint or "give a key with --api-key or BACKPROP_EVO_API_KEY"
    if response.status_code >= 500 and response.status_code != 503:
        return BackpropEvoError(f"{message} (request {problem.get('request_id', 'unknown')})", hint=hint)
    kind = _KINDS.get(response.status_code, InvalidInput)
    return kind("\n".join([message, *extra]), hint=hint)


def _detail(problem: Mapping[str, object]) -> str:
    field, detail = problem.get("field"), problem.get("detail")
    return f"{field}: {detail}" if field else str(detail or "")
