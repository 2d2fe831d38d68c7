"""Where a network is cut into stages: each is trained by a loss of its own, on an input that is detached.

A stage begins at a Linear, at a Conv2d, or at a module that holds some (a residual block) and is no mere
row of modules, and reaches to where the next begins: activations, poolings and BatchNorm in between belong
to it. Cutting is done by hooks at run time, so that any control flow above the stages is fine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from backprop_evo.errors import InvalidSettings

_LAYERS = (nn.Linear, nn.Conv2d)
_ROWS = (nn.Sequential, nn.ModuleList)


def stage_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """What stages begin with, by name, in the order in which the model registers them."""
    if isinstance(model, _LAYERS):
        return [("", model)]
    return list(_below("", model))


def _below(prefix: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        if isinstance(child, _ROWS):
            yield from _below(f"{prefix}{name}.", child)
        elif any(isinstance(each, _LAYERS) for each in child.modules()):
            yield f"{prefix}{name}", child


@dataclass(slots=True, eq=False)
class Cuts:
    """Hooks that cut ``model`` between its stages while ``recording``, and are silent otherwise."""

    model: nn.Module
    modules: Sequence[tuple[str, nn.Module]]
    _ends: list[Tensor] | None = None
    _cut: dict[int, Tensor] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _checked: bool = False
    _hooks: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._hooks = [
            module.register_forward_pre_hook(self._cutting(name), with_kwargs=True)
            for name, module in self.modules
        ]

    @property
    def is_on(self) -> bool:
        """False once removed."""
        return bool(self._hooks)

    def remove(self) -> None:
        """The model as it was. May be repeated."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    @contextmanager
    def recording(self) -> Iterator[list[Tensor]]:
        """Within, a pass fills the list with the end of each stage but the last, the model's output.

        Each carries the gradient of its own stage alone. Raises InvalidSettings where that cannot be had.
        """
        ends: list[Tensor] = []
        self._ends = []
        self._cut.clear()
        self._seen.clear()
        try:
            yield ends
            ends += self._ends
        finally:
            self._ends = None
            self._cut.clear()

    def check_apart(self, ends: Sequence[Tensor]) -> None:
        """Looks once at what the stages' ``ends`` are made of. Raises InvalidSettings for a parameter of two
        stages."""
        if self._checked:
            return
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        learning = [parameter for parameter in names if parameter.requires_grad]
        owner: dict[nn.Parameter, int] = {}
        for place, end in enumerate(ends):
            found = torch.autograd.grad(end.sum(), learning, allow_unused=True, retain_graph=True)
            for parameter, gradient in zip(learning, found, strict=True):
                if gradient is not None and owner.setdefault(parameter, place) != place:
                    raise _passed_over(names[parameter])
        self._checked = True

    def _cutting(self, name: str) -> Any:
        def cut(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if self._ends is None:
                return None
            if name in self._seen:
                raise InvalidSettings(
                    f"the HSIC bottleneck trains each stage once a pass, but {name} is called twice",
                    field="model",
                    hint="layers that share their weights have no loss of their own; train by an equation",
                )
            self._seen.add(name)
            if len(args) != 1 or kwargs or not isinstance(args[0], Tensor):
                raise InvalidSettings(
                    f"the HSIC bottleneck cuts the one tensor that enters {name}, which is called with more",
                    field="model",
                    hint="give the module one tensor, or wrap it in one that does",
                )
            return (self._detached(args[0]),), kwargs

        return cut

    def _detached(self, end: Tensor) -> Tensor:
        # The network's own input ends no stage.
        if not end.requires_grad:
            return end
        assert self._ends is not None
        # Where two modules begin at one tensor it ends one stage.
        if id(end) not in self._cut:
            self._ends.append(end)
            self._cut[id(end)] = end.detach()
        return self._cut[id(end)]


def _passed_over(name: str) -> InvalidSettings:
    return InvalidSettings(
        f"the HSIC bottleneck needs stages that follow each other, but {name} reaches past the end of its "
        "own",
        field="model",
        hint="put a connection that passes over layers into one module with them, as residual blocks do",
    )
