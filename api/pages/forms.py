"""HTML forms as a browser sends them; what stands in the one that submits a search: ``search_form``."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.search.lifecycle import Verb

FORM_TYPE = "application/x-www-form-urlencoded"
KEY_FIELD = "idempotency_key"
"""Hidden in a form that may not be sent twice; ``api/idempotency.py`` reads it."""

MAX_FIELDS = 200
#: Characters that a link may fill into a field.
MAX_FILLED_IN = 10_000

Form = dict[str, str]


async def read_form(request: Request) -> Form:
    """The fields of a form as a browser sends them. Raises ``InvalidInput``."""
    if not request.headers.get("content-type", "").startswith(FORM_TYPE):
        raise InvalidInput(f"a form is sent as {FORM_TYPE}")
    return parse_form(await request.body())


def parse_form(body: bytes) -> Form:
    """The fields in the body of a form. Raises ``InvalidInput``."""
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidInput(f"the form cannot be read: {error}") from None
    return dict(fields)


def verb_arguments(verb: Verb, form: Mapping[str, str]) -> dict[str, object]:
    """What was typed beside the button of a verb; empty fields are left out where they may be. Raises
    ``InvalidSettings``."""
    known = {argument.name: argument for argument in verb.arguments}
    needed = {name for name, argument in known.items() if argument.required}
    return {
        name: known[name].read(text) if name in known else text
        for name, text in form.items()
        if text.strip() or name in needed
    }


def whole(text: str, field: str) -> int:
    """Raises ``InvalidSettings`` naming the field."""
    try:
        return int(text.strip())
    except ValueError:
        raise InvalidSettings(f"{field} must be a whole number, not {text[:40]!r}", field=field) from None
