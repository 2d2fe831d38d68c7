"""Turns the layers of any ``nn.Module`` into sites of an equation, and back.

The model stays the object it was: its class, its parameters, its state_dict keys, its hooks. What changes
is the ``forward`` of each Linear and Conv2d (now a ``Site``), of each activation and pooling module (which
now leaves a note of what it was computed from) and of the model itself (which catches the loss gradient at
its output where the equation wants it).
"""

from __future__ import annotations

import copy as copying
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from backprop_evo.equations import read_equation, require_feasible
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.training import FeedbackName
from backprop_evo.training.meaning.activations import Activation, activation_of
from backprop_evo.training.meaning.feedback import FixedMatrices
from backprop_evo.training.meaning.linear_ops import linear_op
from backprop_evo.training.meaning.notes import NoticeFunctions, activate, note_pooling
from backprop_evo.training.meaning.poolings import reading_of
from backprop_evo.training.meaning.rules import Rule, compile_rule
from backprop_evo.training.methods.discovery import Surroundings, look_below_layers
from backprop_evo.training.methods.sites import Site, SiteRule, TopSignal
from dsl.equation import Equation


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A layer that kept autograd's gradient, and why."""

    name: str
    reason: str


@dataclass(slots=True, eq=False)
class Conversion:
    """What ``apply_equation`` did to ``model``: its sites, and the layers it left alone."""

    model: nn.Module
    equation: Equation
    sites: tuple[Site, ...]
    left_alone: tuple[LeftAlone, ...]
    _replaced: list[nn.Module] = field(default_factory=list, repr=False)
    _also_undone: list[Callable[[], None]] = field(default_factory=list, repr=False)

    def undo(self) -> nn.Module:
        """Gives every module its own ``forward`` back, so that the model is as it was. May be repeated."""
        # In reverse: a module that was wrapped twice gets its first ``forward`` back last.
        for module in reversed(self._replaced):
            replacement = module.__dict__.pop("forward", None)
            original = getattr(replacement, "original", None)
            if original is not None:
                module.forward = original
        self._replaced.clear()
        for also in self._also_undone:
            also()
        self._also_undone.clear()
        return self.model

    def on_undo(self, also: Callable[[], None]) -> None:
        """``undo`` will call ``also``."""
        self._also_undone.append(also)

    @contextmanager
    def other_rule(self, rule: SiteRule) -> Iterator[None]:
        """Within the context the sites follow ``rule``; their own state is untouched."""
        before = [site.rule for site in self.sites]
        for site in self.sites:
            site.rule = rule
        try:
            yield
        finally:
            for site, own in zip(self.sites, before, strict=True):
                site.rule = own

    def describe(self) -> str:
        """One line per site and per layer left alone.

        A site whose σ is the identity says why, and what that means for an equation.
        """
        lines = [
            f"{site.name}: {type(site.layer).__name__} after {_activation_text(site)}" for site in self.sites
        ]
        return "\n".join(lines + [f"{left.name}: left alone, {left.reason}" for left in self.left_alone])


def apply_equation(
    model: nn.Module,
    equation: Equation | str,
    *,
    copy: bool = False,
    seed: int = 0,
    feedback: FeedbackName = "gaussian",
) -> Conversion:
    """Puts ``equation`` in place of the gradient at every Linear and Conv2d of ``model`` that has layers
    below it.

    A layer's σ is the activation that produced its input, called as a module or a function; average pooling
    and flattening between the two belong to the layer. Where there is no activation, or something else
    stands between, σ is the identity. ``copy`` converts a deep copy and leaves ``model``
    as it is. ``seed`` draws the fixed random matrices, which are no part of the state_dict; ``feedback``
    says what R is. Layers that cannot become sites are listed in the answer with the reason and keep
    autograd's gradient.

    Raises InvalidEquation for an equation that does not parse or is infeasible, InvalidSettings for a model
    that has nothing to convert or carries sites already.
    """
    equation = read_equation(equation) if isinstance(equation, str) else require_feasible(equation)
    if copy:
        # Before anything is replaced: a copy of a converted module would call the original's site.
        model = copying.deepcopy(model)
    _refuse_converted(model)
    rule, surroundings = compile_rule(equation), look_below_layers(model)
    top, sites, left_alone = TopSignal(), [], []
    for name, layer in _layers(model):
        reason = surroundings.nothing_below(name) or _unsuitable(model, name, layer)
        op = linear_op(layer)
        if reason or isinstance(op, str):
            left_alone.append(LeftAlone(name, reason or str(op)))
            continue
        matrices, seen = FixedMatrices(seed=seed, site=name, feedback=feedback), surroundings.below(name)
        site = Site(name, layer, op, rule, matrices, top, expected=seen.activation)
        site.poolings, site.between = seen.poolings, seen.between
        sites.append(site)
    if not sites:
        raise InvalidSettings(
            f"{type(model).__name__} has nothing to convert: no Linear or Conv2d with layers below it",
            field="model",
            hint="; ".join(f"{left.name}: {left.reason}" for left in left_alone) or None,
        )
    conversion = Conversion(model, equation, tuple(sites), tuple(left_alone))
    _install(conversion, rule, top, surroundings)
    return conversion


