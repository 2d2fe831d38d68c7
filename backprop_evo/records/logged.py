"""What has happened to a trial, told line by line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One thing that happened at a moment in UTC, in the attempt of that number (None: before any)."""

    at: datetime
    attempt: int | None
    text: str
