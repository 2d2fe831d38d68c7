"""Feasibility is decided without tensors; here tensors are asked whether it was decided rightly."""

import random

import numpy as np
import pytest

import dsl
from dsl import BINARIES, EVERYTHING, OPERANDS, Equation, Operation, Vocabulary, reference
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
    """The equation computed by looking at the tensors' own shapes; ValueError where they do not fit.

    No two axes of a site are of one size, and what has one row is repeated: so shapes tell classes apart.
    """
    memory = dict(reference.operand_averages(OPERANDS, site, {}))
    draws = np.random.default_rng(0)

    def argument(unary, value):
        if unary.name == "transpose":
            return transposed(value, site)
        if unary.name == "standardise" and value.shape[1:] == (len(site.h),):
            raise ValueError("averages of samples")
        return reference.unary_value(unary, value, draws, {}, "")

    def operand(which):
        value = reference.operand_value(which, site, memory)
        return np.broadcast_to(value, reference.OPERAND_MEANING[which.name](site).shape)

    value = operand(equation.first)
    for operation in equation.operations:
        value = argument(operation.left_unary, value)
        if operation.binary == "left":
            continue
        right = argument(operation.right_unary, operand(operation.right))
        if operation.binary == "matmul":
            value = product(value, right, site)
        elif value.shape != right.shape:
            raise ValueError("not of one shape")
        else:
            value = reference.BINARY_MEANING[operation.binary](value, right)
    if value.shape != site.h.shape:
        raise ValueError("not the shape of a signal")
    return value


def is_weight(value, site):
    return value.shape in (site.W.shape, np.swapaxes(site.W, 0, 1).shape)


def features(site):
    return int(np.prod(site.h.shape[1:])), int(np.prod(site.b_next.shape[1:]))


def signal_or_matrix(matrix, site):
    """A matrix in the axes of a signal, where it has a signal's rows and columns."""
    for signal in (site.h, site.b_next):
        if matrix.shape == signal.reshape(len(signal), -1).shape:
            return matrix.reshape(signal.shape)
    return matrix


def transposed(value, site):
    if is_weight(value, site):
        return np.swapaxes(value, 0, 1)
    return signal_or_matrix(value.reshape(len(value), -1).T, site)


def product(x, y, site):
    """On a dense site what numpy makes of two matrices; a convolution stands for its matrix."""
    if site.W.ndim == 4 and is_weight(x, site):
        if is_weight(y, site):
            raise ValueError("two weights")
        return transposed(product(transposed(y, site), transposed(x, site), site), site)
    x = x.reshape(len(x), -1)
    if site.W.ndim == 4 and is_weight(y, site):
        of_weight, of_transpose = (site.b_next.shape[1:], site.through), (site.h.shape[1:], site.forward)
        axes, operation = of_weight if y.shape == site.W.shape else of_transpose
        if x.shape[1] != np.prod(axes):
            raise ValueError("not the operation's")
        value = operation(x.reshape(len(x), *axes), y).reshape(len(x), -1)
    else:
        value = x @ y.reshape(len(y), -1)
    if set(value.shape) <= set(features(site)):
        raise ValueError("features × features")
    return signal_or_matrix(value, site)


#: Where components are drawn, transposes and products come up often enough to meet each other.
OF_MATRICES = Vocabulary(
    EVERYTHING.operands,
    (*EVERYTHING.unaries, *[dsl.Unary("transpose"), dsl.Unary("identity")] * 20),
    (*EVERYTHING.binaries, *["matmul"] * 5),
)


def random_equations(count: int):
    """A third of them random, a third feasible, so that both kinds come up with one to three operations, and
    a third with many products, of which every other one is feasible.
    """
    rng = random.Random(11)
    for number in range(count):
        if number % 3 == 1:
            yield dsl.sample(rng, lengths=(0.3, 0.3, 0.4))
        elif number % 6 == 2:
            yield dsl.sample(rng, OF_MATRICES, lengths=(0.1, 0.4, 0.5))
        else:
            source = EVERYTHING if number % 3 == 0 else OF_MATRICES
            operations = [
                Operation(*(rng.choice(items) for items in (source.unaries, source.operands)),
                          rng.choice(source.unaries), rng.choice(source.binaries))
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
    sites = [make_site(name) for name in SITES]
    counted = {True: 0, False: 0}
    for equation in random_equations(4000):
        feasible = dsl.is_feasible(equation)
        counted[feasible] += 1
        assert [runs(equation, site) for site in sites] == [feasible] * 2, dsl.to_text(equation)
        for site in sites:
            if feasible:
                assert dsl.evaluate(equation, site)[0].shape == site.h.shape
            else:
                with pytest.raises(dsl.InfeasibleEquation):
                    dsl.evaluate(equation, site)
    assert min(counted.values()) > 1500


def test_the_reason_is_given_exactly_where_an_equation_is_infeasible() -> None:
    for equation in random_equations(4000):
        assert (dsl.infeasibility(equation) is None) == dsl.is_feasible(equation)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("g + W", "operation 1: add wants equal shapes, but left is sample × input and right is weight"),
        ("g @ W", "operation 1: there is no product (sample × input) @ (weight)"),
        ("b_next + b_next", "the result is sample × output"),
        (
            "g.T + g",
            "operation 1: add wants equal shapes, but left is input × sample and right is sa",
        ),
        ("g @ W", "the columns of the left are of input, the rows of the right of output"),
        ("h.T @ h", "would be input × input, as large as the square of a layer's features"),
        ("W @ W.T", "would be output × output, as large as the square of a layer's features"),
        ("b_next.T @ h", "would be output × input, as large as the square of a layer's features"),
        (
            "standardise(g @ h.T) @ g",
            "columns of its left argument (sample × sample) are samples, others in each batch",
        ),
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