def _install(conversion: Conversion, rule: Rule, top: TopSignal, surroundings: Surroundings) -> None:
    replaced = conversion._replaced
    for site in conversion.sites:
        _replace(site.layer, site, replaced)
    for module in conversion.model.modules():
        # Somebody's own ``forward``, ours included, is not replaced.
        if "forward" in module.__dict__:
            continue
        if (activation := activation_of(module)) is not None:
            _replace(module, _NotedActivation(activation, rule.needs.h_pre), replaced)
        elif reading_of(module) is not None:
            _replace(module, _NotedPooling(module), replaced)
    if rule.needs.b_top or surroundings.calls_functions:
        model = conversion.model
        root = _Root(
            model,
            original=model.__dict__.get("forward"),
            top=top if rule.needs.b_top else None,
            notice=surroundings.calls_functions,
            keep_input=rule.needs.h_pre,
        )
        _replace(model, root, replaced)


def _replace(module: nn.Module, forward: Any, replaced: list[nn.Module]) -> None:
    # On the instance: the class, and so every other model, is untouched, and hooks still run around it.
    module.__dict__["forward"] = forward
    replaced.append(module)


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            yield name, module


def _unsuitable(model: nn.Module, name: str, layer: nn.Module) -> str | None:
    kind = nn.Linear if isinstance(layer, nn.Linear) else nn.Conv2d
    # What such a layer computes is unknown: an equation in its place might train another network.
    if type(layer).forward is not kind.forward or "forward" in layer.__dict__:
        return f"{type(layer).__name__} has a forward of its own"
    parent = model.get_submodule(name.rpartition(".")[0])
    # Its projections read the weight directly, so that the layer's ``forward`` would never be called.
    if isinstance(parent, nn.MultiheadAttention):
        return "attention uses its weight without calling it"
    return None


def _refuse_converted(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module.__dict__.get("forward"), Site | _Root):
            raise InvalidSettings(
                f"{name or type(model).__name__} carries an equation already",
                field="model",
                hint="call undo() on the earlier conversion first, or convert a fresh copy",
            )


def _activation_text(site: Site) -> str:
    activation = site.activation or site.expected or "whatever the first pass shows"
    if activation != "identity":
        return ", then ".join((activation, *map(str, site.poolings)))
    between = site.between or "neither an activation nor an average"
    return (
        f"identity, for what stands below is {between}: dh is constant 1 here, so an equation with a factor "
        "bn(dh) or std(dh) sends nothing below this layer"
    )


@dataclass(slots=True, eq=False)
class _NotedActivation:
    activation: Activation
    keep_input: bool

    def __call__(self, input: Tensor) -> Tensor:
        return activate(input, self.activation, keep_input=self.keep_input)


@dataclass(slots=True, eq=False)
class _NotedPooling:
    module: nn.Module

    def __call__(self, input: Tensor) -> Tensor:
        out: Tensor = type(self.module).forward(self.module, input)
        reading = reading_of(self.module)
        if reading is None or not out.requires_grad:
            return out
        return note_pooling(out, input, reading(input, out))


@dataclass(slots=True, eq=False)
class _Root:
    """The model's forward, watching for what its sites need: activations and poolings that are called as
    functions, and b_top at the output.
    """

    model: nn.Module
    original: Any
    top: TopSignal | None
    notice: bool
    keep_input: bool

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with NoticeFunctions(self.keep_input) if self.notice else nullcontext():
            if self.original is not None:
                output = self.original(*args, **kwargs)
            else:
                output = type(self.model).forward(self.model, *args, **kwargs)
        if self.top is not None and torch.is_grad_enabled():
            self._catch_top(output, self.top)
        return output

    def _catch_top(self, output: Any, top: TopSignal) -> None:
        if not isinstance(output, Tensor):
            raise InvalidSettings(
                f"the equation uses b_top, but the model returns {type(output).__name__} and not one tensor",
                field="model",
                hint="wrap the model so that it returns its logits",
            )
        # A signal of the pass before must not be taken for this one's.
        top.value = None
        if output.requires_grad:
            output.register_hook(lambda gradient: setattr(top, "value", gradient.detach()))
