"""A hash of what an equation does: equal for equations that behave equally on the fixed probes.

Values are rounded to 24 bits of their own, so that rounding errors of a different order of evaluation do not
show while different behaviours do; values that are nothing but such an error become 0. Two equal equations
can still be told apart where a value lies within rounding of a boundary: that costs one training and merges
nothing.

Most false merges were of equations in which one argument matters so seldom that no probe shows it:
max(x, y - 10) is not x. So what goes from one operation into the next is hashed as well, as are what enters
min, max and clip, where clip cuts, and which operands are computed. The price is a duplicate missed where
equal results are reached by different ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from dsl.canonical import canonical
from dsl.equation import Equation, Operand
from dsl.notation import operand_text
from dsl.probes import VERSION, responses
from dsl.reference import live_operands
from dsl.site_values import Array

#: Bits of a value that count: as many as children, trained in float32, can tell apart, and far fewer than
#: float64's 53, so that rounding does not show.
_BITS = 24

#: Smaller than this (times the largest value where that is below 1) is taken for a rounding error of 0.
_ZERO_TOLERANCE = 1e-13


def fingerprint(equation: Equation) -> str:
    """Hex digits, prefixed with the version of the probes; equations with equal canonical forms have equal
    ones.

    Raises InfeasibleEquation where the shapes cannot match.
    """
    return fingerprint_of_canonical(canonical(equation))


def fingerprint_of_canonical(simple: Equation) -> str:
    """As ``fingerprint``, of what ``canonical`` gave: it need not look for the form again."""
    inner: list[Array] = []
    values = responses(simple, inner=inner)
    return digest([*values, *inner], live_operands(simple))


def digest(values: Sequence[Array], operands: Sequence[Operand]) -> str:
    """The fingerprint of what was computed on the probes, and from which operands."""
    flat = np.concatenate([value.ravel() for value in values])
    names = " ".join(sorted({operand_text(operand) for operand in operands})).encode()
    hashed = blake2b(rounded(flat).tobytes() + names, digest_size=16)
    return f"{VERSION}-{hashed.hexdigest()}"


def rounded(x: Array) -> NDArray[np.int64]:
    """The bits of ``x`` rounded to 24 bits of mantissa. All NaN are one value, as are both zeros."""
    size = np.abs(x)
    largest = float(size.max(initial=0.0))
    # Nearly always: where the largest is a number, so are all, and there is less to look for.
    all_numbers = np.isfinite(largest)
    if not all_numbers:
        largest = float(size.max(initial=0.0, where=np.isfinite(size)))
    x = np.where(size <= _ZERO_TOLERANCE * min(1.0, largest), 0.0, x)
    if not all_numbers:
        x[np.isnan(x)] = np.nan
    bits = x.view(np.int64)
    dropped = 53 - _BITS
    return (bits + (1 << (dropped - 1))) >> dropped  # a carry goes into the exponent, as it should
