"""Which components a search may use: operands, unary functions with their constants, binary functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from dsl.equation import Operand, Statistic, Unary
from dsl.errors import UnknownComponent
from dsl.notation import grid_text, operand_text
from dsl.primitives import BINARIES, OPERANDS, UNARIES
from dsl.shapes import Products


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The components that equations are made of; a component that stands twice is drawn twice as often.

    ``products`` says which products and transposes of them count as feasible where equations are drawn.
    """

    operands: tuple[Operand, ...]
    unaries: tuple[Unary, ...]
    binaries: tuple[str, ...]
    products: Products = "all"


def vocabulary(
    operands: Sequence[str] | None = None,
    unaries: Sequence[str] | None = None,
    binaries: Sequence[str] | None = None,
    constants: Mapping[str, Sequence[float]] | None = None,
    products: Products = "all",
) -> Vocabulary:
    """The permitted part of the language; None means everything.

    Operands are named with their statistic (``"g"``, ``"mean(g)"``), unaries by name with all constants of
    their grid unless ``constants`` names others (``{"scale": (0.1, 3.0)}``; grids that the paper fixes can be
    narrowed only). ``products`` is "three" for searches from before there were more, which replay with it.
    Raises UnknownComponent naming the nearest known one.
    """
    by_text = {operand_text(operand): operand for operand in _all_operands()}
    constants = constants or {}
    _known(constants, [name for name, row in UNARIES.items() if row.constants], "unary with a constant")
    return Vocabulary(
        tuple(by_text[text] for text in _known(operands, list(by_text), "operand")),
        tuple(
            unary
            for name in _known(unaries, list(UNARIES), "unary function")
            for unary in _with_constants(name, constants.get(name))
        ),
        tuple(_known(binaries, list(BINARIES), "binary function")),
        products,
    )


def _all_operands() -> list[Operand]:
    return [Operand(name, statistic) for name in OPERANDS for statistic in get_args(Statistic)]


def _known(asked: Sequence[str] | Mapping[str, object] | None, known: list[str], kind: str) -> list[str]:
    if asked is None:
        return known
    for name in asked:
        if name not in known:
            near = get_close_matches(name[:60], known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise UnknownComponent(f"there is no {kind} {name[:60]!r}", hint=hint)
    if not asked and not isinstance(asked, Mapping):
        raise UnknownComponent(f"a vocabulary needs at least one {kind}", hint="leave it out to permit all")
    return list(asked)


def _with_constants(name: str, asked: Sequence[float] | None) -> list[Unary]:
    row = UNARIES[name]
    if not row.constants:
        return [Unary(name)]
    for constant in asked or ():
        if not row.permits(constant):
            raise UnknownComponent(
                f"{constant} is not in the grid of {name}", hint=f"its constants are {grid_text(row)}"
            )
    return [Unary(name, float(constant)) for constant in (asked or row.constants)]


#: Everything, as in appendix A.
EVERYTHING = vocabulary()
