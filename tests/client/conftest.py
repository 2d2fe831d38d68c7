"""The real application behind both clients: what a test asks for is asked for in both ways."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backprop_evo.client import AsyncClient, Client, Retrying
from tests.api import conftest as api

logs, template, url, store = api.logs, api.template, api.url, api.store
settings, app, seed = api.settings, api.app, api.seed

ADDRESS = "http://127.0.0.1"
Ask = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture
def served(app: FastAPI, store: Any, settings: Any) -> Iterator[TestClient]:
    """The application over the test's store."""
    app.state.store, app.state.service, app.state.settings = store, api.Service(store), settings
    with TestClient(app, base_url=ADDRESS) as opened:
        yield opened


@pytest.fixture
def client(served: TestClient) -> Iterator[Client]:
    with Client(ADDRESS, transport=served._transport, retrying=Retrying(attempts=1)) as opened:
        yield opened


@pytest.fixture(params=["blocking", "awaiting"])
def ask(request: pytest.FixtureRequest, served: TestClient) -> Ask:
    """What a client of either kind is told by the application; of an iteration all items."""
    if request.param == "blocking":
        return lambda question: _ask_blocking(served, question)
    return lambda question: asyncio.run(_ask_awaiting(served, question))


def _ask_blocking(served: TestClient, question: Callable[[Any], Any]) -> Any:
    with Client(ADDRESS, transport=served._transport, retrying=Retrying(attempts=1)) as client:
        found = question(client)
        return list(found) if isinstance(found, Iterator) else found


async def _ask_awaiting(served: TestClient, question: Callable[[Any], Any]) -> Any:
    transport = httpx2.ASGITransport(served.app)
    async with AsyncClient(ADDRESS, transport=transport, retrying=Retrying(attempts=1)) as client:
        found = question(client)
        if isinstance(found, AsyncIterator):
            return [each async for each in found]
        assert isinstance(found, Coroutine)
        return await found
