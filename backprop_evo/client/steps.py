"""What a conversation with the service is made of, without any input or output.

A *conversation* is a generator: it yields steps, is sent what came of each, and returns a value. Whoever
carries it out (``connections``) knows HTTP and waiting and nothing else, so that everything is written once
for programs that block and for those that await.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

PREFIX = "/api/v1"

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. ``parameters`` are those of the address; ``body`` is sent as JSON, None: no body."""

    method: str
    path: str
    parameters: Mapping[str, str | list[str]] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Listen:
    """Send the request and keep its answer open: what it says is asked for by ``NEXT``."""

    request: Request


@dataclass(frozen=True, slots=True)
class Next:
    """Wait for the next message of what is listened to."""


NEXT = Next()


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """Not a step: one item of an iteration, handed to whoever iterates."""

    item: T


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said. Names in ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as a value, None where there is none. Raises ``ValueError``."""
        return json.loads(self.content) if self.content else None


@dataclass(frozen=True, slots=True)
class Broken:
    """No answer, or not all of one: nobody there, a connection cut, a time limit."""

    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of what is listened to; ``id`` is that of the event it tells."""

    id: str
    data: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What was listened to has come to its end."""


Step: TypeAlias = Request | Pause | Listen | Next
Reply: TypeAlias = Answer | Broken | Message | Ended | None
Conversation: TypeAlias = Generator[Step, Reply, T]
Iteration: TypeAlias = Generator[Step | Found[T], Reply, None]
