"""Fixed sites on which equations are told apart: dense and convolutional, several activations, several steps
each.

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
from dsl.reference import NOTHING_YET, OPERAND_MEANING, Memory, chain_value, operand_value, running
from dsl.shapes import shapes_of
from dsl.site_values import Array, Convolution, Dense, LinearOperation, SiteValues, random_site
from dsl.variation import EVERYTHING

VERSION = "1"
SEED = 20180808


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One backward pass of a probe site, all operands and statistics computed; ``seed`` is its noise's."""

    site: SiteValues
    operands: Mapping[Operand, Array]
    seed: int


#: Steps of one site, in order; the running statistics of a step include those before it.
Probe = tuple[Step, ...]

_SITES: tuple[tuple[LinearOperation, tuple[int, ...], tuple[int, ...], str], ...] = (
    (Dense(), (5,), (4, 5), "relu"),
    (Convolution((2, 1), (1, 1), (1, 1), 2), (4, 3, 2), (6, 2, 3, 2), "relu"),
    (Dense(), (4,), (6, 4), "tanh"),
)
_SAMPLES = (4, 4, 3)


def make_probes(seed: int) -> tuple[Probe, ...]:
    """Probes from ``seed``; those of the fingerprint are ``probes()``."""
    rng = np.random.RandomState(seed)
    return tuple(_probe(rng, *site, seed=seed) for site in _SITES)


@lru_cache(maxsize=1)
def probes() -> tuple[Probe, ...]:
    """The probes of the fingerprint, made once."""
    return make_probes(SEED)


def _probe(
    rng: np.random.RandomState,
    operation: LinearOperation,
    in_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    activation: str,
    *,
    seed: int,
) -> Probe:
    steps: list[Step] = []
    memory: dict[str, tuple[Array, Array]] = {}
    site = None
    for samples in _SAMPLES:
        site = random_site(
            rng,
            operation,
            in_shape=in_shape,
            weight_shape=weight_shape,
            samples=samples,
            activation=activation,
            weights_of=site,
        )
        for name, meaning in OPERAND_MEANING.items():
            value = meaning(site)
            mean = value.mean(axis=0, keepdims=True)
            memory[name] = running(memory.get(name), mean, ((value - mean) ** 2).mean(axis=0, keepdims=True))
        values = {operand: operand_value(operand, site, memory) for operand in EVERYTHING.operands}
        steps.append(Step(site, MappingProxyType(values), seed + len(steps)))
    return tuple(steps)


class RepeatableDraws:
    """Noise of a seed: the n-th draw is the same whatever was drawn before, up to its size."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn = 0

    def standard_normal(self, size: tuple[int, ...], /) -> Array:
        return self._next("normal", size)

    def random(self, size: tuple[int, ...], /) -> Array:
        return self._next("uniform", size)

    def _next(self, kind: str, size: tuple[int, ...]) -> Array:
        self._drawn += 1
        return _drawn(self._seed, self._drawn, kind, size)


@lru_cache(maxsize=4096)
def _drawn(seed: int, number: int, kind: str, size: tuple[int, ...]) -> Array:
    rng = np.random.RandomState(seed * 64 + number)
    values = np.asarray(rng.standard_normal(size) if kind == "normal" else rng.random_sample(size))
    values.flags.writeable = False
    return values


def responses(equation: Equation, on: tuple[Probe, ...] | None = None) -> list[Array]:
    """What ``equation`` sends down at every step of every probe, each of shape IN.

    Raises InfeasibleEquation where the shapes cannot match.
    """
    shapes_of(equation)
    found = []
    for probe in on if on is not None else probes():
        memory: Memory = NOTHING_YET
        for step in probe:
            draws = RepeatableDraws(step.seed)
            value, memory = chain_value(equation, step.operands.__getitem__, step.site, memory, draws)
            found.append(np.broadcast_to(value, step.site.h.shape))
    return found
