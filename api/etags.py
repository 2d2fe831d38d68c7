"""Validators of answers (RFC 9110, 8.8.3): a browser that has a text is told so instead of sent it again."""

from __future__ import annotations

import hashlib


def etag_of(body: bytes, name: str = "") -> str:
    """A weak validator, since the same text may be sent compressed. A ``name`` tells equal texts apart."""
    digest = hashlib.sha256(body).hexdigest()[:24]
    return f'W/"{name}.{digest}"' if name else f'W/"{digest}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether ``If-None-Match``, a list of ETags or ``*``, holds ``tag``; weak ones compare as strong ones
    (RFC 9110, 13.1.2)."""
    given = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return "*" in given or tag.removeprefix("W/") in given
