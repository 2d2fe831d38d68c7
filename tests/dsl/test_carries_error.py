"""What carries the error: the fact against the reference meaning, and how often equations lack it."""

import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import dsl
from dsl.site_values import Dense
from tests.sites import random_site


@pytest.mark.parametrize(
    ("text", "carries"),
    [
        ("g", True),
        ("h", False),
        ("mean(g)", True),
        ("h * std(b_top_R_L)", True),
        ("dh * h_pre", False),
        ("h_next_pre @ W", False),
        ("b_top @ R_L", True),
        ("left(h, g)", False),
        ("g - g", False),
        ("g / fro(g)", True),
    ],
)
def test_of_the_canonical_form(text: str, carries: bool) -> None:
    equation = dsl.parse(text)
    if text != "g - g":  # as it is written, nothing of it is taken out
        assert dsl.carries_error(equation) == carries
    assert dsl.facts(equation).carries_error == dsl.carries_error(dsl.canonical(equation))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_what_carries_none_does_not_see_the_loss_at_all(length: int) -> None:
    """Other signals at the same site change nothing, whatever the equation is."""
    drawn, rng = random.Random(length), np.random.default_rng(length)
    site = random_site(rng, Dense(), in_shape=(6,), weight_shape=(4, 6))
    other = replace(site, b_next=rng.normal(size=site.b_next.shape), b_top=rng.normal(size=site.b_top.shape))
    lengths = tuple(float(place == length - 1) for place in range(3))
    without = 0
    for _ in range(400):
        equation = dsl.sample(drawn, lengths=lengths)
        if dsl.carries_error(equation):
            continue
        without += 1
        with np.errstate(all="ignore"):
            value, again = (dsl.evaluate(equation, each)[0] for each in (site, other))
        assert_array_equal(value, again)
    assert without > 5


def test_the_operands_that_carry_it() -> None:
    found = {name for name in dsl.OPERANDS if dsl.operand_carries_error(name)}
    assert found == {
        "b_top",
        "b_next",
        "g",
        "b_next_W",
        "b_next_R",
        "b_next_R_dh",
        "b_top_R_L",
        "b_top_R_L_dh",
    }
    assert all(operand.name in dsl.OPERANDS for operand in dsl.EVERYTHING.operands)
