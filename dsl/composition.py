"""What one unary function of another one is, where that is a unary function again."""

from __future__ import annotations

from dsl.equation import IDENTITY, Unary
from dsl.primitives import INF, MAX_CONSTANT

_EVEN = frozenset({"abs", "square", "sqrt"})
_KEEPS_SIGN = frozenset({"sgn", "signed_sqrt", "signed_square", "cube", "clip"})
NEVER_NEGATIVE = frozenset({"abs", "square", "sqrt", "relu", "positive"})

#: x / ‖x‖ with one norm for all entries.
_SCALAR_NORMS = frozenset({"per_elem", "per_fro", "per_matrix"})
_NORMS = _SCALAR_NORMS | {"per_row", "per_col"}

_PAIRS = {
    ("negate", "negate"): "identity",
    ("transpose", "transpose"): "identity",
    ("signed_square", "signed_sqrt"): "identity",
    ("signed_sqrt", "signed_square"): "identity",
    ("square", "sqrt"): "abs",
    ("square", "signed_sqrt"): "abs",
    ("signed_square", "sqrt"): "abs",
    ("sqrt", "square"): "abs",
    ("sqrt", "signed_square"): "abs",
    ("signed_sqrt", "square"): "abs",
    ("positive", "relu"): "positive",
    ("sgn", "sgn"): "sgn",
    ("relu", "relu"): "relu",
    ("positive", "positive"): "positive",
    ("sgn", "positive"): "positive",
}  # fmt: skip


def composed(outer: Unary, inner: Unary) -> Unary | None:
    """outer(inner(x)) as one unary function; None where there is none."""
    if outer == IDENTITY:
        return inner
    if inner == IDENTITY:
        return outer
    name = _PAIRS.get((outer.name, inner.name))
    if name is not None:
        return Unary(name)
    for compose in (_constants, _signs, _norms):
        found = compose(outer, inner)
        if found is not None:
            return found
    return None


def _constants(outer: Unary, inner: Unary) -> Unary | None:
    a, b = _factor(outer), _factor(inner)
    if a is not None and b is not None:
        return _scale(a * b)
    if outer.name == inner.name == "shift":
        return _shift((outer.constant or 0.0) + (inner.constant or 0.0))
    if outer.name == inner.name == "clip":
        return min(outer, inner, key=lambda unary: unary.constant or 0.0)
    if outer.name == "clip" and outer.constant == 1.0 and inner.name in ("sgn", "positive"):
        return inner
    return None


def _factor(unary: Unary) -> float | None:
    return -1.0 if unary.name == "negate" else unary.constant if unary.name == "scale" else None


def _scale(factor: float) -> Unary | None:
    """The unary that multiplies by ``factor``."""
    if factor == 1.0:
        return IDENTITY
    if factor == -1.0:
        return Unary("negate")
    return Unary("scale", factor) if 0.0 < abs(factor) <= MAX_CONSTANT else None


def _shift(by: float) -> Unary | None:
    if by == 0.0:
        return IDENTITY
    return Unary("shift", by) if abs(by) <= MAX_CONSTANT else None


def _signs(outer: Unary, inner: Unary) -> Unary | None:
    if outer.name in _EVEN and inner.name in ("abs", "negate"):
        return outer
    if outer.name in ("abs", "relu") and inner.name in NEVER_NEGATIVE:
        return inner
    if outer.name in ("sgn", "positive"):
        enlarged = inner.name == "scale" and (inner.constant or 0.0) > 0
        if enlarged or inner.name in _NORMS or inner.name in _KEEPS_SIGN:
            return outer
    return None


def _norms(outer: Unary, inner: Unary) -> Unary | None:
    """Dividing by a norm undoes any factor before; dividing by the same norm again does nothing."""
    if outer.name == "standardise" and inner.name == "scale" and (inner.constant or 0.0) > 0:
        return outer
    if not _is_homogeneous(outer):
        return None
    if inner.name in _SCALAR_NORMS or inner == outer:
        return outer
    return outer if inner.name == "scale" and (inner.constant or 0.0) > 0 else None


def _is_homogeneous(unary: Unary) -> bool:
    """A norm that is 0 for zeros only, so that its floor does not matter."""
    return unary.name in _NORMS and unary.constant in (None, 1.0, 2.0, INF)
