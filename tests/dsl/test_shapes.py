"""Feasibility is decided without tensors; here tensors are asked whether it was decided rightly."""

import random

import numpy as np
import pytest

import dsl
from dsl import BINARIES, EVERYTHING, OPERANDS, Equation, Operation, reference
from dsl.site_values import Convolution, Dense, SiteValues
from tests.sites import random_site

SITES = {
    "dense": (Dense(), (5,), (4, 5)),
    "conv": (Convolution(stride=(2, 1), padding=(1, 0), groups=2), (4, 7, 6), (6, 2, 3, 2)),
}


def make_site(name: str) -> SiteValues:
    operation, in_shape, weight_shape = SITES[name]
    rng = np.random.default_rng(0)
    return random_site(rng, operation, in_shape=in_shape, weight_shape=weight_shape, samples=8, classes=9)


def by_tensors(equation: Equation, site: SiteValues) -> np.ndarray:
    """The equation computed by looking at the tensors' own shapes; ValueError where they do not fit."""
    memory = dict(reference.operand_averages(OPERANDS, site, {}))
    draws = np.random.default_rng(0)
    value = reference.operand_value(equation.first, site, memory)
    for operation in equation.operations:
        value = transposed_or(operation.left_unary, value, site, draws)
        if operation.binary == "left":
            continue
        right = reference.operand_value(operation.right, site, memory)
        right = transposed_or(operation.right_unary, right, site, draws)
        if operation.binary == "matmul":
            value = product(value, right, site)
        else:
            value = reference.BINARY_MEANING[operation.binary](value, right)
    if value.shape[1:] != site.h.shape[1:] or value.shape[0] not in (1, len(site.h)):
        raise ValueError("not the shape of a signal")
    return value


def transposed_or(unary, value, site, draws):
    if unary.name == "transpose":
        matrices = (site.W.shape, site.R_L.shape)
        one_row = tuple((1, *shape[1:]) for shape in matrices)
        back = tuple((shape[1], shape[0], *shape[2:]) for shape in (*matrices, *one_row))
        if value.shape not in (*matrices, *one_row, *back):
            raise ValueError("nothing to transpose")
    return reference.unary_value(unary, value, draws, {}, "")


def product(x, y, site):
    def like(value, shape):
        return value.shape[1:] == shape[1:] and value.shape[0] in (1, shape[0])

    transposed = (site.W.shape[1], site.W.shape[0], *site.W.shape[2:])
    if like(x, site.b_next.shape) and like(y, site.W.shape):
        return site.through(x, y)
    if like(x, site.b_top.shape) and like(y, site.R_L.shape):
        return site.from_top(x, y)
    of_one_row = (*transposed[:1], 1, *transposed[2:])
    if like(x, site.h.shape) and y.shape in (transposed, of_one_row):
        return site.forward(x, y)
    raise ValueError("no product")


def random_equations(count: int):
    """Half of them random, half feasible, so that both kinds come up with one to three operations."""
    rng = random.Random(11)
    for number in range(count):
        if number % 2:
            yield dsl.sample(rng, lengths=(0.3, 0.3, 0.4))
        else:
            operations = [
                Operation(*(rng.choice(items) for items in (EVERYTHING.unaries, EVERYTHING.operands)),
                          rng.choice(EVERYTHING.unaries), rng.choice(EVERYTHING.binaries))
                for _ in range(rng.randint(1, 3))
            ]  # fmt: skip
            yield Equation(rng.choice(EVERYTHING.operands), tuple(operations))


def runs(equation: Equation, site: SiteValues) -> bool:
    try:
        by_tensors(equation, site)
    except ValueError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_feasible_equations_run_everywhere_and_infeasible_ones_do_not() -> None:
    """A dense site can take a row of the weight for a row of the input; the convolution tells them apart."""
    sites = [make_site(name) for name in SITES]
    counted = {True: 0, False: 0}
    for equation in random_equations(2500):
        feasible = dsl.is_feasible(equation)
        counted[feasible] += 1
        assert all(runs(equation, site) for site in sites) == feasible, dsl.to_text(equation)
        for site in sites:
            if feasible:
                assert dsl.evaluate(equation, site)[0].shape == site.h.shape
            else:
                with pytest.raises(dsl.InfeasibleEquation):
                    dsl.evaluate(equation, site)
    assert min(counted.values()) > 800


def test_the_reason_is_given_exactly_where_an_equation_is_infeasible() -> None:
    for equation in random_equations(4000):
        assert (dsl.infeasibility(equation) is None) == dsl.is_feasible(equation)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("g + W", "operation 1: add wants equal shapes, but left is sample × input and right is weight"),
        ("g @ W", "operation 1: there is no product (sample × input) @ (weight)"),
        ("b_next + b_next", "the result is sample × output"),
        ("g.T + g", "operation 1: transpose takes a weight or R_L, but its left argument is sample × input"),
        ("g * h + b_top", "operation 2: add wants equal shapes"),
    ],
)
def test_reasons_in_words(text: str, reason: str) -> None:
    assert reason in (dsl.infeasibility(dsl.parse(text)) or "")


def test_every_matrix_of_the_weights_class_can_be_multiplied() -> None:
    for matrix in ("W", "sgn_W", "R", "S", "mean(W)", "bn(R)"):
        assert dsl.infeasibility(dsl.parse(f"b_next @ {matrix} * dh")) is None
        assert dsl.infeasibility(dsl.parse(f"h @ {matrix}.T @ W")) is None
    assert BINARIES["matmul"].shape == "matmul"
