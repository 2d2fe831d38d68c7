"""Keyset cursors: where a page ended, as opaque text. A page costs the same however far down it is."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, cast

from backprop_evo.errors import InvalidInput
from backprop_evo.records.described import is_storable

MAX_PAGE = 1000


def encode_cursor(kind: str, *key: object) -> str:
    """The place after the row with that key, in the listing ``kind``."""
    return base64.urlsafe_b64encode(json.dumps([kind, *key]).encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str, types: Sequence[type]) -> list[Any]:
    """The key again. Raises ``InvalidInput`` for anything ``encode_cursor`` did not write for this
    listing."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise _not_ours(cursor) from None
    if not isinstance(values, list) or len(values) != len(types) + 1 or values[0] != kind:
        raise _not_ours(cursor)
    if any(type(value) is not wanted for value, wanted in zip(values[1:], types, strict=True)):
        raise _not_ours(cursor)
    if not all(map(_fits_a_column, values[1:])):
        raise _not_ours(cursor)
    return values[1:]


def decode_time(text: str) -> datetime:
    """A time within a cursor. Raises ``InvalidInput`` for one that ``encode_cursor`` was never given."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if _has_zone(text) else _no_time()
    except (ValueError, OverflowError):
        return _no_time()


def _has_zone(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def _no_time() -> NoReturn:
    raise InvalidInput("the cursor names no time", hint="pass next_cursor unchanged")


def _fits_a_column(value: object) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return is_storable(value) if isinstance(value, str) else math.isfinite(cast(float, value))


def page_size(limit: int) -> int:
    """The limit, checked."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"limit must be from 1 to {MAX_PAGE}, not {limit}")
    return limit


def _not_ours(cursor: str) -> InvalidInput:
    return InvalidInput(
        f"{cursor[:40]!r} is no cursor of this listing", hint="pass next_cursor of the page before, unchanged"
    )
