"""Answers that refuse, as errors of our tree, in the service's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backprop_evo.client.steps import Answer
from backprop_evo.errors import (
    BackpropEvoError,
    Conflict,
    IllegalTransition,
    InvalidEquation,
    InvalidInput,
    InvalidSettings,
    NotFound,
    PreconditionFailed,
    Unavailable,
)

AWAY = frozenset({429, 502, 503, 504})
"""Statuses that say "not now": nothing was done, and the same request may be sent again."""

BY_STATUS: Mapping[int, type[BackpropEvoError]] = {
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    **dict.fromkeys(AWAY, Unavailable),
}


def error_of(answer: Answer) -> BackpropEvoError:
    """The error that an answer tells: of the class that its ``type`` names, else by its status."""
    problem = _problem(answer)
    details = [each for each in problem.get("errors") or () if isinstance(each, Mapping)]
    message = str(problem.get("detail") or problem.get("title") or f"HTTP {answer.status}")
    lines = "\n".join([message, *(_in_words(each) for each in details if not _is_told(each, message))])
    hint = problem.get("hint")
    if answer.status in (401, 403):
        hint = hint or "give a key with --api-key or BACKPROP_EVO_API_KEY"
    kind = _kind(problem, answer.status)
    first = details[0] if details else {}
    if kind is BackpropEvoError:
        return kind(f"{message} (request {problem.get('request_id', 'unknown')})", hint=hint)
    if issubclass(kind, InvalidEquation):
        return kind(lines, column=first.get("column"), hint=hint)
    if issubclass(kind, InvalidSettings):
        return kind(lines, field=str(first.get("field", "")), hint=hint)
    if issubclass(kind, IllegalTransition):
        return kind(lines, legal=problem.get("legal_verbs") or (), hint=hint)
    return kind(lines, hint=hint)


def _problem(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, Mapping) else {}


def _kind(problem: Mapping[str, Any], status: int) -> type[BackpropEvoError]:
    named = str(problem.get("type", "")).rpartition(":")[2]
    known = {_slug(each): each for each in _descendants(BackpropEvoError)}
    if named in known and known[named].status == status:
        return known[named]
    if status in BY_STATUS:
        return BY_STATUS[status]
    return BackpropEvoError if status >= 500 else InvalidInput


def _descendants(kind: type[BackpropEvoError]) -> list[type[BackpropEvoError]]:
    # Those of the tree itself: a program may have classes of its own below it, which take other arguments.
    own = [each for each in kind.__subclasses__() if each.__module__ == BackpropEvoError.__module__]
    return [*own, *(deeper for each in own for deeper in _descendants(each))]


def _slug(kind: type[BackpropEvoError]) -> str:
    """As the service writes the class into ``type``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


def _is_told(detail: Mapping[str, Any], message: str) -> bool:
    return all(str(detail.get(part) or "") in message for part in ("field", "detail"))


def _in_words(detail: Mapping[str, Any]) -> str:
    field, text = detail.get("field"), detail.get("detail")
    return f"{field}: {text}" if field else str(text or "")
