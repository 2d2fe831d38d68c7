"""Fixed sites on which equations are told apart: dense and convolutional, several activations, several steps
each.

*Probe* means such a site here and in everything that speaks of fingerprints; the short trainings that choose
a child's learning rate are called rate probes.

Values span many magnitudes so that clips, shifts and guards show; the last step of a site has fewer samples,
so that running statistics and norms over the batch show. All of it is derived from one seed by a generator
whose stream numpy keeps fixed (NEP 19), and VERSION changes whenever any of it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from dsl.equation import Equation, Operand
from dsl.primitives import OPERANDS
from dsl.reference import EMPTY_MEMORY, Memory, chain_value, operand_averages, operand_value
from dsl.shapes import shapes_of
from dsl.site_values import ACTIVATIONS, Array, Convolution, Dense, LinearOperation, SiteValues
from dsl.vocabulary import EVERYTHING

VERSION = "2"
#: Any seed would do; this one is the day on which the paper appeared.
SEED = 20180808


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One backward pass of a probe site, all operands and statistics computed; ``seed`` is its noise's.

    ``is_real`` says that the operands belong together, as on a site of a network.
    """

    site: SiteValues
    operands: Mapping[Operand, Array]
    seed: int
    is_real: bool = True


#: Steps of one site, in order; the running statistics of a step include those before it.
Probe = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Setting:
    """One probe site. ``scale`` is that of b_next, or of all operands that are unrelated."""

    operation: LinearOperation
    in_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    activation: str
    scale: float
    samples: tuple[int, ...]
    near_constants: bool = False


_SETTINGS = (
    _Setting(Dense(), (150,), (11, 150), "relu", 1.0, (7, 7, 5)),
    _Setting(Convolution((2, 1), (1, 1), (1, 1), 2), (6, 5, 4), (8, 3, 3, 2), "relu", 0.03, (6, 4)),
    _Setting(Dense(), (90,), (30, 90), "tanh", 30.0, (5, 6)),
)
_UNRELATED = (
    _Setting(Dense(), (300,), (9, 300), "tanh", 1.0, (6,)),
    _Setting(Dense(), (90,), (7, 90), "relu", 1e-2, (9,)),
    _Setting(Dense(), (100,), (7, 100), "relu", 1.0, (5,), near_constants=True),
    _Setting(Dense(), (120,), (5, 120), "tanh", 1.0, (2,)),
)
_CLASSES = 3
#: Seeds of their noise begin so far above the probes' seed, where no step of a real site has its own.
_UNRELATED_SEEDS = 11

#: Smaller values of unrelated operands are 0: their squares would come near the floor under divisors.
_SMALLEST = 1e-5
#: Values of probes with ``near_constants`` stand near these, the language's constants when VERSION was made.
#: They do not follow its grids, because the probes would change with every new one.
_CONSTANTS = tuple(sign * c for c in (0.01, 0.1, 0.5, 1.0, 2.0, 10.0) for sign in (-1.0, 1.0))


def make_probes(seed: int) -> tuple[Probe, ...]:
    """Probes from ``seed``; those of the fingerprint are ``probes()``."""
    rng = np.random.RandomState(seed)
    sites = tuple(_probe(rng, setting, seed) for setting in _SETTINGS)
    return (*sites, *_unrelated(rng, seed))


@lru_cache(maxsize=1)
def probes() -> tuple[Probe, ...]:
    """The probes of the fingerprint, made once."""
    return make_probes(SEED)


def _probe(rng: np.random.RandomState, setting: _Setting, seed: int) -> Probe:
    steps: list[Step] = []
    memory: Memory = EMPTY_MEMORY
    source = _Source(rng, setting)
    for samples in setting.samples:
        site = source.site(samples)
        memory = operand_averages(OPERANDS, site, memory)
        values = {operand: operand_value(operand, site, memory) for operand in EVERYTHING.operands}
        steps.append(Step(site, MappingProxyType(values), seed + len(steps)))
    return tuple(steps)


def _unrelated(rng: np.random.RandomState, seed: int) -> tuple[Probe, ...]:
    """Probes of one step, whose operands have nothing to do with each other.

    On real sites some differences are rare (a clip that seldom bites, a maximum that one side nearly always
    wins); here every size meets every other one.
    """
    found: list[Probe] = []
    for number, setting in enumerate(_UNRELATED):
        source = _Source(rng, setting)
        site = source.site(*setting.samples)
        averages = operand_averages(OPERANDS, site, EMPTY_MEMORY)
        values = {
            operand: source.unrelated(operand, operand_value(operand, site, averages).shape)
            for operand in EVERYTHING.operands
        }
        found.append((Step(site, MappingProxyType(values), seed + _UNRELATED_SEEDS + number, is_real=False),))
    return tuple(found)


