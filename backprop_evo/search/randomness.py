"""Where all randomness of a search comes from: its seed and a purpose, hashed. Nothing depends on what ran
before."""

from __future__ import annotations

import hashlib
from itertools import count
from random import Random

from backprop_evo.records.evaluating import MAX_SEEDS
from backprop_evo.records.selecting import MOST_MEASUREMENTS
from backprop_evo.records.stored import Role

_SINCE = (Role.CONFIRMATION, Role.FINALISTS, Role.TRANSFER)
"""As they came to be: each gives way to those before it, so that early searches keep their seeds."""

SEED_BITS = 31  # every library's generators take such a seed


def derive(seed: int, *purpose: str | int) -> int:
    """A number for one purpose of one search; other purposes and other seeds give unrelated numbers."""
    # A hash, not Python's: that one differs between processes.
    text = ":".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def generator_of_proposal(seed: int, number: int) -> Random:
    """The generator for everything that is drawn for proposal ``number``."""
    return Random(derive(seed, "proposal", number))


def training_seed(seed: int, again: int = 0) -> int:
    """The seed of every search trial and of the baseline: all children start from the same weights and see
    the same batches, so that fitness differs by the equation and not by luck. What is measured ``again`` for
    the k-th time has a seed that all others have for their k-th, for the same reason."""
    return derive(seed, "training", *((again,) if again else ())) >> (64 - SEED_BITS)


def stage_seed(seed: int, role: Role) -> int:
    """The first of the seeds of a stage of the search's funnel, which are numbers in a row: none of them, nor
    of those that may be added, is one that equations were chosen by, or one of another stage."""
    before = [stage_seed(seed, each) for each in _SINCE[: _SINCE.index(role)]]
    used = [training_seed(seed, again) for again in range(MOST_MEASUREMENTS)]
    for drawn in count():
        first: int = derive(seed, role, drawn) % (2**SEED_BITS - MAX_SEEDS)
        apart = all(abs(first - each) >= MAX_SEEDS for each in before)
        if apart and not any(first <= each < first + MAX_SEEDS for each in used):
            return first
    raise AssertionError("counting never ends")
