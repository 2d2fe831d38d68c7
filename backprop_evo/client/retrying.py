"""Requests that are sent again: which, how often, and after what pause."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import random
from typing import Any

from backprop_evo.client.problems import AWAY, error_of
from backprop_evo.client.steps import PREFIX, Answer, Broken, Conversation, Pause, Request
from backprop_evo.errors import Unavailable

KEY_HEADER = "Idempotency-Key"
START_IT = "start it with `backprop-evo up`, or name another with --url or BACKPROP_EVO_API_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """How often a request is sent at most (``attempts``), and the pauses between in seconds: ``first_s``,
    then twice as long each time, at most ``longest_s``. A service that names a time (``Retry-After``) is
    given it, within the same bound.

    ``chance`` is from [0, 1): a pause is shortened by up to half, so that many clients of a service that was
    away do not come back at once.
    """

    attempts: int = 4
    first_s: float = 0.2
    longest_s: float = 5.0
    chance: Callable[[], float] = random

    def pause_after(self, attempt: int, answer: Answer | Broken | None = None) -> Pause:
        """After the attempt of that number, from 1."""
        # Beyond 2⁶⁰ no float has to be made of it: the bound was passed long before.
        grown = self.first_s * 2 ** min(attempt - 1, 60)
        asked = answer.headers.get("retry-after", "") if isinstance(answer, Answer) else ""
        if asked.isascii() and asked.isdigit():
            return Pause(min(self.longest_s, max(grown, float(asked))))
        return Pause(min(self.longest_s, grown) * (1 - 0.5 * self.chance()))


def new_key() -> str:
    """A fresh idempotency key."""
    return secrets.token_hex(16)


def asked_to(
    method: str,
    path: str,
    parameters: Mapping[str, object] | None = None,
    *,
    body: Mapping[str, Any] | None = None,
    key: str | None = None,
    at_version: int | None = None,
) -> Request:
    """A request below ``/api/v1``. Parameters that are None are left out, one that is a
    list is given several times. A POST has an idempotency key,
    ``key`` or a fresh one; with ``at_version`` it acts on that version only."""
    headers = {KEY_HEADER: key or new_key()} if method == "POST" else {}
    if at_version is not None:
        headers["If-Match"] = f'"{at_version}"'
    return Request(
        method=method,
        path=PREFIX + path,
        parameters={name: _texts(each) for name, each in (parameters or {}).items() if each is not None},
        body=dict(body or {}) if method in ("POST", "PATCH", "PUT") else None,
        headers=headers,
    )


def _texts(value: object) -> str | list[str]:
    return [_text(each) for each in value] if isinstance(value, list | tuple) else _text(value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def ask(request: Request, retrying: Retrying, url: str) -> Conversation[Answer]:
    """The answer to a request, which is sent again while nobody answers or the service says "not now".

    That is safe for every request: reading changes nothing, and a POST is carried out once under its key.
    Raises ``Unavailable`` after the last attempt, and what the answer tells.
    """
    attempt = 0
    while True:
        attempt += 1
        reply = yield request
        assert isinstance(reply, Answer | Broken)
        if isinstance(reply, Answer) and reply.status not in AWAY:
            break
        if attempt >= retrying.attempts:
            break
        yield retrying.pause_after(attempt, reply)
    if isinstance(reply, Broken):
        raise nobody(url, reply)
    if not reply.is_success:
        raise error_of(reply)
    return reply


def nobody(url: str, broken: Broken) -> Unavailable:
    """The error where there is no answer."""
    return Unavailable(f"no answer from {url}: {broken.reason}", hint=START_IT)
