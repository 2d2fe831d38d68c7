"""The plan of an evaluation in one process, one training after the other, without a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backprop_evo.evaluation.planning import trainings
from backprop_evo.evaluation.table import Outcome
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.training import TrainResult, TrainSpec

Train = Callable[[MethodSpec, TrainSpec, int], TrainResult]
"""Trains by a method, as a train spec says, with a seed."""


def carry_out(spec: EvaluationSpec, train: Train) -> Iterator[Outcome]:
    """Each training's outcome as it ends, in the order in which a service sends them."""
    for each in trainings(spec, spec.seeds):
        result = train(spec.rows[each.row], each.train, each.seed)
        yield Outcome(each.row, spec.settings[each.setting].id, each.seed, result)
