"""The live parts of a page, rendered alone for the script that keeps an open page up to date.

A part is a block of the page's own template, ``part_NAME``, around an element with ``data-part="NAME"``: the
whole page and the script get the same HTML from the same lines. What a view has to read for it is given as
``Later``, so that a part costs what it shows and nothing else.
"""

from __future__ import annotations

import json
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

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
#: Stands for the key of a form; no page can contain it.
NO_KEY = "\0"
#: Pages whose parts are kept, and for how many seconds.
MOST_PAGES, FRESH_S = 64, 2.0

Rendering = Callable[[Sequence[str]], tuple[dict[str, str], bool]]


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


class KeptParts:
    """Parts as they were last rendered, for the other tabs that look at the same page.

    A tab says up to which event it has heard. What was rendered by a request that began with no older one is
    what it would get anyhow, for as long as the numbers that make no events are allowed to be old.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._pages: OrderedDict[str, _KeptPage] = OrderedDict()

    def of(
        self, address: str, names: Sequence[str], heard: int | None, newest: int, render: Rendering
    ) -> tuple[dict[str, str], bool]:
        """The HTML of each part, and whether the page goes on being live. ``newest`` is the last event before
        anything was read for this request; without ``heard`` nothing that is kept will do."""
        page = self._page(address)
        # Of many tabs that ask at once, one renders and the others wait for it.
        with page.lock:
            least = math.inf if heard is None else heard
            oldest = self._clock() - FRESH_S
            missing = [each for each in names if not page.has(each, least, oldest)]
            if missing:
                parts, page.live = render(missing)
                now = self._clock()
                page.parts |= {name: _Kept(newest, now, html) for name, html in parts.items()}
            return {name: page.parts[name].html for name in names}, page.live

    def _page(self, address: str) -> _KeptPage:
        with self._lock:
            page = self._pages.setdefault(address, _KeptPage())
            self._pages.move_to_end(address)
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
            return page


@dataclass(frozen=True, slots=True)
class _Kept:
    newest: int
    at: float
    html: str


@dataclass(slots=True)
class _KeptPage:
    parts: dict[str, _Kept] = field(default_factory=dict)
    live: bool = True
    lock: Lock = field(default_factory=Lock)

    def has(self, name: str, least: float, oldest: float) -> bool:
        kept = self.parts.get(name)
        return kept is not None and kept.newest >= least and kept.at >= oldest


def note_newest_event(request: Request) -> None:
    """A dependency of all pages, before their others: whatever a page shows is read after this."""
    if asked_parts(request):
        request.state.newest_event = request.app.state.store.events.last()


def answer_parts(
    request: Request, template: Template, names: Sequence[str], context: Mapping[str, Any]
) -> Response:
    """Those whose ETags ``If-None-Match`` does not name, as JSON; 304 where it names all. Raises
    ``NotFound``."""
    # Drawn anew for every answer, the key of a form is no news and nobody else's.
    key = str(context.get("idempotency_key", "")) or NO_KEY

    def rendered(missing: Sequence[str]) -> tuple[dict[str, str], bool]:
        parts, live = render_parts(template, missing, context)
        return {name: html.replace(key, NO_KEY) for name, html in parts.items()}, live

    kept: KeptParts = request.app.state.kept_parts
    heard = request.query_params.get("heard", "")
    heard_id = int(heard) if heard.isascii() and heard.isdigit() and len(heard) < 19 else None
    newest: int = request.state.newest_event
    parts, live = kept.of(_address(request), names, heard_id, newest, rendered)
    tags = {name: etag_of(html.encode(), name) for name, html in parts.items()}
    both = etag_of("".join(tags.values()).encode())
    headers = {"ETag": both, "Cache-Control": "no-store", "Vary": "If-None-Match"}
    known = request.headers.get("if-none-match")
    new = {name: tag for name, tag in tags.items() if not is_known(known, tag)}
    if not new or is_known(known, both):
        return Response(status_code=304, headers=headers)
    told = {name: {"tag": tag, "html": parts[name].replace(NO_KEY, key)} for name, tag in new.items()}
    body = json.dumps({"parts": told, "live": live}, separators=(",", ":"), ensure_ascii=False)
    return Response(body, media_type="application/json", headers=headers)


def _address(request: Request) -> str:
    own = [each for each in request.query_params.multi_items() if each[0] not in ("parts", "heard")]
    return f"{request.url.path}?{urlencode(own)}"


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
