"""Any method in any model: what a child's training does to its network, for a network of one's own."""

from __future__ import annotations

import copy as copying
from collections.abc import Mapping

from torch import nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec, Scalar
from backprop_evo.records.training import FeedbackName, TrainSpec
from backprop_evo.training.methods.learner import FreshChild, Learner
from backprop_evo.training.methods.registry import as_method, method_of
from dsl.equation import Equation


def apply_method(
    model: nn.Module,
    method: MethodSpec | Equation | str,
    settings: Mapping[str, Scalar] | None = None,
    *,
    classes: int | None = None,
    copy: bool = False,
    seed: int = 0,
    feedback: FeedbackName = "gaussian",
) -> Learner:
    """Has ``model``, which gives logits (B, K), trained by ``method``: a name, an equation or a MethodSpec.

    A step is then, with an optimiser of your own over ``model.parameters()`` that is made after this call::

        optimizer.zero_grad()
        loss = learner.learn(x, labels)
        optimizer.step()

    and ``learner.undo()`` gives the model back as an ordinary one. ``classes`` is by default what the last
    Linear of the model gives. ``copy`` trains a deep copy, which ``learner.undo()`` then returns. A method
    with several phases is told of each: ``learner.begin(learner.phase_at(step, steps))``.

    Raises InvalidSettings for an unknown method, a wrong setting, or a model that the method cannot convert;
    InvalidEquation for an equation that does not parse or is infeasible.
    """
    prepared = method_of(as_method(method, settings))
    if copy:
        model = copying.deepcopy(model)
    first = next(model.parameters(), None)
    if first is None:
        raise InvalidSettings(f"{type(model).__name__} has no parameters to train", field="model")
    learner = prepared.prepare(
        FreshChild(
            model=model,
            logits=model,
            spec=TrainSpec(feedback=feedback),
            classes=_outputs(model) if classes is None else classes,
            seed=seed,
            device=first.device,
            captured=False,
        )
    )
    learner.begin(learner.phase_at(0, 1))
    return learner


def _outputs(model: nn.Module) -> int:
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InvalidSettings(
            f"{type(model).__name__} has no Linear that would say how many classes there are",
            field="classes",
            hint="give it: apply_method(model, …, classes=10)",
        )
    return linear[-1].out_features
