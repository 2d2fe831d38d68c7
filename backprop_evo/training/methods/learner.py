"""What a method is once it is prepared for one child: the learner that carries out the child's steps.

The child (``run.child``) builds the network, keeps its optimiser, precision and CUDA graph, and leaves to
the learner what differs between methods: which objective, which gradients, what else is trained.

Shapes: B sample, C channel, H W space, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.meaning.rules import PLAIN_BACKPROP
from backprop_evo.training.methods.conversion import Conversion
from backprop_evo.training.methods.sites import Site


@dataclass(frozen=True, slots=True)
class FreshChild:
    """What a method is prepared for: a child's network before its first step, and its circumstances.

    ``logits`` is the network's output (B, K) for images (B, C, H, W), in the spec's precision: a learner
    calls this and not ``model``. Where ``captured`` is set, ``learn`` becomes part of a CUDA graph: its
    shapes must be static and its own optimisers made with ``capturable=True``.
    """

    model: nn.Module
    logits: Callable[[Tensor], Tensor]
    spec: TrainSpec
    classes: int
    seed: int
    device: torch.device
    captured: bool


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a training. ``classifies``: ``learn`` answers the cross-entropy of the output, so that the
    guards may compare it with what guessing costs; of another loss they only want that it is finite.
    """

    name: str = "train"
    classifies: bool = True


TRAIN = Phase()


class Learner(Protocol):
    """The steps of one child under one method. A class that names this one as its base has the defaults
    given here, which are those of a method with one phase and without sites.

    How methods fit:

    - an equation: sites that follow its compiled rule; cross-entropy, one backward pass;
    - indirect feedback alignment: sites that share a chain, which carries the error up;
    - synthetic gradients (``dni``, ``cdni``): ``learn`` has the labels, lays them where the sites look, and
      steps the sites' own models itself; their rate is a setting of the method;
    - HSIC bottleneck (``hsic``): a phase that gives each stage a loss of its own on a detached input
      (``classifies`` False), then perhaps one that trains the output alone (``trained_below_top`` empty);
    - decoupled layers: ``learn`` cuts the graph between them, ``plain_backprop`` leaves it whole;
    - no error sent at all: ``learn`` detaches what enters the output layer; ``trained_below_top`` is empty.
    """

    @property
    def sites(self) -> Sequence[Site]:
        """Where a signal passes, in network order; empty for a method without sites."""
        return ()

    @property
    def repeats(self) -> bool:
        """Whether every step of a phase does the same operations and none makes the host wait, so that a
        CUDA graph may repeat it.
        """
        return True

    def phase_at(self, step: int, steps: int) -> Phase:
        """The phase of step 0 … steps - 1. A new phase is captured anew."""
        del step, steps
        return TRAIN

    def begin(self, phase: Phase) -> None:
        """Called before the first step of each phase, the first one included."""
        del phase

    def learn(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """The loss of the batch, a scalar, once its gradients lie in ``.grad`` of what is to be trained.

        The child clears the gradients of its network before and lets its optimiser step afterwards; a
        parameter without a gradient stays as it is. Modules of the learner's own it clears and steps itself.
        """
        ...

    def first_gradients(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor | None:
        """Leaves in ``.grad`` what relative steps are measured by; the loss where the first step is to take
        the same. A method whose first update is zero by design says here what stands for it, and None.
        """
        return self.learn(x_BCHW, labels_B)

    def trained_below_top(self) -> Sequence[nn.Parameter]:
        """The network's parameters below its output layer that the present phase trains. Gradients that
        are exactly zero in all of them end the run; empty, nothing is watched.
        """
        ...

    def plain_backprop(self) -> AbstractContextManager[None]:
        """Within the context the network's loss gradient is the true one."""
        return nullcontext()

    def undo(self) -> nn.Module:
        """The network without anything of the method."""
        ...


def cross_entropy(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    """The mean over the batch, in float32."""
    return F.cross_entropy(logits_BK.float(), labels_B)


@dataclass(frozen=True, slots=True, eq=False)
class SiteLearner(Learner):
    """A converted network under cross-entropy: one backward pass, in which the sites follow their rules."""

    child: FreshChild
    conversion: Conversion

    @property
    def sites(self) -> Sequence[Site]:
        """In forward order."""
        return self.conversion.sites

    def learn(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """The mean loss, still on the device: reading it would make the host wait."""
        loss = cross_entropy(self.child.logits(x_BCHW), labels_B)
        loss.backward()
        return loss

    def trained_below_top(self) -> Sequence[nn.Parameter]:
        """All but those of the highest site, whose gradient never passes a site."""
        # What the loss itself sends to the highest layer is never zero, whatever an equation does below.
        top = set(self.conversion.sites[-1].layer.parameters())
        return [parameter for parameter in self.child.model.parameters() if parameter not in top]

    def plain_backprop(self) -> AbstractContextManager[None]:
        """Within, every site sends down what autograd would."""
        return self.conversion.other_rule(PLAIN_BACKPROP)

    def undo(self) -> nn.Module:
        """The model with its own ``forward`` again; trained weights stay."""
        return self.conversion.undo()
