"""The live parts of a page, rendered alone for the script that keeps an open page up to date.

A part is a block of the page's own template, ``part_NAME``, around an element with ``data-part="NAME"``: the
whole page and the script get the same HTML from the same lines. What a view has to read for it is given as
``Later``, so that a part costs what it shows and nothing else.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.responses import Response
from jinja2 import Template
from jinja2.runtime import Context
from typing_extensions import override

from api.etags import etag_of, is_known
from backprop_evo.errors import NotFound

T = TypeVar("T")
PREFIX = "part_"
#: Where the head of a template has been run, so that its imports are there, and nothing was written.
NO_LAYOUT = "no_layout.html"


class Later(Generic[T]):
    """A value that is made when somebody first asks for it, and once."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []

    def __call__(self) -> T:
        """The value."""
        if not self._made:
            self._made.append(self._make())
        return self._made[0]


class LazyContext(Context):
    """Gives templates the value of what is ``Later``."""

    @override
    def resolve_or_missing(self, key: str) -> Any:
        found = super().resolve_or_missing(key)
        return found() if isinstance(found, Later) else found


def asked_parts(request: Request) -> tuple[str, ...]:
    """The names in ``?parts=``, with commas between; none for the whole page."""
    return tuple(filter(None, request.query_params.get("parts", "").split(",")))


def names_of(template: Template) -> tuple[str, ...]:
    """Every part of a page, in the order of their names."""
    return tuple(sorted(name.removeprefix(PREFIX) for name in template.blocks if name.startswith(PREFIX)))


def answer_parts(
    request: Request, template: Template, names: Sequence[str], context: Mapping[str, Any]
) -> Response:
    """Those whose ETags ``If-None-Match`` does not name, as JSON; 304 where it names all. Raises
    ``NotFound``."""
    known = request.headers.get("if-none-match")
    # Drawn anew for every answer, the key of a form is no news.
    key = str(context.get("idempotency_key", "")) or "\0"
    parts, live = render_parts(template, names, context)
    tags = {name: etag_of(html.replace(key, "").encode(), name) for name, html in parts.items()}
    both = etag_of("".join(tags.values()).encode())
    headers = {"ETag": both, "Cache-Control": "no-store", "Vary": "If-None-Match"}
    new = {name: tag for name, tag in tags.items() if not is_known(known, tag)}
    if not new or is_known(known, both):
        return Response(status_code=304, headers=headers)
    told = {name: {"tag": tag, "html": parts[name]} for name, tag in new.items()}
    body = json.dumps({"parts": told, "live": live}, separators=(",", ":"), ensure_ascii=False)
    return Response(body, media_type="application/json", headers=headers)


def render_parts(
    template: Template, names: Sequence[str], context: Mapping[str, Any]
) -> tuple[dict[str, str], bool]:
    """The HTML of each part, and whether the page goes on being live. Raises ``NotFound``."""
    known = names_of(template)
    for name in names:
        if name not in known:
            raise NotFound(f"this page has no part {name[:40]!r}", hint=f"known: {', '.join(known)}")
    begun = template.new_context({**context, "layout": NO_LAYOUT})
    deque(template.root_render_func(begun), maxlen=0)

    def written(block: str) -> str:
        return "".join(begun.blocks[block][0](begun))

    return {name: written(PREFIX + name) for name in names}, "data-live" in written("live")
