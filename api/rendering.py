"""Templates and what they may call: numbers, durations and moments for people, equations as MathML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from backprop_evo.records.stored import Accuracies
from dsl.errors import EquationError
from dsl.parsing import parse
from dsl.printing import to_latex, to_mathml

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def render(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page. Whatever stands in the context is escaped unless it is ``Markup``."""
    body = ENVIRONMENT.get_template(template).render(
        request=request,
        path=request.url.path,
        request_id=request.scope.get("request_id", ""),
        now=datetime.now(UTC),
        **context,
    )
    return HTMLResponse(body, status_code, {"Cache-Control": "no-store", **(headers or {})})


def percent(accuracy: float | None, digits: int = 1) -> str:
    """An accuracy in [0, 1] as a number of per cent."""
    return "–" if accuracy is None else f"{100 * accuracy:.{digits}f}"


def spread(accuracies: Accuracies | None) -> str:
    """Mean ± standard deviation in per cent; the mean alone for one run."""
    if accuracies is None:
        return "–"
    if accuracies.std is None:
        return percent(accuracies.mean)
    return f"{percent(accuracies.mean)} ± {percent(accuracies.std)}"


def duration(seconds: float | None) -> str:
    """Two units at most: 4.2 s, 3 min 10 s, 5 h 2 min, 3 d 4 h."""
    if seconds is None:
        return "–"
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for unit, name, below, below_name in (
        (DAY_S, "d", HOUR_S, "h"),
        (HOUR_S, "h", MINUTE_S, "min"),
        (MINUTE_S, "min", 1, "s"),
    ):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} {int(seconds % unit // below)} {below_name}"
    raise AssertionError("a minute or more has a unit")


def rough(seconds: float) -> str:
    """One unit, for distances in time."""
    for unit, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{seconds:.0f} s"


def ago(moment: datetime | None, now: datetime) -> Markup:
    """A moment as its distance from now, the exact time on hovering."""
    if moment is None:
        return Markup("–")
    exact = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    distance = max(0.0, (now - moment).total_seconds())
    text = "just now" if distance < 5 else f"{rough(distance)} ago"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact, text)


@lru_cache(maxsize=10_000)
def mathematics(equation: str) -> Markup:
    """The equation as MathML, which browsers draw by themselves; as text if the language does not know it."""
    try:
        return Markup(to_mathml(parse(equation)))
    except EquationError:
        return Markup("<code>{}</code>").format(equation)


@lru_cache(maxsize=10_000)
def latex(equation: str) -> str:
    """The equation as LaTeX, for programs. Raises ``EquationError``."""
    return to_latex(parse(equation))


def number(value: float | None, digits: int = 4) -> str:
    """Up to ``digits`` significant digits, without a trailing zero."""
    return "–" if value is None else f"{value:.{digits}g}"


def as_json(value: Any) -> Markup:
    """Indented JSON, escaped."""
    return escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (percent, spread, duration, ago, mathematics, number, as_json):
        environment.filters[function.__name__] = function
    return environment


ENVIRONMENT = _environment()
