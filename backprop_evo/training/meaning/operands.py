"""The torch meaning of every operand: one row each, after the table in ``dsl.primitives``.

A row says how to compute the operand from a backward pass, what that takes, and whether the tensor is new
(``fresh``), so that nobody else sees it change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from backprop_evo.training.meaning.site_view import SiteView, Transport


@dataclass(frozen=True, slots=True)
class OperandMeaning:
    """``compute(view, alone)``: ``alone`` says that no other operand of the equation uses the same transport.

    A result that may be the shared transport itself is not the rule's own then, however fresh.
    """

    compute: Callable[[SiteView, bool], Tensor]
    fresh: bool = False
    transport: Transport | None = None
    derivative: bool = False
    top: bool = False
    matrices: frozenset[str] = frozenset()


_W, _R, _S, _R_L = (frozenset({name}) for name in ("W", "R", "S", "R_L"))

OPERANDS: dict[str, OperandMeaning] = {
    "W": OperandMeaning(lambda view, _: view.weight, matrices=_W),
    "sgn_W": OperandMeaning(lambda view, _: view.weight.sign(), fresh=True, matrices=_W),
    "R": OperandMeaning(lambda view, _: view.matrices.random(view.weight), matrices=_R),
    "S": OperandMeaning(lambda view, _: view.matrices.bernoulli(view.weight), matrices=_S),
    "R_L": OperandMeaning(lambda view, _: view.R_L(), top=True, matrices=_R_L),
    "h_pre": OperandMeaning(lambda view, _: view.h_pre()),
    "h": OperandMeaning(lambda view, _: view.h),
    "h_next_pre": OperandMeaning(lambda view, _: view.h_next_pre()),
    "b_top": OperandMeaning(lambda view, _: view.b_top(), top=True),
    "b_next": OperandMeaning(lambda view, _: view.b_next),
    "dh": OperandMeaning(lambda view, _: view.derivative(), fresh=True, derivative=True),
    "g": OperandMeaning(
        lambda view, alone: view.pull(view.through("W"), in_place=alone),
        fresh=True,
        transport="W",
        derivative=True,
        matrices=_W,
    ),
    "b_next_W": OperandMeaning(lambda view, _: view.through("W"), fresh=True, transport="W", matrices=_W),
    "b_next_R": OperandMeaning(lambda view, _: view.through("R"), fresh=True, transport="R", matrices=_R),
    "b_next_R_dh": OperandMeaning(
        lambda view, alone: view.pull(view.through("R"), in_place=alone),
        fresh=True,
        transport="R",
        derivative=True,
        matrices=_R,
    ),
    "b_top_R_L": OperandMeaning(lambda view, _: view.from_top(), fresh=True, top=True, matrices=_R_L),
    "b_top_R_L_dh": OperandMeaning(
        lambda view, _: view.pull(view.from_top(), in_place=True),
        fresh=True,
        top=True,
        derivative=True,
        matrices=_R_L,
    ),
}
