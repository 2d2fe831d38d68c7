"""Types of columns that SQLite and PostgreSQL disagree on."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, Index, Integer, TypeDecorator, text
from sqlalchemy.engine import Dialect
from typing_extensions import override

LongId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only as INTEGER


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index of the rows for which ``where`` holds, as each database wants to be told."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware time, kept as UTC; SQLite stores it without the zone, so that text order is time
    order."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """On the way in. Raises ``ValueError`` for a time without a zone: whose noon would it be?"""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times must carry a timezone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    @override
    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """On the way out, always in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Kind(StrEnum):
    """What a row of ``searches`` is."""

    SEARCH = "search"
    EVALUATION = "evaluation"
