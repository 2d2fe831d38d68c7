"""The two clients: one for programs that block, one for programs that await, of the same nouns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import httpx2

from backprop_evo.client.answers import LeaderboardRow, Version
from backprop_evo.client.connections import TIMEOUT_S, AwaitingConnection, BlockingConnection
from backprop_evo.client.equations import Datasets, Equations, Nodes, Settings
from backprop_evo.client.evaluations import EvaluationHandle, Evaluations
from backprop_evo.client.following import PATIENCE_S, followed
from backprop_evo.client.leaderboards import Leaderboard
from backprop_evo.client.nouns import Awaiting, Blocking, M, Noun, call, collected, iteration
from backprop_evo.client.problems import error_of
from backprop_evo.client.reading import read
from backprop_evo.client.retrying import Retrying, asked_to
from backprop_evo.client.searches import ROWS, Searches, SearchHandle
from backprop_evo.client.steps import Answer, Conversation, Iteration, Json, Request
from backprop_evo.client.trials import TrialHandle
from backprop_evo.errors import Unavailable
from backprop_evo.records.stored import EventRecord

#: Where `backprop-evo up` serves.
DEFAULT_URL = "http://127.0.0.1:8000"


class Service(Noun[M]):
    """What a service has, by noun, and raw access by path for what no noun tells.

    Every call raises ``Unavailable`` when nobody answers or the service says "not now" again and again, and
    ``NotFound``, ``Conflict`` or ``InvalidInput`` for what it refuses, with the service's own words.
    """

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._connection.url

    @property
    def searches(self) -> Searches[M]:
        """All searches."""
        return Searches(self._connection)

    def search(self, id: str) -> SearchHandle[M]:
        """One search; whether it is there is asked with the first call."""
        return SearchHandle(self._connection, id)

    @property
    def evaluations(self) -> Evaluations[M]:
        """All evaluations."""
        return Evaluations(self._connection)

    def evaluation(self, id: str) -> EvaluationHandle[M]:
        """One evaluation."""
        return EvaluationHandle(self._connection, id)

    def trial(self, id: str) -> TrialHandle[M]:
        """One trial."""
        return TrialHandle(self._connection, id)

    @property
    def equations(self) -> Equations[M]:
        """The language."""
        return Equations(self._connection)

    @property
    def nodes(self) -> Nodes[M]:
        """The machines that train."""
        return Nodes(self._connection)

    @property
    def datasets(self) -> Datasets[M]:
        """The catalogue."""
        return Datasets(self._connection)

    @property
    def settings(self) -> Settings[M]:
        """The settings that have results."""
        return Settings(self._connection)

    @call
    def leaderboard(self, setting: str | None = None, *, limit: int = ROWS) -> Conversation[Leaderboard]:
        """Over all searches, within one ``setting`` by its id; without, one setting after the other. Raises
        ``NotFound``."""
        rows = self._each(LeaderboardRow, "/leaderboard", limit, setting=setting)
        return Leaderboard((yield from collected(rows)))

    @iteration
    def events(
        self, since: int = 0, *, follow: bool = True, away_s: float = PATIENCE_S
    ) -> Iteration[EventRecord]:
        """What happens to all searches and evaluations; as ``events`` of one search."""
        return followed(
            since,
            search_id=None,
            follow=follow,
            patience_s=away_s,
            retrying=self._connection.retrying,
            clock=self._connection.clock,
            url=self._connection.url,
        )

    @call
    def version(self) -> Conversation[Version]:
        """What runs there."""
        return read(Version, (yield from self._ask(Request(method="GET", path="/version"))).json())

    @call
    def is_ready(self) -> Conversation[bool]:
        """True once the service says that it can work; asked once."""
        reply = yield Request(method="GET", path="/readyz")
        return isinstance(reply, Answer) and reply.is_success

    @call
    def get(self, /, path: str, **parameters: object) -> Conversation[Json]:
        """GET below ``/api/v1``; parameters that are None are left out. A list stands under ``items``."""
        return _object((yield from self._ask(asked_to("GET", path, parameters))))

    @call
    def text(self, /, path: str, **parameters: object) -> Conversation[str]:
        """GET below ``/api/v1`` of what is no JSON."""
        return (yield from self._ask(asked_to("GET", path, parameters))).text

    @call
    def post(
        self,
        /,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        idempotency_key: str | None = None,
        at_version: int | None = None,
        **parameters: object,
    ) -> Conversation[Json]:
        """POST below ``/api/v1``, carried out once however often it is sent."""
        request = asked_to("POST", path, parameters, body=body, key=idempotency_key, at_version=at_version)
        return _object((yield from self._ask(request)))

    @call
    def patch(
        self, /, path: str, body: Mapping[str, object], *, at_version: int | None = None
    ) -> Conversation[Json]:
        """PATCH below ``/api/v1``: what is not named stays, so that sending it twice is sending it once."""
        return _object((yield from self._ask(asked_to("PATCH", path, body=body, at_version=at_version))))

    @call
    def delete(self, /, path: str, *, at_version: int | None = None) -> Conversation[None]:
        """DELETE below ``/api/v1``."""
        yield from self._ask(asked_to("DELETE", path, at_version=at_version))

    @iteration
    def items(self, /, path: str, *, limit: int | None = None, **parameters: object) -> Iteration[Json]:
        """Up to ``limit`` items of a listing below ``/api/v1``, page after page, as they came."""
        return self._pages(path, limit, **parameters)


def _object(answer: Answer) -> Json:
    value = answer.json()
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"items": value, "next_cursor": None}


def _headers(api_key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


class Client(Service[Blocking]):
    """A service for programs that block.

    with Client() as client:
        search = client.searches.submit(name="first", trials=24)
        search.wait(progress=True)
        print(search.leaderboard().best)
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retrying: Retrying | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: httpx2.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        url = url.rstrip("/")
        self._http = httpx2.Client(
            base_url=url, headers=_headers(api_key), timeout=timeout_s, transport=transport
        )
        super().__init__(BlockingConnection(url, self._http, retrying or Retrying(), clock, sleep))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._http.close()

    def download(self, /, path: str, write: Callable[[bytes], object], **parameters: object) -> None:
        """GET below ``/api/v1`` of a file, handed to ``write`` part by part, however large it is. Raises
        ``Unavailable`` where it breaks off: parts were written, so that it is not asked for again."""
        request = asked_to("GET", path, parameters)
        try:
            with self._http.stream("GET", request.path, params=dict(request.parameters)) as response:
                if not response.is_success:
                    raise error_of(Answer(response.status_code, response.headers, response.read()))
                for part in response.iter_bytes():
                    write(part)
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"the answer of {self.url} broke off: {error}",
                hint="what was written is not whole: ask again",
            ) from error


class AsyncClient(Service[Awaiting]):
    """The same for programs that await: ``await search.wait()``, ``async for event in search.events()``."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retrying: Retrying | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        url = url.rstrip("/")
        self._http = httpx2.AsyncClient(
            base_url=url, headers=_headers(api_key), timeout=timeout_s, transport=transport
        )
        connection = AwaitingConnection(url, self._http, retrying or Retrying(), clock)
        if sleep is not None:
            connection.sleep = sleep
        super().__init__(connection)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._http.aclose()
