"""The reference meaning, against values worked out by hand and against direct formulas."""

import numpy as np
import pytest

import dsl
from dsl import reference
from dsl.site_values import Convolution, Dense
from tests.sites import random_site

X = np.array([[3.0, -4.0, 0.0], [1.0, 0.0, -2.0]])


@pytest.mark.parametrize(
    ("name", "constant", "expected"),
    [
        ("identity", None, X),
        ("reciprocal", None, [[1 / 3, -0.25, 1e12], [1.0, 1e12, -0.5]]),
        ("abs", None, [[3, 4, 0], [1, 0, 2]]),
        ("negate", None, -X),
        ("positive", None, [[1, 0, 0], [1, 0, 0]]),
        ("relu", None, [[3, 0, 0], [1, 0, 0]]),
        ("sgn", None, [[1, -1, 0], [1, 0, -1]]),
        ("sqrt", None, [[3**0.5, 2, 0], [1, 0, 2**0.5]]),
        ("signed_sqrt", None, [[3**0.5, -2, 0], [1, 0, -(2**0.5)]]),
        ("square", None, [[9, 16, 0], [1, 0, 4]]),
        ("signed_square", None, [[9, -16, 0], [1, 0, -4]]),
        ("cube", None, [[27, -64, 0], [1, 0, -8]]),
        ("scale", 0.5, X / 2),
        ("shift", -0.5, X - 0.5),
        ("clip", 1.0, [[1, -1, 0], [1, 0, -1]]),
        ("transpose", None, X.T),
        ("per_elem", 0.0, X / 4),
        ("per_elem", 1.0, X / 10),
        ("per_elem", 2.0, X / 30**0.5),
        ("per_elem", np.inf, X / 4),
        ("per_elem", -np.inf, X / 1e-12),
        ("per_fro", None, X / 30**0.5),
        ("per_row", 1.0, [[3 / 7, -4 / 7, 0], [1 / 3, 0, -2 / 3]]),
        ("per_row", 0.0, X / 2),
        ("per_col", 2.0, [[3 / 10**0.5, -1, 0], [1 / 10**0.5, 0, -1]]),
        ("per_col", np.inf, [[1, -1, 0], [1 / 3, 0, -1]]),
        ("per_matrix", 1.0, X / 4),
        ("per_matrix", np.inf, X / 7),
        ("per_matrix", -np.inf, X / 3),
    ],
)
def test_unary_functions_by_hand(name: str, constant: float | None, expected) -> None:
    value = reference.unary_value(dsl.Unary(name, constant), X, np.random.default_rng(0), {}, "")
    np.testing.assert_allclose(value, np.asarray(expected, float), rtol=1e-14)


PRODUCTS = {
    "b_next_W": "b_next @ W",
    "b_next_R": "b_next @ R",
    "b_top_R_L": "b_top @ R_L",
    "g": "b_next @ W * dh",
    "b_next_R_dh": "b_next @ R * dh",
    "b_top_R_L_dh": "b_top @ R_L * dh",
}


@pytest.mark.parametrize("name", [name for name, row in dsl.OPERANDS.items() if row.product is not None])
def test_an_operand_that_is_a_product_computes_it_and_is_its_canonical_form(name: str) -> None:
    product = dsl.OPERANDS[name].product
    chain = dsl.Operation(
        dsl.Unary("identity"), dsl.Operand(product.right), dsl.Unary("identity"), product.binary
    )
    equation = dsl.Equation(dsl.Operand(product.left), (chain,))
    operation = Convolution(padding=(1, 1))
    site = random_site(np.random.default_rng(2), operation, in_shape=(3, 5, 5), weight_shape=(4, 3, 3, 3))
    np.testing.assert_allclose(dsl.evaluate(equation, site)[0], reference.OPERAND_MEANING[name](site))
    assert dsl.canonical(equation) == dsl.canonical(dsl.parse(name))
    assert dsl.parse(f"mean({PRODUCTS[name]}) + h") == dsl.parse(f"mean({name}) + h")


def test_every_primitive_has_a_meaning() -> None:
    meanings = {*reference.UNARY_MEANING, *reference.RANDOM_MEANING, *reference.REMEMBERING_MEANING}
    assert meanings == set(dsl.UNARIES)
    assert set(reference.OPERAND_MEANING) == set(dsl.OPERANDS)
    assert {*reference.BINARY_MEANING, "left", "matmul"} == set(dsl.BINARIES)
    assert {name for name, row in dsl.UNARIES.items() if row.random} == set(reference.RANDOM_MEANING)
    assert {name for name, row in dsl.UNARIES.items() if row.remembers} == set(reference.REMEMBERING_MEANING)


