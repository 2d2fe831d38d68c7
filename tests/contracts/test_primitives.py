"""Every primitive has one row in the tables, one reference meaning in numpy and one meaning in torch; all
three agree.

Whoever adds a row finds here what is still missing.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import torch

from backprop_evo.training.meaning import draws, elementary
from backprop_evo.training.meaning.activations import IDENTITY, RELU, TANH
from backprop_evo.training.meaning.operands import OPERANDS as OPERANDS_IN_TORCH
from backprop_evo.training.meaning.rules import compile_rule
from backprop_evo.training.meaning.site_view import SiteView
from backprop_evo.training.meaning.statistics import RunningStatistics
from dsl import reference
from dsl.equation import Equation, Operand, Operation, Unary
from dsl.parsing import parse
from dsl.primitives import BINARIES, OPERANDS, STATISTICS, UNARIES, Shape
from dsl.shapes import infeasibility
from dsl.variation import sample
from tests.contracts.layers import CONV, DENSE, LAYERS, Matrices, passes
from tests.sites import random_site

ACTIVATIONS = {"relu": RELU, "tanh": TANH, "identity": IDENTITY}
#: Normalising amplifies the rounding of its operand by |x| / std, hence the wide last one (8 bits).
TOLERANCE = {torch.float64: 1e-9, torch.float32: 3e-4, torch.bfloat16: 1e-1}
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


def in_torch(equation, steps, op, activation, dtype, channels_last) -> list[np.ndarray]:
    rule, statistics, signals = compile_rule(equation), RunningStatistics(), []
    for values in steps:

        def tensor(array):
            t = torch.from_numpy(np.array(array)).to(dtype)
            return t.contiguous(memory_format=torch.channels_last) if channels_last and t.dim() == 4 else t

        b_top = tensor(values.b_top)
        view = SiteView(
            op=op,
            activation=activation,
            weight=tensor(values.W),
            h=tensor(values.h),
            kept_h_pre=tensor(values.h_pre),
            kept_h_next_pre=tensor(values.h_next_pre),
            b_next=tensor(values.b_next),
            top=lambda b_top=b_top: b_top,
            matrices=Matrices(values, tensor),
            statistics=statistics,
        )
        inputs = ("weight", "h", "kept_h_pre", "kept_h_next_pre", "b_next")
        kept = {name: getattr(view, name).clone() for name in inputs}
        view.weight_gradients(rule.transport, True, True, True)
        signals.append(rule(view).double().numpy())
        assert all(torch.equal(getattr(view, name), before) for name, before in kept.items()), (
            "a rule overwrote its site"
        )
    return signals


def draws_from_numpy(monkeypatch, seed: int) -> None:
    """Noise in torch from the same numbers as the reference's."""
    generator = np.random.default_rng(seed)

    def normal(x):
        return torch.from_numpy(generator.standard_normal(tuple(x.shape))).to(x.dtype)

    def zero_some(x, c):
        return x.mul_(torch.from_numpy(generator.random(tuple(x.shape)) >= c))

    monkeypatch.setattr(draws, "normal_like", normal)
    monkeypatch.setattr(draws, "zero_some_", zero_some)


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


def compare(ours: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Within ``tolerance`` of the entry's size, or of a typical entry's where terms cancel."""
    assert ours.shape == expected.shape
    scale = np.sqrt(np.mean(expected**2))
    error = np.abs(ours - expected) / (np.abs(expected) + scale + 1e-30)
    assert np.isfinite(ours).all()
    assert error.max(initial=0) <= tolerance


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
