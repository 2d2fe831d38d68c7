"""Values of a site as matrices, in numpy: transposes and products by shape class.

Samples are rows and all other axes are joined in the columns (appendix A). Where a weight is a factor, the
site's linear operation stands for its matrix, which is never built: rows go through it one by one, be they of
samples or of classes.

Shapes: as in ``dsl/site_values.py``; classes without axes of space are matrices, so RTOP is (K, size of IN).
"""

from __future__ import annotations

import numpy as np

from dsl.primitives import Shape
from dsl.shapes import PRODUCTS, TRANSPOSED, WEIGHTS
from dsl.site_values import Array, SiteValues


def as_matrix(x: Array) -> Array:
    """(first axis, everything else)."""
    return x.reshape(x.shape[0], -1)


def transposed(x: Array, shape: Shape, site: SiteValues) -> Array:
    """The transpose of ``x``, which is of class ``shape``; one row becomes one column."""
    if shape in WEIGHTS:
        return np.swapaxes(x, 0, 1)
    return _in_axes(as_matrix(x).T, TRANSPOSED[shape], site)


def product(x: Array, y: Array, classes: tuple[Shape, Shape], site: SiteValues) -> Array:
    """x @ y for a pair of ``PRODUCTS``; one row or column stands for equal ones."""
    left, right = classes
    if left in WEIGHTS:
        turned = TRANSPOSED[right], TRANSPOSED[left]
        value = product(transposed(y, right, site), transposed(x, left, site), turned, site)
        return transposed(value, PRODUCTS[turned], site)
    if right is Shape.WEIGHT:
        value = site.through(x.reshape(-1, *site.b_next.shape[1:]), y)
    elif right is Shape.WEIGHT_T:
        value = site.forward(x.reshape(-1, *site.h.shape[1:]), y)
    else:
        a, b = as_matrix(x), as_matrix(y)
        inner = _size(left.axes[1], site)
        value = np.broadcast_to(a, (len(a), inner)) @ np.broadcast_to(b, (inner, b.shape[1]))
    return _in_axes(as_matrix(value), PRODUCTS[classes], site)


def _in_axes(matrix: Array, shape: Shape, site: SiteValues) -> Array:
    """A matrix in the axes that values of its class have."""
    if shape is Shape.IN:
        return matrix.reshape(-1, *site.h.shape[1:])
    if shape is Shape.OUT:
        return matrix.reshape(-1, *site.b_next.shape[1:])
    return matrix


def _size(axis: str, site: SiteValues) -> int:
    rows = {"sample": site.h, "classes": site.R_L}
    if axis in rows:
        return len(rows[axis])
    return int(np.prod((site.h if axis == "input" else site.b_next).shape[1:]))
