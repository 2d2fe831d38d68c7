"""The validation split in parts, so that no image decides twice.

Whoever chooses the best of several by a measurement makes that measurement too good; the next choice needs
images of its own. Absolute learning rates are chosen on the first part, equations by their fitness on the
second, finalists on the third, and the test split is read for those alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backprop_evo.data.dataset import Split

TENTHS = {"rates": (0,), "fitness": (1, 2, 3, 4, 5, 6), "finalists": (7, 8, 9)}
"""Of every ten images of a class those at these places. Fitness has most, because it ranks thousands by one
training each, where finalists have several; rates have least, because relative steps need none."""


@dataclass(frozen=True, slots=True, eq=False)
class ValidationParts:
    """Three splits without a common image; of CIFAR-10's 5,000 they hold 500, 3,000 and 1,500."""

    rates: Split
    fitness: Split
    finalists: Split


def validation_parts(validation: Split) -> ValidationParts:
    """The same for every seed and machine, each class in the same shares. Raises nothing: of a class with
    less than ten images some parts have none."""
    return ValidationParts(
        **{name: validation.take(_at(validation.labels, tenths)) for name, tenths in TENTHS.items()}
    )


def _at(labels: npt.NDArray[np.int64], tenths: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Ascending indices of the images whose place within their class, modulo ten, is among ``tenths``."""
    taken = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        taken[members[np.isin(np.arange(len(members)) % 10, tenths)]] = True
    return np.flatnonzero(taken)
