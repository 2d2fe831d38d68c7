"""How busy the service is and how old its signs of life are, for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStep:
    """The newest step that any controller told of, and how many seconds it took."""

    stepped_at: datetime
    step_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """``queued`` trials of searches that run wait for a worker, the oldest since ``oldest_queued_at``.
    ``failed_attempts`` counts attempts without a usable result by how they ended. ``heartbeats`` are the last
    of each node that is known, dead ones too. ``step`` is None where no controller ever told of one;
    ``deliveries`` wait to be told to webhooks."""

    queued: int
    oldest_queued_at: datetime | None
    failed_attempts: Mapping[str, int]
    heartbeats: Mapping[str, datetime]
    step: ControllerStep | None
    deliveries: int
