"""The evaluations of a search's finalists: what it orders at its end, and those over other settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.groups import controls_called
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import ControlGroup, MethodSpec, equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import ValidationPart
from backprop_evo.search.randomness import confirmation_seed
from backprop_evo.search.search_language import identify_method

BACKPROP = equation_method("g")


def confirmation_of(search: SearchSpec, finalists: Sequence[MethodSpec]) -> EvaluationSpec:
    """The finalists against plain backprop in the search's own setting, on seeds that are new to it. Raises
    ``InvalidSettings`` where that is too much for one evaluation."""
    asked = search.confirmation
    # Fitness was measured on other images; a search of before measured everything on all of them.
    part: ValidationPart = "whole" if search.train.validation_part == "whole" else "finalists"
    train = replace(search.train, validation_part=part)
    setting = Setting(name=f"{train.model} on {train.data}"[:100], train=train)
    methods, controls = with_controls(finalists, asked.controls, (setting,))
    return EvaluationSpec(
        name=f"{search.name[:180]}: confirmation",
        methods=methods,
        baseline=BACKPROP,
        settings=(setting,),
        controls=controls,
        first_seed=confirmation_seed(search.seed),
        seeds=asked.seeds,
        test=asked.test,
        in_flight=None if search.in_flight is None else min(search.in_flight, 10_000),
        priority=search.priority,
    )


def with_controls(
    methods: Sequence[MethodSpec],
    group: ControlGroup,
    settings: Sequence[Setting],
    baseline: MethodSpec = BACKPROP,
) -> tuple[tuple[MethodSpec, ...], tuple[MethodSpec, ...]]:
    """The methods with the controls behind them, and which these are. One that behaves as a method that is
    there already, or as the baseline, would show nothing more."""
    there = {_behaviour(each) for each in (*methods, baseline)}
    controls = tuple(each for each in controls_called(group, settings) if _behaviour(each) not in there)
    return (*methods, *controls), controls


def with_more(spec: EvaluationSpec, methods: Sequence[MethodSpec]) -> EvaluationSpec:
    """The same with those methods that it lacks, behind the others: rows keep their numbers. A control that
    is asked for is none any more."""
    there = {_behaviour(each) for each in spec.rows}
    asked = {_behaviour(each) for each in methods}
    return replace(
        spec,
        methods=(*spec.methods, *(each for each in methods if _behaviour(each) not in there)),
        controls=tuple(each for each in spec.controls if _behaviour(each) not in asked),
    )


@lru_cache(maxsize=4096)
def _behaviour(method: MethodSpec) -> str:
    """Cached: a controller compares the same few at every step. One that is no method behaves as itself, and
    is refused where specs are checked."""
    try:
        return identify_method(method).fingerprint
    except InvalidInput:
        return method.json
