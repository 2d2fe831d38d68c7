"""The classifier learns on a body that stays as it was drawn: what an accuracy is worth without any signal.

The body's parameters get no gradient and so no weight decay and no momentum either; BatchNorm's running
statistics move, as they do in every training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_evo.training.methods.declaration import Declared, NoSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

    from backprop_evo.training.methods.learner import FreshChild, Learner


def prepare(settings: NoSettings, child: FreshChild) -> Learner:
    """Leaves the last layer alone to the optimiser."""
    from contextlib import contextmanager

    from torch import nn

    from backprop_evo.training.methods.learner import Learner, cross_entropy

    del settings
    layers = [module for module in child.model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    classifier = set(layers[-1].parameters())
    body = [parameter for parameter in child.model.parameters() if parameter not in classifier]

    def let_learn(wanted: bool) -> None:
        for parameter in body:
            parameter.requires_grad_(wanted)

    class ClassifierAlone(Learner):
        """Without ``requires_grad`` the body is not even recorded: a step costs little more than its forward
        pass."""

        def learn(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
            loss = cross_entropy(child.logits(x_BCHW), labels_B)
            loss.backward()
            return loss

        def trained_below_top(self) -> Sequence[nn.Parameter]:
            return ()

        @contextmanager
        def plain_backprop(self) -> Iterator[None]:
            let_learn(True)
            try:
                yield
            finally:
                let_learn(False)

        def undo(self) -> nn.Module:
            let_learn(True)
            return child.model

    let_learn(False)
    return ClassifierAlone()


METHOD = Declared(
    name="classifier-alone",
    title="Classifier alone",
    description="Only the output layer learns, on a body that stays as it was drawn: the floor that a method "
    "with a signal has to rise above.",
    source="ours",
    text=lambda _: "classifier alone",
    is_control=True,
    prepare=prepare,
)
