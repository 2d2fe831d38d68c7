"""What stands in which place of an equation, and equations side by side, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from dsl.equation import Equation, Unary
from dsl.notation import operand_text

#: The components of one operation, in the order of the genome.
_A_SLOT = 4

#: Of an equation that has nothing in that place: no such operation, or a value that ``left`` ignores.
Shown = str | None


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place, and what each equation has there."""

    place: str
    components: tuple[Shown, ...]

    @property
    def differs(self) -> bool:
        """Whether not all have the same there."""
        return len(set(self.components)) > 1


def components_by_place(equation: Equation) -> list[tuple[str, str]]:
    """Every component's place and text, in the order of the genome."""
    found = [("first operand", operand_text(equation.first))]
    for number, operation in enumerate(equation.operations, start=1):
        found += [
            (f"left function of operation {number}", _unary_words(operation.left_unary)),
            (f"right operand of operation {number}", operand_text(operation.right)),
            (f"right function of operation {number}", _unary_words(operation.right_unary)),
            (f"operation {number}", operation.binary),
        ]
    return found


def side_by_side(equations: Sequence[Equation]) -> tuple[PlaceRow, ...]:
    """The trees of all, a row for each place of the longest, the first of several that are as long.

    The operations of a shorter one keep their order and stand beside those of the longest that they differ
    least from, so that an operation put in before others does not shift what is the same.
    """
    longest = max(equations, key=lambda each: len(each.operations))
    places = [place for place, _ in components_by_place(longest)]
    columns = [_beside(_shown(each), _shown(longest)) for each in equations]
    return tuple(
        PlaceRow(place, components)
        for place, components in zip(places, zip(*columns, strict=True), strict=True)
    )


def _shown(equation: Equation) -> list[Shown]:
    """The components, without what ``left`` ignores."""
    found: list[Shown] = [text for _, text in components_by_place(equation)]
    for number, operation in enumerate(equation.operations):
        if operation.binary == "left":
            at = 1 + _A_SLOT * number
            found[at + 1 : at + 3] = [None, None]
    return found


def _beside(shown: list[Shown], longest: list[Shown]) -> list[Shown]:
    """``shown`` with gaps, as long as ``longest``, and in as few places as possible another."""
    slots, own = (len(longest) - 1) // _A_SLOT, (len(shown) - 1) // _A_SLOT
    candidates = [_spread(shown, chosen, slots) for chosen in combinations(range(slots), own)]
    return min(candidates, key=lambda each: sum(x != y for x, y in zip(each, longest, strict=True)))


def _spread(shown: list[Shown], chosen: Sequence[int], slots: int) -> list[Shown]:
    """Its operations in the slots ``chosen``, nothing in the others."""
    found: list[Shown] = [shown[0], *([None] * (_A_SLOT * slots))]
    for number, slot in enumerate(chosen):
        at, of = 1 + _A_SLOT * slot, 1 + _A_SLOT * number
        found[at : at + _A_SLOT] = shown[of : of + _A_SLOT]
    return found


def _unary_words(unary: Unary) -> str:
    return unary.name if unary.constant is None else f"{unary.name} {unary.constant:g}"