def test_division_never_meets_zero() -> None:
    divide = reference.BINARY_MEANING["divide"]
    y = np.array([0.0, -0.0, 1e-13, -1e-13, 2.0])
    np.testing.assert_allclose(divide(np.ones(5), y), [1e12, 1e12, 1e12, -1e12, 0.5])
    assert divide(np.zeros(1), np.zeros(1)) == 0.0


def test_running_statistics_start_at_the_first_batch_and_forget_by_a_tenth() -> None:
    rng = np.random.default_rng(1)
    first, second = (random_site(rng, Dense(), in_shape=(4,), weight_shape=(3, 4), samples=n) for n in (5, 2))
    equation = dsl.parse("mean(h) + std(h)")
    one, memory = dsl.evaluate(equation, first)
    two, _ = dsl.evaluate(equation, second, memory)
    mean = first.h.mean(0), second.h.mean(0)
    variance = first.h.var(0), second.h.var(0)
    np.testing.assert_allclose(one[0], mean[0] + variance[0] ** 0.5)
    expected = 0.9 * mean[0] + 0.1 * mean[1] + (0.9 * variance[0] + 0.1 * variance[1]) ** 0.5
    np.testing.assert_allclose(two[0], expected)
    assert two.shape == second.h.shape


def test_statistics_of_one_operand_are_averaged_once_per_pass() -> None:
    rng = np.random.default_rng(2)
    sites = [random_site(rng, Dense(), in_shape=(4,), weight_shape=(3, 4)) for _ in range(2)]
    together, alone = dsl.parse("mean(g) + mean(g)"), dsl.parse("2.0 * mean(g)")
    memories = {}
    for site in sites:
        values = []
        for equation in (together, alone):
            value, memories[equation] = dsl.evaluate(equation, site, memories.get(equation, {}))
            values.append(value)
        np.testing.assert_allclose(*values)


def test_standardise_divides_by_the_root_of_the_running_square() -> None:
    rng = np.random.default_rng(3)
    sites = [random_site(rng, Dense(), in_shape=(4,), weight_shape=(3, 4)) for _ in range(2)]
    equation = dsl.parse("standardise(h_pre)")
    _, memory = dsl.evaluate(equation, sites[0])
    value, _ = dsl.evaluate(equation, sites[1], memory)
    x, y = sites[0].h_pre, sites[1].h_pre
    mean = 0.9 * x.mean(0) + 0.1 * y.mean(0)
    square = 0.9 * (x * x).mean(0) + 0.1 * (y * y).mean(0)
    np.testing.assert_allclose(value, (y - mean) / square**0.5)


def test_dropout_is_inverted_and_noise_has_its_scale() -> None:
    rng = np.random.default_rng(4)
    x = np.ones((400, 250))
    dropped = reference.RANDOM_MEANING["drop"](x, 0.3, rng)
    assert set(np.unique(dropped)) == {0.0, 1 / 0.7}
    assert dropped.mean() == pytest.approx(1.0, abs=0.01)
    assert (reference.RANDOM_MEANING["add_noise"](x, 0.5, rng) - x).std() == pytest.approx(0.5, rel=0.02)
    assert (reference.RANDOM_MEANING["scale_noise"](3 * x, 0.1, rng)).std() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(
    ("operation", "in_shape", "weight_shape"),
    [
        (Dense(), (5,), (4, 5)),
        (Dense(), (3, 5), (4, 5)),
        (Convolution(padding=(1, 1)), (3, 6, 5), (4, 3, 3, 3)),
        (Convolution((2, 1), (1, 0), (1, 2), 2), (4, 7, 8), (6, 2, 3, 3)),
        (Convolution((2, 2)), (3, 7, 6), (5, 3, 1, 1)),
    ],
)
def test_transpose_is_the_adjoint_of_the_operation(operation, in_shape, weight_shape) -> None:
    """⟨op(h, W), b⟩ = ⟨h, opᵗ(b, W)⟩ defines it, whatever stride, padding, dilation and groups are."""
    site = random_site(np.random.default_rng(5), operation, in_shape=in_shape, weight_shape=weight_shape)
    forward = operation.forward(site.h, site.W)
    back = site.through(site.b_next, site.W)
    assert (forward * site.b_next).sum() == pytest.approx((site.h * back).sum(), rel=1e-10)
    weight_t = np.swapaxes(site.W, 0, 1)
    np.testing.assert_allclose(site.forward(site.h, weight_t), forward)


def test_a_convolution_slides_its_kernel() -> None:
    h, kernel = np.arange(12.0).reshape(1, 1, 3, 4), np.array([[1.0, 0.0], [0.0, -1.0]]).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(Convolution().forward(h, kernel), np.full((1, 1, 2, 3), -5.0))
