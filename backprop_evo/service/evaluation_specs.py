"""Evaluation specs from outside: read strictly, with words where people use them, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, get_args

from pydantic_core import to_jsonable_python

from backprop_evo.errors import InvalidEquation, InvalidSettings
from backprop_evo.evaluation.groups import methods_called
from backprop_evo.evaluation.ordering import BACKPROP, with_controls
from backprop_evo.evaluation.table import method_words
from backprop_evo.records.described import check_limits, check_texts
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import ControlGroup, MethodSpec
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.records.presets import preset
from backprop_evo.records.stored import Role, SearchRecord
from backprop_evo.search.randomness import stage_seed
from backprop_evo.service.specs import check_data, read_document
from backprop_evo.training.methods import as_method, method_of


def parse_evaluation_spec(document: Mapping[str, Any]) -> EvaluationSpec:
    """The spec that a JSON document describes. Raises ``InvalidSettings`` naming the first wrong field, and
    ``InvalidEquation``.

    A method may be written as a text: a group, a method's name, a known equation's, or an equation; the
    baseline also as the place of one among the methods; a setting as the name of a preset; ``controls`` as
    none, few or all (all where nothing is said), or as a list of some of the methods. ``in_momentum`` adds
    each setting by SGD once more in momentum.
    """
    written = dict(document)
    check_texts(written, "")
    in_momentum = written.pop("in_momentum", False)
    if not isinstance(in_momentum, bool):
        raise InvalidSettings("in_momentum must be true or false", field="in_momentum")
    if isinstance(given := written.get("settings"), list):
        written["settings"] = [_setting(each) for each in given]
    texts = written.get("methods")
    group = written.setdefault("controls", "all")
    if not isinstance(texts, list) or not all(isinstance(each, str | Mapping) for each in texts):
        return read_document(EvaluationSpec, written | {"controls": []})
    readable = _readable(written)
    settings = _with_momentum(readable.settings) if in_momentum else readable.settings
    methods = methods_called([_method(each) for each in texts], settings)
    written["settings"] = to_jsonable_python(settings)
    written["methods"] = [_plain(each) for each in methods]
    written |= _baseline(written)
    if isinstance(group, str):
        baseline = read_document(MethodSpec, written["baseline"]) if "baseline" in written else BACKPROP
        # Nobody asks for controls of nothing: without a method the spec is refused.
        both = with_controls(methods, _control_group(group) if methods else "none", settings, baseline)
        written["methods"], written["controls"] = ([_plain(each) for each in part] for part in both)
    elif isinstance(group, list) and all(isinstance(each, str | Mapping) for each in group):
        written["controls"] = [_plain(each) for each in methods_called(map(_method, group), settings)]
    return read_document(EvaluationSpec, written)


def _control_group(word: str) -> ControlGroup:
    for known in get_args(ControlGroup):
        if word == known:
            return cast(ControlGroup, word)
    raise InvalidSettings(
        f"controls must be {', '.join(get_args(ControlGroup))}, or a list of the methods", field="controls"
    )


def _with_momentum(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """Each that trains by plain SGD is followed by the same in momentum, at rates from the same grid."""
    found: list[Setting] = []
    for each in settings:
        found.append(each)
        if each.train.optimizer == "sgd":
            train = replace(each.train, optimizer="momentum")
            found.append(Setting(name=f"{each.name[:90]}, momentum", train=train))
    return tuple(found)


def transfer_document(
    search: SearchRecord, confirmed: Sequence[MethodSpec], document: Mapping[str, Any]
) -> dict[str, Any]:
    """The document of an evaluation of the ``best`` equations that a search has confirmed, in the settings
    that ``document`` names. Raises ``InvalidSettings``."""
    best = document.get("best", max(1, search.spec.confirmation.best))
    if type(best) is not int or best < 1:
        raise InvalidSettings("best must be a whole number from 1", field="best")
    if "methods" in document:
        raise InvalidSettings("methods are those that the search has confirmed", field="methods")
    if not document.get("settings"):
        raise InvalidSettings("settings must say where they are trained", field="settings")
    if not confirmed:
        raise InvalidSettings(
            f"search {search.id!r} has confirmed no equation",
            field="from_search",
            hint="wait until its confirmation has ended, or name methods yourself",
        )
    told = {name: value for name, value in document.items() if name not in ("from_search", "best")}
    return {
        "name": f"{search.spec.name[:180]}: transfer",
        "first_seed": stage_seed(search.spec.seed, Role.CONFIRMATION),
        **told,
        "methods": [_plain(each) for each in confirmed[:best]],
    }


def evaluation_spec_to_json(spec: EvaluationSpec) -> dict[str, Any]:
    """The document that ``parse_evaluation_spec`` reads."""
    document: dict[str, Any] = to_jsonable_python(spec)
    return document


def _setting(given: object) -> object:
    if isinstance(given, str):
        return {"name": given, "train": to_jsonable_python(preset(given))}
    return given


def _method(given: str | Mapping[str, Any]) -> str | MethodSpec:
    return given if isinstance(given, str) else read_document(MethodSpec, given)


def _plain(method: MethodSpec) -> dict[str, Any]:
    return {"name": method.name, "settings": dict(method.settings)}


def _readable(written: Mapping[str, Any]) -> EvaluationSpec:
    """The spec with any method in place of those that are still words."""
    plain = {name: value for name, value in written.items() if name not in ("baseline", "controls")}
    return read_document(EvaluationSpec, plain | {"methods": [_plain(BACKPROP)]})


def _baseline(written: Mapping[str, Any]) -> dict[str, Any]:
    given, methods = written.get("baseline"), written.get("methods")
    if isinstance(given, str):
        return {"baseline": _plain(as_method(given))}
    if type(given) is int and isinstance(methods, list):
        if not 0 <= given < len(methods):
            raise InvalidSettings(
                f"baseline must be the place of a method, 0 to {len(methods) - 1}", field="baseline"
            )
        return {"baseline": methods[given]}
    return {}


def check_evaluation_spec(spec: EvaluationSpec) -> None:
    """Raises ``InvalidSettings``, ``InvalidEquation`` or ``UnknownDataset`` unless it can be carried out."""
    for setting in spec.settings:
        check_limits(setting.train, f"settings.{setting.name}.train.")
        check_data(setting.train.data)
        parse_model_name(setting.train.model)
    for method in spec.rows:
        try:
            known = method_of(method)
            for setting in spec.settings:
                known.check_fit(setting.train)
        except InvalidEquation as error:
            raise InvalidEquation(
                f"{method_words(method)}: {error.message}", column=error.column, hint=error.hint
            ) from None
