"""HTML forms: reading them, and turning the one that submits a search into the document the API takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.records.searching import SearchSpec
from backprop_evo.search.lifecycle import Verb
from backprop_evo.wording import read_rates

FORM_TYPE = "application/x-www-form-urlencoded"
KEY_FIELD = "idempotency_key"
"""Hidden in a form that may not be sent twice; ``api/idempotency.py`` reads it."""

MAX_FIELDS = 100
INTEGERS = ("seed", "trials", "population_size", "start_random", "in_flight")
TRAIN_TEXTS = ("model", "data", "optimizer")
CONFIRMATION = ("best", "seeds")

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


def blank_form() -> Form:
    """What the form shows to begin with: the defaults of ``SearchSpec``, sized for a first try."""
    spec = SearchSpec(name="first search", trials=24)
    return {
        "name": spec.name,
        "data": spec.train.data,
        "model": spec.train.model,
        "trials": str(spec.trials),
        "epochs": f"{spec.train.epochs:g}",
        "learning_rate": "0.1",
        "optimizer": spec.train.optimizer,
        "start": "",
        "start_random": str(spec.start_random),
        "seed": str(spec.seed),
        "population_size": str(spec.population_size),
        "best_probability": f"{spec.best_probability:g}",
        "in_flight": str(spec.in_flight),
        "best": str(spec.confirmation.best),
        "seeds": str(spec.confirmation.seeds),
    }


def spec_document(form: Mapping[str, str]) -> dict[str, Any]:
    """The document for ``parse_search_spec``; empty fields are left out. Raises ``InvalidSettings``."""
    given = {name: text.strip() for name, text in form.items() if text.strip()}
    document: dict[str, Any] = {"name": given.get("name", "")}
    document |= {name: whole(given[name], name) for name in INTEGERS if name in given}
    if "best_probability" in given:
        document["best_probability"] = real(given["best_probability"], "best_probability")
    start = [line.strip() for line in given.get("start", "").splitlines() if line.strip()]
    if start:
        document["start"] = start
    train: dict[str, Any] = {name: given[name] for name in TRAIN_TEXTS if name in given}
    if "epochs" in given:
        train["epochs"] = real(given["epochs"], "train.epochs")
    if "learning_rate" in given:
        train["learning_rate"] = _learning_rate(given["learning_rate"])
    confirmation = {
        name: whole(given[name], f"confirmation.{name}") for name in CONFIRMATION if name in given
    }
    return document | {"train": train, "confirmation": confirmation}


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


def _learning_rate(text: str) -> Any:
    """One rate, or several for the grid that is probed for every equation. Raises ``InvalidSettings``."""
    rates = read_rates(text)
    return rates[0] if len(rates) == 1 else {"rates": list(rates)}


def whole(text: str, field: str) -> int:
    """Raises ``InvalidSettings`` naming the field."""
    try:
        return int(text.strip())
    except ValueError:
        raise InvalidSettings(f"{field} must be a whole number, not {text[:40]!r}", field=field) from None


def real(text: str, field: str) -> float:
    """Raises ``InvalidSettings`` naming the field."""
    try:
        return float(text.strip())
    except ValueError:
        raise InvalidSettings(f"{field} must be a number, not {text[:40]!r}", field=field) from None
