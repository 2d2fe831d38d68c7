"""Every primitive has one row in the tables, one reference meaning in numpy and one meaning in torch; all
three agree.

Whoever adds a row finds here what is still missing.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import torch

from backprop_evo.training.meaning import elementary
from backprop_evo.training.meaning.activations import IDENTITY, RELU, TANH
from backprop_evo.training.meaning.operands import OPERANDS as OPERANDS_IN_TORCH
from dsl import reference
from dsl.equation import Equation, Operand, Operation, Unary
from dsl.parsing import parse
from dsl.primitives import BINARIES, OPERANDS, STATISTICS, UNARIES, Shape
from dsl.shapes import infeasibility
from dsl.variation import sample
from tests.contracts.sites import (
    CONV,
    DENSE,
    LAYERS,
    TOLERANCE,
    compare,
    draws_from_numpy,
    in_torch,
    passes,
)
from tests.sites import random_site

ACTIVATIONS = {"relu": RELU, "tanh": TANH, "identity": IDENTITY}
NONE = Unary("identity")


def needs_a_function(kind: str, rows, *tables) -> list[str]:
    known = set().union(*tables)
    return [f"{kind} {name!r} has no function" for name in rows if name not in known]


def test_every_row_has_a_meaning_in_numpy_and_in_torch():
    missing = [
        *needs_a_function("in dsl/reference.py: operand", OPERANDS, reference.OPERAND_MEANING),
        *needs_a_function("in training/meaning/operands.py: operand", OPERANDS, OPERANDS_IN_TORCH),
        *needs_a_function(
            "in dsl/reference.py: unary",
            UNARIES,
            reference.UNARY_MEANING,
            reference.RANDOM_MEANING,
            reference.REMEMBERING_MEANING,
        ),
        *needs_a_function(
            "in training/meaning/elementary.py: unary", UNARIES, elementary.UNARIES, elementary.REMEMBERING
        ),
        *needs_a_function(
            "in dsl/reference.py: binary", BINARIES, reference.BINARY_MEANING, {"matmul", "left"}
        ),
        *needs_a_function(
            "in training/meaning/elementary.py: binary", BINARIES, elementary.BINARIES, {"matmul", "left"}
        ),
    ]
    assert not missing, "\n".join(missing)


def test_no_meaning_is_left_over_from_a_row_that_is_gone():
    assert set(OPERANDS_IN_TORCH) == set(reference.OPERAND_MEANING) == set(OPERANDS)
    assert set(elementary.UNARIES) | set(elementary.REMEMBERING) == set(UNARIES)
    assert set(elementary.BINARIES) | {"matmul", "left"} == set(BINARIES)


def every_equation() -> list:
    """One feasible equation for every primitive with every constant and statistic."""
    return [pytest.param(equation, id=name) for name, equation in _equations().items()]


def _equations() -> dict[str, Equation]:
    found = {}
    for name in OPERANDS:
        for statistic in ("value", *STATISTICS):
            found[f"{statistic}({name})"] = _down_to_input(Operand(name, statistic), NONE)
    for name, row in UNARIES.items():
        for constant in row.constants or (None,):
            unary = Unary(name, constant)
            if row.shape == "transposed":
                forward = Operation(NONE, Operand("W"), unary, "matmul")
                back = Operation(NONE, Operand("R"), NONE, "matmul")
                found[name] = Equation(Operand("h"), (forward, back))
            else:
                found[f"{name} {constant} of a signal"] = _down_to_input(Operand("h_pre"), unary)
                found[f"{name} {constant} of a weight"] = _down_to_input(Operand("W"), unary)
    for name in BINARIES:
        if name != "matmul":
            found[f"{name}"] = Equation(Operand("g"), (Operation(NONE, Operand("h"), NONE, name),))
            found[f"{name} with one row"] = Equation(
                Operand("dh", "mean"), (Operation(NONE, Operand("b_top_R_L"), NONE, name),)
            )
    return found


def _down_to_input(operand: Operand, unary: Unary) -> Equation:
    """An equation that uses ``unary(operand)`` and is feasible."""
    row = OPERANDS[operand.name]
    if row.shape is Shape.WEIGHT:
        return Equation(Operand("b_next"), (Operation(NONE, operand, unary, "matmul"),))
    if row.shape is Shape.RTOP:
        return Equation(Operand("b_top"), (Operation(NONE, operand, unary, "matmul"),))
    if row.shape is Shape.OUT:
        return Equation(operand, (Operation(unary, Operand("W"), NONE, "matmul"),))
    if row.shape is Shape.TOP:
        return Equation(operand, (Operation(unary, Operand("R_L"), NONE, "matmul"),))
    return Equation(operand, (Operation(unary, operand, NONE, "left"),))


@pytest.mark.parametrize("text", ["mean(g) + mean(g)", "bn(g) * std(g)", "mean(dh) + bn(dh)"])
def test_a_running_average_moves_once_a_pass_however_often_it_is_named(text):
    equation, steps = parse(text), passes(CONV, seed=3, count=3)
    memory = reference.EMPTY_MEMORY
    signals = in_torch(equation, steps, CONV[2], RELU, torch.float64, channels_last=True)
    for values, signal in zip(steps, signals, strict=True):
        expected, memory = reference.evaluate(equation, values, memory)
        compare(signal, expected, TOLERANCE[torch.float64])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
@pytest.mark.parametrize("equation", every_equation())
def test_torch_means_what_the_reference_means(equation, layer, dtype, monkeypatch):
    assert infeasibility(equation) is None
    name, _, op, _, _ = layer
    steps = passes(layer, seed=3, count=2, dtype=dtype)
    draws_from_numpy(monkeypatch, seed=11)
    ours = in_torch(equation, steps, op, RELU, dtype, channels_last=name != "dense")
    memory, draws = reference.EMPTY_MEMORY, np.random.default_rng(11)
    for values, signal in zip(steps, ours, strict=True):
        expected, memory = reference.evaluate(equation, values, memory, draws)
        compare(signal, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("block", range(4))
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
def test_random_equations_mean_what_the_reference_means(layer, block, monkeypatch):
    """Functions and operands together, over three passes: what one row alone cannot show.

    A value above 1e8 comes of a division by zero or nearly, where the last bit of rounding decides the sign.
    """
    name, _, op, _, _ = layer
    random, compared = Random(block), 0
    for number in range(60):
        equation = sample(random, lengths=(0.2, 0.4, 0.4))
        steps = passes(layer, seed=number, count=3)
        draws_from_numpy(monkeypatch, seed=11)
        ours = in_torch(equation, steps, op, RELU, torch.float64, channels_last=name != "dense")
        memory, noise = reference.EMPTY_MEMORY, np.random.default_rng(11)
        for values, signal in zip(steps, ours, strict=True):
            expected, memory = reference.evaluate(equation, values, memory, noise)
            if np.abs(expected).max() < 1e8:
                compare(signal, expected, 1e-6)
                compared += 1
    assert compared > 140


@pytest.mark.parametrize("activation", ["tanh", "identity"])
@pytest.mark.parametrize("operand", ["dh", "g", "b_next_R_dh", "b_top_R_L_dh", "h_pre"])
def test_operands_know_other_activations(operand, activation):
    rng = np.random.default_rng(5)
    values = random_site(rng, DENSE[1], in_shape=DENSE[3], weight_shape=DENSE[4], activation=activation)
    equation = _down_to_input(Operand(operand), NONE)
    (ours,) = in_torch(
        equation, [values], DENSE[2], ACTIVATIONS[activation], torch.float64, channels_last=False
    )
    compare(ours, reference.evaluate(equation, values)[0], 1e-9)
