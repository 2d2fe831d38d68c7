"""Specs from outside: read strictly, checked against the language, the catalogue and the models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from random import Random
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from backprop_evo import data
from backprop_evo.errors import InvalidEquation, InvalidSettings, UnknownDataset
from backprop_evo.evaluation.stages import Candidates, stage_spec, stages_of
from backprop_evo.records.described import check_limits, check_texts
from backprop_evo.records.evaluating import MAX_METHODS
from backprop_evo.records.methods import equation_method
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.records.searching import OPEN_TRIALS, SearchSpec
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.search.pruners import pruner
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.search.strategies import strategy
from backprop_evo.service.field_texts import TIME
from backprop_evo.training.methods import as_method, method_of
from backprop_evo.wording import read_time

_UNION_TAGS = frozenset({"float", "int", "LearningRateGrid", "RelativeStepGrid"})
T = TypeVar("T")


def parse_search_spec(document: Mapping[str, Any]) -> SearchSpec:
    """The spec that a JSON document describes. Raises ``InvalidSettings`` naming the first wrong field,
    dotted; unknown fields and values of another type are wrong, never dropped or converted."""
    return read_document(SearchSpec, {**document, **_budget(document)})


def parse_train_spec(document: Mapping[str, Any]) -> TrainSpec:
    """The same for the part ``train`` of a search."""
    return read_document(TrainSpec, document, "train.")


def read_document(kind: type[T], document: Mapping[str, Any], prefix: str = "") -> T:
    """The dataclass that a JSON document describes, strictly. Raises ``InvalidSettings`` naming the first
    wrong field, dotted, behind ``prefix``."""
    check_texts(dict(document), prefix.rstrip("."))
    for path, nearest in _unknown_fields(kind, document, prefix):
        raise InvalidSettings(
            f"unknown field {path!r}", field=path, hint=f"did you mean {nearest!r}?" if nearest else None
        )
    document = _whole(kind, {**document, **_yardsticks(document)})
    try:
        # By way of text: pydantic is strict about JSON in another way than about Python objects, lists for
        # tuples for one.
        text = json.dumps(document)
    except (TypeError, ValueError) as error:
        raise InvalidSettings(f"the spec is no JSON: {error}", field="spec") from None
    try:
        read: T = _adapter(cast(Any, kind)).validate_json(text, strict=True)
    except ValidationError as error:
        # One at a time: of a union the others only repeat it for the forms that were not meant.
        first = error.errors()[0]
        within = ".".join(str(part) for part in first["loc"] if part not in _UNION_TAGS)
        path = f"{prefix}{within}" if within else "spec"
        raise InvalidSettings(f"{path}: {first['msg']}", field=path) from None
    return read


def _budget(document: Mapping[str, Any]) -> dict[str, Any]:
    """A budget may be written as people do: 2h. With one the number of trials is open unless it is named."""
    written = document.get("budget")
    if written is None:
        return {}
    found: dict[str, Any] = {} if "trials" in document else {"trials": OPEN_TRIALS}
    if not isinstance(written, str):
        return found
    try:
        return {**found, "budget": read_time(written)}
    except ValueError:
        raise InvalidSettings(f"budget must be {TIME.wants}, not {written[:40]!r}", field="budget") from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _yardsticks(document: Mapping[str, Any]) -> dict[str, Any]:
    """A yardstick may be written as people do: a method's name, a known equation's, or an equation."""
    given = document.get("yardsticks")
    if not isinstance(given, list):
        return {}
    return {
        "yardsticks": [json.loads(as_method(each).json) if isinstance(each, str) else each for each in given]
    }


def search_spec_to_json(spec: SearchSpec) -> dict[str, Any]:
    """The document that ``parse_search_spec`` reads."""
    document: dict[str, Any] = to_jsonable_python(spec)
    return document


def _unknown_fields(kind: Any, value: object, path: str = "") -> Iterator[tuple[str, str | None]]:
    """Dotted paths of keys that no dataclass on the way has, each with the nearest known name."""
    for place, each in enumerate(value if isinstance(value, list) else ()):
        yield from _unknown_fields(kind, each, f"{path}{place}.")
    if not isinstance(value, Mapping):
        return
    candidates = [each for each in (kind, *get_args(kind)) if is_dataclass(each)]
    if not candidates:
        return
    meant = _meant(candidates, value)
    known = {each.name for each in fields(meant)}
    hints = get_type_hints(meant)
    for key, inner in value.items():
        if key not in known:
            nearest = get_close_matches(str(key), known, 1)
            yield f"{path}{key}", nearest[0] if nearest else None
        else:
            yield from _unknown_fields(hints[key], inner, f"{path}{key}.")


def _whole(kind: Any, value: Any) -> Any:
    """The same with 100.0 as 100 where a whole number is wanted: JSON knows numbers only, and some programs
    write every number so."""
    kinds = (kind, *get_args(kind))
    if isinstance(value, float):
        return int(value) if int in kinds and float not in kinds and value.is_integer() else value
    if isinstance(value, list):
        inner = next(iter(get_args(next((each for each in kinds if get_args(each)), kind))), Any)
        return [_whole(inner, each) for each in value]
    candidates = [each for each in kinds if is_dataclass(each)]
    if not isinstance(value, Mapping) or not candidates:
        return value
    hints = get_type_hints(_meant(candidates, value))
    return {name: _whole(hints[name], inner) for name, inner in value.items()}


def _meant(candidates: Sequence[Any], value: Mapping[Any, object]) -> Any:
    """The dataclass of a union whose fields ``value`` names best; the first where it names none."""
    return max(candidates, key=lambda kind: len({each.name for each in fields(kind)} & set(value)))


def check_search_spec(spec: SearchSpec) -> None:
    """Raises ``InvalidSettings``, ``InvalidEquation`` or ``UnknownDataset`` unless the search can be carried
    out, and ``InvalidSettings`` for more than may be asked for."""
    # A clone may bring another name, which no document was read for.
    check_texts(spec.name, "name")
    check_limits(spec)
    check_data(spec.train.data)
    parse_model_name(spec.train.model)
    strategy(spec.strategy)
    _check_pruner(spec)
    _check_rates(spec)
    for method in spec.yardsticks:
        method_of(method).check_fit(spec.train)
    _check_funnel(spec)
    language = _language_of(spec)
    for place, text in enumerate(spec.start):
        try:
            language.read(text)
        except InvalidEquation as error:
            raise InvalidEquation(
                f"start[{place}]: {error.message}", column=error.column, hint=error.hint
            ) from None
    _check_screening(spec, language)


def _check_funnel(spec: SearchSpec) -> None:
    """Found out before anything is trained, not when the search has come to its end."""
    if spec.finalists.best and spec.confirmation.best and not spec.confirmation.test:
        raise InvalidSettings(
            "confirmation.test must be true where finalists.best is above 0: the images of validation that "
            "are kept for finalists have chosen, and only the test split has not",
            field="confirmation.test",
            hint="read the test split, or leave the finalists out (finalists.best 0)",
        )
    if spec.transfer.best and not spec.confirmation.best:
        raise InvalidSettings(
            "transfer.best must be 0 where confirmation.best is: only what was confirmed is transferred",
            field="transfer.best",
        )
    for stage in stages_of(spec):
        name, best = str(stage.role), min(stage.asked(spec).best, MAX_METHODS + 1)
        finalists = tuple(equation_method(f"{place} * g") for place in range(1, best + 1))
        try:
            stage_spec(stage, spec, Candidates(equations=finalists, yardsticks=spec.yardsticks))
        except InvalidSettings as error:
            raise InvalidSettings(f"{name}: {error.message}", field=name) from None


def check_data(name: str) -> None:
    """Raises ``UnknownDataset``."""
    if name not in data.names():
        raise UnknownDataset(f"no data set is called {name!r}", hint=f"known: {', '.join(data.names())}")


def _check_pruner(spec: SearchSpec) -> None:
    rungs, steps = spec.pruner.rungs, steps_of(spec.train)
    # With a budget they follow from its plan.
    if pruner(spec.pruner.name).needs_rungs and not rungs and spec.budget is None:
        raise InvalidSettings(
            f"the pruner {spec.pruner.name} needs rungs: steps after which trainings are compared",
            field="pruner.rungs",
            hint=f"a training here has {steps} steps: try [{max(1, steps // 4)}, {max(2, steps // 2)}]",
        )
    if rungs and rungs[-1] >= steps:
        raise InvalidSettings(
            f"the last rung is after step {rungs[-1]}, but a training has {steps} steps",
            field="pruner.rungs",
            hint=f"name steps below {steps}, or train for more epochs",
        )

    if rungs and spec.trials <= spec.pruner.min_trials:
        raise InvalidSettings(
            f"{spec.trials} trials are too few for a rung: none is stopped before {spec.pruner.min_trials} "
            "were measured there",
            field="trials",
            hint="train more equations, or lower pruner.min_trials",
        )


def _check_rates(spec: SearchSpec) -> None:
    grid = spec.train.learning_rate
    if spec.rates == "inherited" and not (
        isinstance(grid, RelativeStepGrid) and len(set(grid.relative_steps)) > 1
    ):
        raise InvalidSettings(
            "rates are inherited as relative steps, and train.learning_rate is no grid of several",
            field="rates",
            hint="write the learning rates as: relative 0.01, 0.03, 0.1",
        )


def _check_screening(spec: SearchSpec, language: SearchLanguage) -> None:
    """A start equation may bring the error into a vocabulary that lacks it."""
    if not spec.screening or language.carries_error:
        return
    if all(language.read(text).hopeless for text in spec.start):
        raise InvalidSettings(
            "no operand of the vocabulary carries the error, so that every equation would be screened out",
            field="vocabulary.operands",
            hint="add one that does, such as g, b_next or b_top_R_L; or switch the screening off",
        )


def steps_of(train: TrainSpec) -> int:
    """Of one whole training."""
    return max(1, round(train.epochs * steps_an_epoch(train)))


def steps_an_epoch(train: TrainSpec) -> int:
    """Raises ``UnknownDataset``."""
    info = data.dataset_info(train.data)
    return train.steps_per_epoch(info.train_images - info.validation_images)


def chance_of(train: TrainSpec) -> float | None:
    """The accuracy of guessing, in [0, 1]; None for data that is in no catalogue (any more)."""
    try:
        return 1 / data.dataset_info(train.data).classes
    except UnknownDataset:
        return None


def _language_of(spec: SearchSpec) -> SearchLanguage:
    """The search's language, once it was seen to yield an equation."""
    try:
        language = SearchLanguage(spec)
        # Most vocabularies that cannot yield anything are found by trying.
        language.draw(Random(spec.seed))
    except InvalidEquation as error:
        raise InvalidSettings(f"vocabulary: {error.message}", field="vocabulary", hint=error.hint) from None
    return language
