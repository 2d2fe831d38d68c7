"""How one description of a call serves programs that block and programs that await.

A noun (searches, one search, …) is a class of conversations. On a noun whose connection blocks, a method
marked ``call`` returns its value and one marked ``iteration`` an iterator; on one whose connection awaits,
the same methods return a coroutine and an asynchronous iterator. A type checker is told which.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from backprop_evo.client.reading import read
from backprop_evo.client.retrying import Retrying, ask, asked_to
from backprop_evo.client.steps import Answer, Conversation, Found, Iteration, Request

if TYPE_CHECKING:
    from typing import Self

PAGE = 100
"""Items asked for at a time; the service gives out up to 500."""


class Blocking:
    """Marks what waits in the calling thread."""


class Awaiting:
    """Marks what is awaited."""


M = TypeVar("M", Blocking, Awaiting)
N = TypeVar("N")
P = ParamSpec("P")
T = TypeVar("T")


class Carrier(Protocol):
    """What carries conversations out: ``connections`` has one for each mark."""

    @property
    def url(self) -> str:
        """Where the service is."""

    @property
    def retrying(self) -> Retrying:
        """How requests are sent again."""

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds that only grow."""

    def carry_out(self, conversation: Conversation[Any]) -> Any:
        """The conversation's value, or a coroutine of it."""

    def iterate(self, iteration: Iteration[Any]) -> Any:
        """The items, one after the other."""


class Noun(Generic[M]):
    """What the service has, and a connection to ask for it."""

    def __init__(self, connection: Carrier) -> None:
        self._connection = connection

    def _ask(self, request: Request) -> Conversation[Answer]:
        return (yield from ask(request, self._connection.retrying, self._connection.url))

    def _get(self, kind: type[T], path: str, **parameters: object) -> Conversation[T]:
        return read(kind, (yield from self._ask(asked_to("GET", path, parameters))).json())

    def _all(self, kind: type[T], path: str, **parameters: object) -> Conversation[tuple[T, ...]]:
        """Of a listing that has one page only."""
        answer = yield from self._ask(asked_to("GET", path, parameters))
        return tuple(read(kind, each) for each in answer.json()["items"])

    def _pages(self, path: str, limit: int | None, **parameters: object) -> Iteration[Any]:
        """Up to ``limit`` items of a listing as they came, page after page; None: all there are."""
        cursor: str | None = None
        left = float("inf") if limit is None else limit
        while left > 0:
            size = PAGE if left > PAGE else int(left)
            asked = {**parameters, "limit": size, "cursor": cursor}
            page = (yield from self._ask(asked_to("GET", path, asked))).json()
            # Listings grow while they are read; what was asked for is an upper bound.
            for each in page["items"][:size]:
                yield Found(each)
            left -= len(page["items"])
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _each(self, kind: type[T], path: str, limit: int | None, **parameters: object) -> Iteration[T]:
        return converted(self._pages(path, limit, **parameters), lambda value: read(kind, value))


def converted(iteration: Iteration[Any], convert: Callable[[Any], T]) -> Iteration[T]:
    """The same iteration with every item converted."""
    reply = None
    while True:
        try:
            step = iteration.send(reply)
        except StopIteration:
            return
        reply = yield Found(convert(step.item)) if isinstance(step, Found) else step


def collected(iteration: Iteration[T]) -> Conversation[tuple[T, ...]]:
    """All items of an iteration at once."""
    items: list[T] = []
    reply = None
    while True:
        try:
            step = iteration.send(reply)
        except StopIteration:
            return tuple(items)
        if isinstance(step, Found):
            items.append(step.item)
            reply = None
        else:
            reply = yield step


class _Method(Generic[N, P, T]):
    """A method of a noun by its conversation; keeps name, docstring and signature."""

    def __init__(self, plan: Callable[Concatenate[N, P], Generator[Any, Any, Any]]) -> None:
        self._plan: Callable[..., Generator[Any, Any, Any]] = plan
        # Help and editors read these of the class's attribute.
        self.__doc__ = plan.__doc__
        self.__wrapped__ = plan


class call(_Method[N, P, T]):  # noqa: N801 - it reads as what it does
    """Marks a conversation that comes to one value."""

    def __init__(self, plan: Callable[Concatenate[N, P], Conversation[T]]) -> None:
        super().__init__(plan)

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: Noun[Blocking], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, noun: Noun[Awaiting], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, noun: Any, owner: type) -> Any:
        if noun is None:
            return self
        plan = self._plan

        @wraps(plan)
        def carried_out(*args: Any, **named: Any) -> Any:
            return noun._connection.carry_out(plan(noun, *args, **named))

        return carried_out


class iteration(_Method[N, P, T]):  # noqa: N801
    """Marks a conversation that finds one item after the other."""

    def __init__(self, plan: Callable[Concatenate[N, P], Iteration[T]]) -> None:
        super().__init__(plan)

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: Noun[Blocking], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, noun: Noun[Awaiting], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, noun: Any, owner: type) -> Any:
        if noun is None:
            return self
        plan = self._plan

        @wraps(plan)
        def iterated(*args: Any, **named: Any) -> Any:
            return noun._connection.iterate(plan(noun, *args, **named))

        return iterated