class _Source:
    """Steps of one site. Units differ in size and offset, samples and columns of matrices in size."""

    def __init__(self, rng: np.random.RandomState, setting: _Setting) -> None:
        self._rng, self._setting = rng, setting
        shape = setting.weight_shape
        fan_in = int(np.prod(shape[1:]))
        columns = int(np.prod(setting.in_shape))
        self._weight = rng.standard_normal(shape) * np.sqrt(2 / fan_in) * self._sizes(shape[1:], -4.0, 1.0)
        self._r = rng.standard_normal(shape) * np.sqrt(2 / fan_in) * self._sizes(shape[1:], -4.0, 1.0)
        self._s = rng.choice((-1.0, 1.0), shape)
        self._r_l = rng.standard_normal((_CLASSES, columns)) * self._sizes((columns,), -4.0, 1.0)
        self._h_units = self._units(setting.in_shape)
        self._b_units = self._units((shape[0], *(1 for _ in setting.in_shape[1:])))
        self._top_units = self._sizes((_CLASSES,), -1.0, 1.0), np.array([0.0, 1.0, -3.0])

    def _sizes(self, shape: tuple[int, ...], low: float, high: float) -> Array:
        return np.asarray(10.0 ** self._rng.uniform(low, high, shape))

    def _units(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Size and offset of each unit."""
        return self._sizes(shape, -4.0, 1.0), self._rng.choice((0.0, 0.0, 1.0, -1.0, 3.0, -3.0), shape)

    def _values(self, samples: int, shape: tuple[int, ...], units: tuple[Array, Array]) -> Array:
        sizes, offsets = units
        spread = self._rng.standard_normal((samples, *shape)) * self._sizes((samples, *shape), -1.0, 0.3)
        per_sample = self._sizes((samples, *(1 for _ in shape)), -0.7, 0.5)
        return np.asarray(sizes * (offsets + spread) * per_sample)

    def unrelated(self, operand: Operand, shape: tuple[int, ...]) -> Array:
        """Values that the operand may have: a sixth of them 0, or half near the language's constants."""
        there = self._rng.random_sample(shape) < 5 / 6
        if operand.name in ("dh", "sgn_W", "S") and operand.statistic != "normalised":
            low = 0.0 if operand.name == "dh" or operand.statistic == "std" else -1.0
            high = 0.5 if operand == Operand("dh", "std") else 1.0
            values = np.asarray(self._rng.uniform(low, high, shape) * self._sizes(shape, -2.0, 0.0))
            is_sign = operand.statistic == "value" and low < 0.0
            return np.sign(values) if is_sign else np.where(there, values, 0.0)
        size = (
            self._setting.scale * self._sizes((1,), -3.0, 1.0)
            if operand.statistic != "normalised"
            else np.array([1.0])
        )
        values = size * self._values(shape[0], shape[1:], self._units(shape[1:])) * there
        if self._setting.near_constants:
            near = self._rng.choice(_CONSTANTS, shape) * (1.0 + 0.01 * self._rng.standard_normal(shape))
            values = np.where(self._rng.random_sample(shape) < 0.5, near, values)
        values = np.where(np.abs(values) < _SMALLEST, 0.0, values)
        return np.abs(values) if operand.statistic == "std" else values

    def site(self, samples: int) -> SiteValues:
        """The next step."""
        setting = self._setting
        self._weight = self._weight * (1.0 + 0.1 * self._rng.standard_normal(self._weight.shape))
        h_pre = self._values(samples, setting.in_shape, self._h_units)
        h, dh = ACTIVATIONS[setting.activation](h_pre)
        out = setting.operation.forward(h, self._weight)
        b_next = setting.scale * self._values(samples, out.shape[1:], self._b_units)
        return SiteValues(
            operation=setting.operation,
            h_pre=h_pre,
            h=h,
            dh=dh,
            h_next_pre=out + 0.1,
            b_next=b_next * (self._rng.random_sample(b_next.shape) < 0.8),
            b_top=setting.scale * self._values(samples, (_CLASSES,), self._top_units),
            W=self._weight,
            R=self._r,
            S=self._s,
            R_L=self._r_l,
        )


class RepeatableDraws:
    """Noise of a seed: the n-th draw is the same whatever was drawn before, up to its size.

    Uniform draws hit every interval of length 1/n, so that every dropout probability shows in a small tensor
    too.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def standard_normal(self, size: tuple[int, ...], /) -> Array:
        """Of numpy's generators, with the size as only argument."""
        return self._next("normal", size)

    def random(self, size: tuple[int, ...], /) -> Array:
        """Uniform on [0, 1), as numpy's generators give it."""
        return self._next("uniform", size)

    def _next(self, kind: str, size: tuple[int, ...]) -> Array:
        self._drawn += 1
        return _drawn(self._seed, self._drawn, kind, size)


@lru_cache(maxsize=4096)
def _drawn(seed: int, number: int, kind: str, size: tuple[int, ...]) -> Array:
    rng = np.random.RandomState(seed * 64 + number)  # an equation draws at most 6 times: no two seeds meet
    if kind == "normal":
        values = np.asarray(rng.standard_normal(size))
    else:
        count = int(np.prod(size))
        values = (rng.permutation(count) + 0.001).reshape(size) / count
    values.flags.writeable = False
    return values


def responses(
    equation: Equation, on: tuple[Probe, ...] | None = None, inner: list[Array] | None = None
) -> list[Array]:
    """What ``equation`` sends down at every step of every probe, each of shape IN.

    ``inner`` collects what ``chain_value`` says it does. Raises InfeasibleEquation where the shapes cannot
    match.
    """
    shapes_of(equation)
    found = []
    for probe in on if on is not None else probes():
        memory: Memory = EMPTY_MEMORY
        for step in probe:
            draws = RepeatableDraws(step.seed)
            value, memory = chain_value(equation, step.operands.__getitem__, step.site, memory, draws, inner)
            found.append(np.broadcast_to(value, step.site.h.shape))
    return found
