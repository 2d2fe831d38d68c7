"""Products and transposes over the batch: torch and the reference agree for every pair of classes that an
equation can multiply, and for every function of every class that an equation can have.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from random import Random

import numpy as np
import pytest
import torch

from backprop_evo.training.meaning import products
from backprop_evo.training.meaning.activations import RELU
from dsl import EVERYTHING, KNOWN, UNARIES, Vocabulary, is_feasible, matrices, reference, sample, to_text
from dsl.equation import IDENTITY, MAX_OPERATIONS, Equation, Operand, Operation, Unary
from dsl.notation import keep
from dsl.parsing import parse
from dsl.primitives import Shape
from dsl.shapes import PRODUCTS, shape_after_unary, shape_of_operand, shapes_of
from tests.contracts.sites import (
    LAYERS,
    TOLERANCE,
    compare,
    draws_from_numpy,
    in_torch,
    passes,
    relative_error,
    view_of,
)

T = Unary("transpose")
MATRICES = [Operand(name) for name in ("h_pre", "h_next_pre", "b_next", "b_top", "W", "R_L")]
STEPS = [
    *(keep(unary) for unary in (IDENTITY, T)),
    *(
        Operation(left, right, of_right, "matmul")
        for left, right, of_right in product((IDENTITY, T), MATRICES, (IDENTITY, T))
    ),
]


@dataclass
class Found:
    """The first, and so the shortest, feasible chain of products for each of these."""

    products: dict[tuple[Shape, Shape], Equation] = field(default_factory=dict)
    #: Where the number of an operation is given, the class goes into it without a function.
    classes: dict[Shape, tuple[Equation, int]] = field(default_factory=dict)

    def look_at(self, equation: Equation) -> None:
        before = (shape_of_operand(equation.first), *shapes_of(equation))
        for number, (operation, shape) in enumerate(zip(equation.operations, before, strict=False)):
            if operation.left_unary == IDENTITY:
                self.classes.setdefault(shape, (equation, number))
            if operation.binary == "matmul":
                right = shape_after_unary(operation.right_unary, shape_of_operand(operation.right))
                left = shape_after_unary(operation.left_unary, shape)
                self.products.setdefault((left, right), equation)


def chains() -> Found:
    """Looks at every chain of products of up to three operations, the shortest first."""
    found = Found()
    begun: list[tuple[Operand, tuple[Operation, ...], Shape]]
    begun = [(first, (), shape_of_operand(first)) for first in MATRICES]
    for _ in range(MAX_OPERATIONS):
        begun = [
            (first, (*operations, step), after)
            for first, operations, shape in begun
            for step in STEPS
            if (after := class_after(step, shape)) is not None
        ]
        for first, operations, shape in begun:
            if shape is Shape.IN:
                found.look_at(Equation(first, operations))
    return found


def class_after(step: Operation, shape: Shape) -> Shape | None:
    left = shape_after_unary(step.left_unary, shape)
    if step.binary == "left":
        return left
    return PRODUCTS.get((left, shape_after_unary(step.right_unary, shape_of_operand(step.right))))


FOUND = chains()

#: One row or column where a running statistic is a factor, on either side, and where both are.
OF_ONE_ROW = [
    "mean(g) @ h.T @ g",
    "g @ std(h).T @ h_pre",
    "mean(g) @ std(h).T @ h_pre",
    "(mean(b_top).T @ h @ g.T).T @ R_L",
    "b_top @ mean(R_L)",
    "h @ mean(R_L).T @ R_L",
    "h_pre @ mean(R_L).T @ mean(R_L)",
    "(mean(W) @ h.T).T @ W",
    "(W.T @ std(b_next).T).T * dh",
    "(g @ mean(h).T) @ g",
    "(g @ mean(h).T) @ mean(g)",
    "(h @ mean(W).T @ b_next.T) @ g",
    "(h.T + mean(g).T).T - g",
    "(b_top.T @ mean(b_top) @ b_top.T).T @ R_L",
]


def test_every_product_of_the_language_stands_in_an_equation_but_for_those_without_a_way_back() -> None:
    """A fourth operation would be wanted to come from those down to the input."""
    assert set(PRODUCTS) - set(FOUND.products) == OUT_OF_REACH
    assert set(Shape) - set(FOUND.classes) == set()


OUT_OF_REACH = {(Shape.CLASS, Shape.RTOP), (Shape.CLASS_OUT, Shape.WEIGHT)}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
@pytest.mark.parametrize("equation", FOUND.products.values(), ids=to_text)
def test_every_product_means_what_the_reference_means(equation, layer, dtype) -> None:
    agree(equation, layer, dtype)


@pytest.mark.parametrize("layouts", [(False, False), (True, False)], ids=["contiguous", "mixed"])
@pytest.mark.parametrize("layer", LAYERS[1:], ids=lambda layer: layer[0])
@pytest.mark.parametrize("equation", FOUND.products.values(), ids=to_text)
def test_a_memory_layout_changes_nothing(equation, layer, layouts) -> None:
    agree(equation, layer, torch.float64, *layouts)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
@pytest.mark.parametrize("text", OF_ONE_ROW)
def test_a_row_of_statistics_is_multiplied_as_so_many_equal_rows(text, layer) -> None:
    agree(parse(text), layer, torch.float64)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
def test_there_may_be_fewer_samples_than_classes(layer) -> None:
    agree(FOUND.products[Shape.RTOP, Shape.WEIGHT_T], layer, torch.float64, samples=2)
    agree(FOUND.products[Shape.CLASS_OUT, Shape.OUT_T], layer, torch.float64, samples=1)


@pytest.mark.parametrize("samples", [2, 5])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
def test_products_that_no_equation_reaches_mean_the_same_too(layer, samples) -> None:
    name, _, op, _, _ = layer
    (values,) = passes(layer, seed=3, count=1, samples=samples)
    view = view_of(values, op, RELU, torch.float64, channels_last=name != "dense")
    rows = values.b_top.T[:, : len(values.b_next)] @ values.b_next.reshape(len(values.b_next), -1)
    up = torch.from_numpy(rows).reshape(-1, *values.b_next.shape[1:])
    for classes, x, y, in_numpy in (
        ((Shape.CLASS_OUT, Shape.WEIGHT), up, view.weight, (rows, values.W)),
        ((Shape.CLASS, Shape.RTOP), view.b_top()[:1].t() @ view.b_top()[:1], view.R_L(), None),
    ):
        a, b = in_numpy or (x.numpy(), values.R_L)
        ours = products.product(x, y, classes, view)
        compare(ours.reshape(len(ours), -1).numpy(), matrices.product(a, b, classes, values), 1e-9)


def of_class(shape: Shape, unary: Unary) -> Equation:
    """The chain in which ``unary`` is applied to a value of class ``shape``."""
    equation, number = FOUND.classes[shape]
    operation = equation.operations[number]
    return equation.with_operation(
        number, Operation(unary, operation.right, operation.right_unary, operation.binary)
    )


EVERY_UNARY = [
    Unary(name, constant)
    for name, row in UNARIES.items()
    if name != "transpose"
    for constant in row.constants or (None,)
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
@pytest.mark.parametrize("shape", FOUND.classes, ids=lambda shape: shape.name)
def test_every_function_of_every_class_means_what_the_reference_means(shape, layer, monkeypatch) -> None:
    for unary in EVERY_UNARY:
        draws_from_numpy(monkeypatch, seed=11)
        equation = of_class(shape, unary)
        if shape_after_unary(unary, shape) is None:
            assert not is_feasible(equation)
        else:
            agree(equation, layer, torch.float64)


#: In which products and transposes come up often enough to meet each other and everything else.
OF_MATRICES = Vocabulary(
    EVERYTHING.operands,
    (*EVERYTHING.unaries, *[T, IDENTITY] * 20),
    (*EVERYTHING.binaries, *["matmul"] * 5),
)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
def test_random_products_mean_what_the_reference_means(layer, monkeypatch) -> None:
    """Left out is where rounding errors of the operands decide: bn of a first batch sums to 0, say."""
    random, compared = Random(7), 0
    name, _, op, _, _ = layer
    for number in range(400):
        equation = sample(random, OF_MATRICES, (0.0, 0.4, 0.6))
        if is_feasible(equation, "three"):
            continue
        steps = passes(layer, seed=number, count=3)
        draws_from_numpy(monkeypatch, seed=11)
        ours = in_torch(equation, steps, op, RELU, torch.float64, channels_last=name != "dense")
        nearly = in_numpy(equation, [slightly_changed(values) for values in steps])
        for signal, expected, other in zip(ours, in_numpy(equation, steps), nearly, strict=True):
            if relative_error(other, expected) < 1e-8:
                compare(signal, expected, 1e-6)
                compared += 1
    assert compared > 300


def slightly_changed(values):
    """By a hundred rounding errors in every entry."""
    rng = np.random.default_rng(0)
    names = ("h_pre", "h", "dh", "h_next_pre", "b_next", "b_top", "W", "R", "S", "R_L")
    entries = {name: getattr(values, name) for name in names}
    return replace(
        values, **{name: x * (1 + 1e-14 * rng.standard_normal(x.shape)) for name, x in entries.items()}
    )


def in_numpy(equation, steps) -> list[np.ndarray]:
    memory, noise, signals = reference.EMPTY_MEMORY, np.random.default_rng(11), []
    for values in steps:
        signal, memory = reference.evaluate(equation, values, memory, noise)
        signals.append(signal)
    return signals


def test_one_step_of_newton_and_schulz_changes_singular_values_alone() -> None:
    """s → ‖g‖ (1.5 (s/‖g‖) − 0.5 (s/‖g‖)³), and the singular vectors stay."""
    equation = KNOWN["newton-schulz"].equation
    for layer in LAYERS:
        (values,) = passes(layer, seed=1, count=1)
        g = reference.OPERAND_MEANING["g"](values).reshape(len(values.h), -1)
        u, sizes, v = np.linalg.svd(g, full_matrices=False)
        norm = np.sqrt((sizes**2).sum())
        x = sizes / norm
        expected = (u * (norm * (1.5 * x - 0.5 * x**3))) @ v
        signal, _ = reference.evaluate(equation, values)
        np.testing.assert_allclose(signal.reshape(g.shape), expected, rtol=1e-9, atol=1e-12 * norm)
        agree(equation, layer, torch.float64)


def agree(equation, layer, dtype, channels_last=None, b_next_channels_last=True, samples=5) -> None:
    """In each of three passes, which noise and running averages may tell apart."""
    name, _, op, _, _ = layer
    steps = passes(layer, seed=3, count=3, dtype=dtype, samples=samples)
    last = name != "dense" if channels_last is None else channels_last
    ours = in_torch(equation, steps, op, RELU, dtype, last, b_next_channels_last)
    for signal, expected in zip(ours, in_numpy(equation, steps), strict=True):
        compare(signal, expected, TOLERANCE[dtype])
