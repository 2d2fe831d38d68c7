"""Outcomes of trainings that nobody had to carry out."""

import pytest

from backprop_evo.evaluation.table import Outcome
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import equation_method
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import CurvePoint, TrainResult, TrainSpec

SMALL = Setting(name="small", train=TrainSpec(model="mlp-8", epochs=1))


def compared(*methods, **options):
    """A spec whose baseline is ``g``."""
    named = tuple(equation_method(text) for text in methods)
    return EvaluationSpec(**({"name": "compared", "methods": named, "settings": (SMALL,)} | options))


def trained(spec, *columns, setting=SMALL, test=None):
    """A column of accuracies for each row; in place of one, the state in which a training ended, or None for
    one that has not ended."""
    for row, accuracies in enumerate(columns):
        for place, accuracy in enumerate(accuracies):
            if accuracy is None:
                continue
            if isinstance(accuracy, TrialState):
                result = TrainResult(outcome=accuracy, reason="told")
            else:
                result = TrainResult(
                    outcome=TrialState.COMPLETED,
                    validation_accuracy=accuracy,
                    test_accuracy=test and accuracy - test,
                    curve=tuple(CurvePoint(x, 2.0 - x, x * accuracy, 0.1, 2 * x) for x in (0.5, 1.0)),
                    environment={"device": "cpu", "torch": "2.12.1"},
                )
            yield Outcome(row, setting.id, spec.first_seed + place, result)


@pytest.fixture(scope="session")
def scene():
    return compared, lambda *given, **options: tuple(trained(*given, **options))
