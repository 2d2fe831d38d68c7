"""Whoever asks over HTTP: keys and what they open, requests with the answers they got, what was done in whose
name, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class KeyScope(StrEnum):
    """What an API key opens; each scope contains those before it."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"

    def allows(self, needed: KeyScope) -> bool:
        """Whether a key of this scope may do what ``needed`` names; the order of the members decides."""
        order = list(KeyScope)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """An API key without its secret."""

    id: str
    label: str
    scope: KeyScope
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request was answered. ``body`` is None where it holds a secret, which is never kept."""

    status: int
    headers: Mapping[str, str]
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRequest:
    """What is known under a key. ``answer`` is None as long as the server has not given one."""

    sha256: str
    answer: Answer | None


class ActOutcome(StrEnum):
    """What became of an act."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRecord:
    """One row of the audit trail: the key with the id ``caller`` and the name ``label`` (both empty where no
    key was demanded) asked from ``address`` for ``verb`` of ``target``, as ``pause`` of ``searches/3f0a5c``.
    ``detail`` says why it was refused, or what else it made."""

    id: int
    at: datetime
    caller: str
    label: str
    address: str
    request_id: str
    verb: str
    target: str
    outcome: ActOutcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows of the audit trail; None is any. ``since`` is included, ``until`` is not."""

    caller: str | None = None
    label: str | None = None
    verb: str | None = None
    target: str | None = None
    outcome: ActOutcome | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRecord:
    """An address that is told when searches and evaluations end: all, or the one ``search_id``. The secret,
    by which the receiver knows us, is none of it."""

    id: str
    url: str
    search_id: str | None
    owner: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One message to one webhook. It is tried again at ``due_at`` until it is delivered or given up;
    ``status`` and ``reason`` are of the last try."""

    id: int
    webhook_id: str
    search_id: str
    event: str
    body: str
    created_at: datetime
    due_at: datetime
    attempts: int
    delivered_at: datetime | None = None
    given_up_at: datetime | None = None
    status: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDelivery:
    """A delivery that somebody has taken to send, with what it takes to."""

    id: int
    url: str
    secret: str
    event: str
    body: str
    attempts: int
