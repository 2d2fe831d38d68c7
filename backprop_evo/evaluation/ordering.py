"""What evaluations are made of that a search, or somebody, orders: methods, controls beside them, images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.groups import controls_called
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import ControlGroup, MethodSpec, equation_method
from backprop_evo.records.training import TrainSpec, ValidationPart
from backprop_evo.search.search_language import identify_method

BACKPROP = equation_method("g")


def measured_anew(train: TrainSpec) -> TrainSpec:
    """Measured on images that no search measures its fitness on; one of before measured everything on all."""
    part: ValidationPart = "whole" if train.validation_part == "whole" else "finalists"
    return replace(train, validation_part=part)


def with_controls(
    methods: Sequence[MethodSpec],
    group: ControlGroup,
    settings: Sequence[Setting],
    baseline: MethodSpec = BACKPROP,
) -> tuple[tuple[MethodSpec, ...], tuple[MethodSpec, ...]]:
    """The methods with the controls behind them, and which these are. One that behaves as a method that is
    there already, or as the baseline, would show nothing more."""
    there = {behaviour_of(each) for each in (*methods, baseline)}
    controls = tuple(each for each in controls_called(group, settings) if behaviour_of(each) not in there)
    return (*methods, *controls), controls


def with_more(spec: EvaluationSpec, methods: Sequence[MethodSpec]) -> EvaluationSpec:
    """The same with those methods that it lacks, behind the others: rows keep their numbers. A control that
    is asked for is none any more."""
    there = {behaviour_of(each) for each in spec.rows}
    asked = {behaviour_of(each) for each in methods}
    return replace(
        spec,
        methods=(*spec.methods, *(each for each in methods if behaviour_of(each) not in there)),
        controls=tuple(each for each in spec.controls if behaviour_of(each) not in asked),
    )


@lru_cache(maxsize=4096)
def behaviour_of(method: MethodSpec) -> str:
    """Equal for methods that train alike. Cached: a controller compares the same few at every step. One that
    is no method behaves as itself, and is refused where specs are checked."""
    try:
        return identify_method(method).fingerprint
    except InvalidInput:
        return method.json
