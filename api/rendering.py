"""Templates and what they may call: numbers, durations and moments for people, equations as MathML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from api.parts import Later, LazyContext, answer_parts, asked_parts
from backprop_evo import wording
from backprop_evo.errors import InvalidInput
from backprop_evo.records.evaluating import setting_id, setting_words
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import EVENT_KINDS, TURN_KINDS, SearchState, Tone, TrialState
from backprop_evo.records.stored import Accuracies
from backprop_evo.training.methods import method_of
from backprop_evo.wording import UNKNOWN, distance, duration, percent

#: What a documentation text marks as code, by one backtick or two.
CODE = re.compile(r"``?([^`]+)``?")


def render(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    """A page, or those of its parts that the request asks for. Whatever stands in the context is escaped
    unless it is ``Markup``; what is ``Later`` is read where the template shows it. Raises ``NotFound``."""
    found = ENVIRONMENT.get_template(template)
    everything = {
        "layout": "base.html",
        "request": request,
        "path": request.url.path,
        "request_id": request.scope.get("request_id", ""),
        "now": datetime.now(UTC),
        # Where a live page begins to listen; others never ask.
        "last_event": Later(lambda: request.app.state.store.events.last()),
        **context,
    }
    if status_code == 200 and (names := asked_parts(request)):
        return answer_parts(request, found, names, everything)
    body = found.render(everything)
    # Pages show what runs now; going back must not show an old state with its old buttons.
    return HTMLResponse(body, status_code, {"Cache-Control": "no-store", **(headers or {})})


def spread(accuracies: Accuracies | None) -> str:
    """Mean ± standard deviation in per cent; the mean alone for one run."""
    return UNKNOWN if accuracies is None else wording.spread(accuracies.mean, accuracies.std)


def ago(moment: datetime | None, now: datetime) -> Markup:
    """A moment as its distance from now, the exact time on hovering."""
    if moment is None:
        return Markup(UNKNOWN)
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    # A worker's clock may be ahead of ours.
    seconds = max(0.0, (now - moment).total_seconds())
    text = "just now" if seconds < 5 else f"{distance(seconds)} ago"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact, text)


@lru_cache(maxsize=10_000)
def mathematics(method: MethodSpec) -> Markup:
    """The method as MathML, which browsers draw by themselves; as text if this version does not know it."""
    try:
        return Markup(method_of(method).mathml())
    except InvalidInput:
        return Markup("<code>{}</code>").format(method_text(method))


@lru_cache(maxsize=10_000)
def method_text(method: MethodSpec) -> str:
    """The method on one line: an equation as it was written, another by its title."""
    return method.equation or _known_text(method)


def _known_text(method: MethodSpec) -> str:
    try:
        return method_of(method).text()
    except InvalidInput:
        return method.name


@lru_cache(maxsize=10_000)
def latex(method: MethodSpec) -> str | None:
    """The method as LaTeX, for programs; None if this version does not know it."""
    try:
        return method_of(method).latex()
    except InvalidInput:
        return None


def number(value: float | None, digits: int = 4) -> str:
    """Up to ``digits`` significant digits, without a trailing zero."""
    return UNKNOWN if value is None else f"{value:.{digits}g}"


def as_json(value: Any) -> Markup:
    """Indented JSON, escaped."""
    return escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def with_code(text: str) -> Markup:
    """A documentation text, what stands between backticks set as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))


def tone(state: str) -> Tone:
    """How a state, or what became of an attempt, is shown. An attempt that was given back ended in no
    state.
    """
    known: dict[str, Tone] = {each.value: each.tone for each in (*SearchState, *TrialState)}
    return known.get(state, Tone.WARN)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(),
        # A misspelt name fails a test instead of leaving a gap in a page.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.context_class = LazyContext
    numbers = (percent, spread, duration, ago, number)
    texts = (as_json, tone, with_code)
    methods = (equation_method, mathematics, method_text)
    settings = (setting_id, setting_words)
    environment.filters |= {each.__name__: each for each in (*numbers, *texts, *methods, *settings)}
    environment.globals["event_kinds"] = EVENT_KINDS
    environment.globals["turn_kinds"] = TURN_KINDS
    environment.globals["trial_ends"] = " ".join(f"trial.{each}" for each in TrialState if each.is_terminal)
    environment.globals["TrialState"] = TrialState
    environment.globals["Purpose"] = Purpose
    return environment


ENVIRONMENT = _environment()
