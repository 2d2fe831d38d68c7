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
from backprop_evo.training.meaning.feedback import memory_format
from backprop_evo.training.meaning.linear_ops import Convolution, Dense, Pooled
from backprop_evo.training.meaning.operands import OPERANDS as OPERANDS_IN_TORCH
from backprop_evo.training.meaning.poolings import Mean
from backprop_evo.training.meaning.rules import compile_rule
from backprop_evo.training.meaning.site_view import SiteView
from backprop_evo.training.meaning.statistics import RunningStatistics
from dsl import reference, site_values
from dsl.equation import Equation, Operand, Operation, Unary
from dsl.parsing import parse
from dsl.primitives import BINARIES, OPERANDS, STATISTICS, UNARIES, Shape
from dsl.shapes import infeasibility
from dsl.variation import sample

ACTIVATIONS = {"relu": RELU, "tanh": TANH, "identity": IDENTITY}
#: Normalising amplifies the rounding of its operand by |x| / std, hence the wide last one (8 bits).
TOLERANCE = {torch.float64: 1e-9, torch.float32: 3e-4, torch.bfloat16: 1e-1}

DENSE = ("dense", site_values.Dense(), Dense(), (7,), (6, 7))
CONV = (
    "conv",
    site_values.Convolution(padding=(1, 1)),
    Convolution((1, 1), (1, 1), (1, 1), 1),
    (4, 5, 6),
    (6, 4, 3, 3),
)
STRIDED = (
    "strided, grouped, dilated conv",
    site_values.Convolution(stride=(2, 1), padding=(0, 1), dilation=(1, 2), groups=2),
    Convolution((2, 1), (0, 1), (1, 2), 2),
    (4, 7, 8),
    (6, 2, 3, 3),
)
POOLED = ("pooled dense", site_values.PooledDense(), Pooled(Dense(), (Mean((2, 3)),)), (4, 5, 6), (6, 4))
LAYERS = [DENSE, CONV, STRIDED, POOLED]
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


class Matrices:
    """The site's own matrices in place of drawn ones."""

    def __init__(self, values: site_values.SiteValues, tensor) -> None:
        self._values, self._tensor = values, tensor

    def random(self, _weight):
        return self._tensor(self._values.R)

    def bernoulli(self, _weight):
        return self._tensor(self._values.S)

    def from_top(self, classes, h):
        return (
            self._tensor(self._values.R_L)
            .view(classes, *h.shape[1:])
            .contiguous(memory_format=memory_format(h))
        )


def rounded(values: site_values.SiteValues, dtype: torch.dtype) -> site_values.SiteValues:
    """The site with all values representable in ``dtype``, so that the comparison is of functions, not of
    inputs.
    """

    def to(array):
        return torch.from_numpy(np.ascontiguousarray(array)).to(dtype).double().numpy()

    names = ("h_pre", "h", "dh", "h_next_pre", "b_next", "b_top", "W", "R", "S", "R_L")
    return site_values.SiteValues(values.operation, **{name: to(getattr(values, name)) for name in names})


def passes(layer, seed: int, count: int, dtype: torch.dtype = torch.float64) -> list[site_values.SiteValues]:
    """What one site above a ReLU sees in ``count`` backward passes; its weights stay."""
    _, operation, _, in_shape, weight_shape = layer
    rng = np.random.default_rng(seed)
    steps, before = [], None
    for _ in range(count):
        values = site_values.random_site(
            rng,
            operation,
            in_shape=in_shape,
            weight_shape=weight_shape,
            activation="relu",
            weights_of=before,
        )
        before = rounded(values, dtype)
        steps.append(before)
    return steps


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


def ones(channels_last: bool, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.ones(64, 15, 17, 7, dtype=dtype).contiguous(memory_format=layout)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("c", [0.01, 0.1, 0.3])
def test_what_is_dropped_is_dropped_with_the_right_probability_anew_each_time(c, channels_last):
    x = ones(channels_last)
    torch.manual_seed(0)
    one, two = draws.zero_some_(x.clone(), c), draws.zero_some_(x.clone(), c)
    deviation = (c * (1 - c) / x.numel()) ** 0.5
    assert one.shape == x.shape
    assert one.stride() == x.stride()
    assert set(one.unique().tolist()) == {0.0, 1.0}
    assert abs(1 - one.double().mean().item() - c) < 5 * deviation
    assert abs(((one == 0) & (two == 0)).double().mean().item() - c * c) < 5 * deviation
    neighbours = (one[:, :, :, 1:] == 0) & (one[:, :, :, :-1] == 0)
    assert abs(neighbours.double().mean().item() - c * c) < 5 * deviation


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("channels_last", [False, True])
def test_noise_is_normal_and_anew_each_time(channels_last, dtype):
    x = ones(channels_last, dtype)
    torch.manual_seed(0)
    one, two = draws.normal_like(x), draws.normal_like(x)
    assert (one.shape, one.stride(), one.dtype) == (x.shape, x.stride(), dtype)
    deviation = x.numel() ** -0.5
    for entries, expected, spread in ((one, 0, 1), (one**2, 1, 2**0.5), (one * two, 0, 1), (one**4, 3, 10)):
        assert abs(entries.double().mean().item() - expected) < 5 * spread * deviation + 0.01


@pytest.mark.parametrize("c", [0.01, 0.3])
def test_draws_follow_torchs_seed(c):
    x = ones(True)
    torch.manual_seed(7)
    first = draws.zero_some_(x.clone(), c), draws.normal_like(x)
    torch.manual_seed(7)
    again = draws.zero_some_(x.clone(), c), draws.normal_like(x)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


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
    values = site_values.random_site(
        rng, DENSE[1], in_shape=DENSE[3], weight_shape=DENSE[4], activation=activation
    )
    equation = _down_to_input(Operand(operand), NONE)
    (ours,) = in_torch(
        equation, [values], DENSE[2], ACTIVATIONS[activation], torch.float64, channels_last=False
    )
    compare(ours, reference.evaluate(equation, values)[0], 1e-9)
