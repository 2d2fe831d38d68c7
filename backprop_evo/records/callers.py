"""Whoever asks over HTTP: keys and what they open, requests with the answers they got."""

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
