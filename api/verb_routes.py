"""Routes of verbs: ``POST /…/{id}:verb``, one for each row of a table, with a body from its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from api.deps import ExpectedVersion, ServiceDep
from api.schemas.wire import whole
from backprop_evo.search.lifecycle import Argument, Verb

EXACT_IN_JSON = 2**53
"""Numbers of JSON are doubles: 2⁶³ is one, 2⁶³ - 1 is not, and would be told as a bound that is too high."""

Apply = Callable[..., Any]


def add_verb_routes(
    router: APIRouter,
    verbs: Mapping[str, Verb],
    noun: str,
    apply: Callable[[Any], Apply],
    answer: Callable[[Response, Any, int], BaseModel],
    out: type[BaseModel],
) -> None:
    """``apply`` is the service's use case for what ``noun`` names; ``answer`` puts a record and a status
    on the wire as ``out``."""
    for verb in verbs.values():
        router.add_api_route(
            f"/{{{noun}_id}}:{verb.name}",
            _endpoint(verb, noun, apply, answer),
            methods=["POST"],
            name=f"{verb.name}_{noun}",
            description=verb.summary,
            status_code=verb.status,
            response_model=out,
        )


def _endpoint(
    verb: Verb,
    noun: str,
    apply: Callable[[Any], Apply],
    answer: Callable[[Response, Any, int], BaseModel],
) -> Callable[..., BaseModel]:
    def act(
        version: ExpectedVersion,
        response: Response,
        service: ServiceDep,
        body: BaseModel | None = None,
        **found: str,
    ) -> BaseModel:
        arguments = {} if body is None else body.model_dump(exclude_none=True)
        asked_of = found[f"{noun}_id"]
        changed = apply(service)(verb.name, asked_of, arguments, expected_version=version)
        return answer(response, changed, verb.status)

    shown = inspect.signature(act, eval_str=True)
    parameters = dict(shown.parameters)
    del parameters["found"]
    body = parameters.pop("body").replace(kind=inspect.Parameter.KEYWORD_ONLY)
    id_of_noun = Annotated[str, Path(max_length=64, pattern=r"^[^:/]+$", description=f"id of {_a(noun)}")]
    first = inspect.Parameter(f"{noun}_id", inspect.Parameter.KEYWORD_ONLY, annotation=id_of_noun)
    rest = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters.values()]
    if any(argument.required for argument in verb.arguments):
        rest.append(body.replace(annotation=_body_of(verb, noun), default=inspect.Parameter.empty))
    elif verb.arguments:
        rest.append(body.replace(annotation=_body_of(verb, noun) | None))
    act.__signature__ = shown.replace(parameters=[first, *rest])  # type: ignore[attr-defined]
    return act


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _body_of(verb: Verb, noun: str) -> type[BaseModel]:
    """The body of a verb, from the arguments in its row."""
    fields: dict[str, Any] = {}
    for argument in verb.arguments:
        kind, bounds = _kind_of(argument), {} if argument.is_number else _bounds(argument)
        default = ... if argument.required else None
        wanted = kind if argument.required else kind | None
        fields[argument.name] = wanted, Field(default, description=argument.help, **bounds)
    example: dict[str, Any] = dict(verb.example)
    config = ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})
    name = f"{verb.name.capitalize()}{'' if noun == 'search' else noun.capitalize()}In"
    return create_model(name, __config__=config, __doc__=verb.summary, **fields)


def _kind_of(argument: Argument) -> Any:
    if not argument.many:
        return whole(**_bounds(argument)) if argument.is_number else argument.kind
    return list[Annotated[str, Field(min_length=argument.least, max_length=argument.most)]]


def _bounds(argument: Argument) -> dict[str, Any]:
    if argument.many:
        return {"min_length": 1, "max_length": argument.many}
    if not argument.is_number:
        return {"min_length": argument.least, "max_length": argument.most}
    if argument.most < EXACT_IN_JSON:
        return {"ge": argument.least, "le": argument.most}
    return {"ge": argument.least, "lt": argument.most + 1}
