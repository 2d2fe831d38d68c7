"""A hash of what an equation does: equal for equations that behave equally on the fixed probes.

Values are rounded to 24 bits of their own, so that rounding errors of a different order of evaluation do not
show while different behaviours do; values that are nothing but such an error become 0. Two equal equations
can still be told apart where a value happens to lie within rounding of a boundary: that costs one training
and merges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from dsl.canonical import canonical
from dsl.equation import Equation
from dsl.probes import VERSION, responses
from dsl.site_values import Array

#: Bits of a value that count.
_BITS = 24

#: Smaller than this (times the largest value where that is below 1) is taken for a rounding error of 0.
_NOTHING = 1e-13


def fingerprint(equation: Equation) -> str:
    """Hex digits, prefixed with the version of the probes; equations with equal canonical forms have equal
    ones.

    Raises InfeasibleEquation where the shapes cannot match.
    """
    return digest(responses(canonical(equation)))


def digest(values: Sequence[Array]) -> str:
    """The fingerprint of what was computed on the probes."""
    flat = np.concatenate([value.ravel() for value in values])
    return f"{VERSION}-{blake2b(rounded(flat).tobytes(), digest_size=16).hexdigest()}"


def rounded(x: Array) -> NDArray[np.int64]:
    """``x`` to 24 bits of mantissa, with its exponent, as integers. All NaN are one, as are both zeros."""
    finite = np.isfinite(x)
    size = np.abs(np.where(finite, x, 0.0))
    nothing = _NOTHING * min(1.0, float(size.max(initial=0.0)))
    mantissa, exponent = np.frexp(np.where(finite & (size > nothing), x, 0.0))
    whole = np.rint(np.ldexp(mantissa, _BITS)).astype(np.int64)
    carried = np.abs(whole) == 1 << _BITS
    whole = np.where(carried, whole >> 1, whole)
    code = (exponent.astype(np.int64) + carried) * (1 << 32) + whole
    special = np.where(np.isnan(x), 1, np.where(x > 0, 2, 3)) + (1 << 62)
    return np.where(finite, code, special)
