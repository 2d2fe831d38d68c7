"""Equations side by side, place by place, against a short version that tries every way to put them so."""

import random
from itertools import product

import pytest

import dsl
from dsl.places import components_by_place, side_by_side


def texts(*equations: str) -> list[tuple[str, tuple[str | None, ...], bool]]:
    rows = side_by_side([dsl.parse(each) for each in equations])
    return [(row.place, row.components, row.differs) for row in rows]


def test_one_swapped_component_is_the_one_place_that_differs() -> None:
    found = texts("min(g / fro(g), clip(h, 1.0))", "max(g / fro(g), clip(h, 1.0))")
    assert [row for row in found if row[2]] == [("operation 1", ("min", "max"), True)]
    assert len(found) == 5


def test_what_left_ignores_is_nothing_and_differs_from_something() -> None:
    found = dict((place, shown) for place, shown, _ in texts("g", "g * h"))
    assert found["right operand of operation 1"] == (None, "h")
    assert found["operation 1"] == ("left", "multiply")


def test_an_operation_put_in_before_others_does_not_shift_them() -> None:
    found = texts("g * h", "(g + dh) * h")
    same = [place for place, _, differs in found if not differs]
    assert "right operand of operation 2" in same
    assert "operation 2" in same
    assert ("operation 1", (None, "add"), True) in found


def test_six_stand_beside_the_longest_in_their_order() -> None:
    asked = ["g", "g * h", "(g + dh) * h", "bn(g)", "g - mean(g)", "sgn(g)"]
    rows = side_by_side([dsl.parse(each) for each in asked])
    assert all(len(row.components) == len(asked) for row in rows)
    assert [row.place for row in rows] == [place for place, _ in components_by_place(dsl.parse(asked[2]))]


def fewest(one: dsl.Equation, other: dsl.Equation) -> int:
    """The oracle: how many places must differ, over all ways to leave gaps for the shorter one."""

    def operations(equation: dsl.Equation) -> list[tuple[object, ...]]:
        found = [text for _, text in components_by_place(equation)]
        parts = [tuple(found[at : at + 4]) for at in range(1, len(found), 4)]
        return [(a, None, None, d) if d == "left" else (a, b, c, d) for a, b, c, d in parts]

    long, short = sorted((operations(one), operations(other)), key=len, reverse=True)
    ways = []
    for kept in product((True, False), repeat=len(long)):
        if sum(kept) == len(short):
            queue = list(short)
            rows = [
                (wanted, queue.pop(0) if keep else (None,) * 4)
                for wanted, keep in zip(long, kept, strict=True)
            ]
            ways.append(sum(x != y for wanted, given in rows for x, y in zip(wanted, given, strict=True)))
    return min(ways) + (one.first != other.first)


@pytest.mark.parametrize("seed", range(60))
def test_as_few_places_differ_as_can_be(seed: int) -> None:
    rng = random.Random(seed)
    one = dsl.sample(rng, lengths=(0.4, 0.3, 0.3))
    other = dsl.mutate(one, rng) if seed % 2 else dsl.sample(rng, lengths=(0.4, 0.3, 0.3))
    for pair in ([one, other], [other, one]):
        assert sum(row.differs for row in side_by_side(pair)) == fewest(one, other)
    assert not any(row.differs for row in side_by_side([one, one]))
