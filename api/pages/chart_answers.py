"""How numbers of charts are answered: as JSON with an ETag."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import Response

from api.etags import etag_of, is_known

FINAL = "private, max-age=31536000, immutable"
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]


def answer(content: Mapping[str, Any], known: str | None, *, is_final: bool = False) -> Response:
    """The JSON with its ETag; 304 where the browser has it."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    tag = etag_of(body)
    headers = {"ETag": tag, "Cache-Control": FINAL if is_final else "private, no-cache"}
    if is_known(known, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
