"""Conversations carried out over HTTP: once in the calling thread, once awaiting. Nothing else is said twice
in this package."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

from backprop_evo.client.retrying import Retrying
from backprop_evo.client.steps import (
    Answer,
    Broken,
    Conversation,
    Ended,
    Found,
    Iteration,
    Listen,
    Message,
    Next,
    Pause,
    Reply,
    Request,
    Step,
)

TIMEOUT_S = 30.0
SILENCE_S = 60.0
"""A stream that says nothing for so long is taken for broken: the service speaks every 15 s."""

T = TypeVar("T")


@dataclass(slots=True)
class BlockingConnection:
    """One connection to one service, for one thread at a time."""

    url: str
    http: httpx2.Client
    retrying: Retrying = field(default_factory=Retrying)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def carry_out(self, conversation: Conversation[T]) -> T:
        """Its value. Raises what it raises."""
        reply: Reply = None
        # An interrupted wait puts its bar away at once, not when the garbage is collected.
        with closing(conversation):
            while True:
                try:
                    step = conversation.send(reply)
                except StopIteration as end:
                    value: T = end.value
                    return value
                reply = self._perform(step)

    def iterate(self, iteration: Iteration[T]) -> Iterator[T]:
        """Its items; what it listens to is closed with the iterator."""
        with ExitStack() as open_answers:
            messages: Iterator[httpx2.ServerSentEvent] = iter(())
            reply: Reply = None
            while True:
                try:
                    step = iteration.send(reply)
                except StopIteration:
                    return
                reply = None
                if isinstance(step, Found):
                    yield step.item
                elif isinstance(step, Listen):
                    open_answers.close()
                    reply, messages = self._listen(step.request, open_answers)
                elif isinstance(step, Next):
                    reply = _next(messages)
                else:
                    reply = self._perform(step)

    def _perform(self, step: Step) -> Reply:
        if isinstance(step, Pause):
            self.sleep(step.seconds)
            return None
        assert isinstance(step, Request), "only an iteration listens"
        try:
            return _answer(self.http.request(step.method, step.path, **_said(step)))
        except httpx2.HTTPError as error:
            return _broken(error)

    def _listen(
        self, request: Request, open_answers: ExitStack
    ) -> tuple[Reply, Iterator[httpx2.ServerSentEvent]]:
        stream = self.http.stream(request.method, request.path, timeout=_STREAMING, **_said(request))
        try:
            response = open_answers.enter_context(stream)
            if not response.is_success:
                response.read()
                return _answer(response), iter(())
        except httpx2.HTTPError as error:
            return _broken(error), iter(())
        return Answer(response.status_code, response.headers, b""), iter(httpx2.EventSource(response))


@dataclass(slots=True)
class AwaitingConnection:
    """The same for programs that await."""

    url: str
    http: httpx2.AsyncClient
    retrying: Retrying = field(default_factory=Retrying)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Any] = asyncio.sleep

    async def carry_out(self, conversation: Conversation[T]) -> T:
        """Its value. Raises what it raises."""
        reply: Reply = None
        with closing(conversation):
            while True:
                try:
                    step = conversation.send(reply)
                except StopIteration as end:
                    value: T = end.value
                    return value
                reply = await self._perform(step)

    async def iterate(self, iteration: Iteration[T]) -> AsyncIterator[T]:
        """Its items; what it listens to is closed with the iterator."""
        async with AsyncExitStack() as open_answers:
            messages: AsyncIterator[httpx2.ServerSentEvent] | None = None
            reply: Reply = None
            while True:
                try:
                    step = iteration.send(reply)
                except StopIteration:
                    return
                reply = None
                if isinstance(step, Found):
                    yield step.item
                elif isinstance(step, Listen):
                    await open_answers.aclose()
                    reply, messages = await self._listen(step.request, open_answers)
                elif isinstance(step, Next):
                    reply = await _next_awaited(messages)
                else:
                    reply = await self._perform(step)

    async def _perform(self, step: Step) -> Reply:
        if isinstance(step, Pause):
            await self.sleep(step.seconds)
            return None
        assert isinstance(step, Request), "only an iteration listens"
        try:
            return _answer(await self.http.request(step.method, step.path, **_said(step)))
        except httpx2.HTTPError as error:
            return _broken(error)

    async def _listen(
        self, request: Request, open_answers: AsyncExitStack
    ) -> tuple[Reply, AsyncIterator[httpx2.ServerSentEvent] | None]:
        stream = self.http.stream(request.method, request.path, timeout=_STREAMING, **_said(request))
        try:
            response = await open_answers.enter_async_context(stream)
            if not response.is_success:
                await response.aread()
                return _answer(response), None
        except httpx2.HTTPError as error:
            return _broken(error), None
        return Answer(response.status_code, response.headers, b""), aiter(httpx2.EventSource(response))


_STREAMING = httpx2.Timeout(TIMEOUT_S, read=SILENCE_S)


def _said(request: Request) -> dict[str, Any]:
    """As the library takes it."""
    said: dict[str, Any] = {"headers": dict(request.headers)}
    if request.parameters:
        said["params"] = dict(request.parameters)
    return said if request.body is None else {**said, "json": dict(request.body)}


def _answer(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, response.headers, response.content)


def _broken(error: httpx2.HTTPError) -> Broken:
    return Broken(str(error) or type(error).__name__)


def _next(messages: Iterator[httpx2.ServerSentEvent]) -> Reply:
    try:
        return _message(next(messages))
    except StopIteration:
        return Ended()
    except httpx2.HTTPError as error:
        return _broken(error)


async def _next_awaited(messages: AsyncIterator[httpx2.ServerSentEvent] | None) -> Reply:
    if messages is None:
        return Ended()
    try:
        return _message(await anext(messages))
    except StopAsyncIteration:
        return Ended()
    except httpx2.HTTPError as error:
        return _broken(error)


def _message(event: httpx2.ServerSentEvent) -> Message:
    return Message(event.id, event.data)
