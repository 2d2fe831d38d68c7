"""Transposes and products of a site's tensors, by shape class.

Transposes of signals (``dsl.shapes.TURNED``) are the same tensors, only read the other way: what works entry
by entry need not know, and no memory layout is lost on the way back.

Shapes: as in ``site_view``; one row, (1, *), stands for equal rows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from backprop_evo.training.meaning.feedback import memory_format
from backprop_evo.training.meaning.matrices import as_matrix, as_tensor
from backprop_evo.training.meaning.site_view import SiteView
from dsl.primitives import Shape
from dsl.shapes import PRODUCTS, TRANSPOSED, TURNED, WEIGHTS


def transposed(x: Tensor, shape: Shape) -> Tensor:
    """The transpose of ``x``, which is of class ``shape``; a view."""
    turns = shape in TURNED or TRANSPOSED[shape] in TURNED
    return x if turns else x.transpose(0, 1)


def product(x: Tensor, y: Tensor, classes: tuple[Shape, Shape], view: SiteView) -> Tensor:
    """x @ y for a pair of ``PRODUCTS``, a new tensor; one row or column stands for equal ones."""
    left, right = classes
    if left in WEIGHTS:  # W · x.T is (x · W.T).T, and turned tensors are kept as they were
        return product(y, x.transpose(0, 1), (TRANSPOSED[right], TRANSPOSED[left]), view)
    if right is Shape.WEIGHT:
        return view.op.transpose(x, y.expand_as(view.weight), _input_of(x.shape[0], view))
    if right is Shape.WEIGHT_T:
        return view.op.forward(x, y.transpose(0, 1).expand_as(view.weight))
    if classes == (Shape.TOP, Shape.RTOP):
        return view.down_from_top(x.expand(-1, view.b_top().shape[1]), y)
    inner = _size(left.axes[1], view)
    a, b = _matrix(x, left, view), _matrix(y, right, view)
    if inner is not None:
        a, b = a.expand(-1, inner), b.expand(inner, -1)
    result = PRODUCTS[classes]
    if result in TURNED:
        return _kept(b.t().mm(a.t()), TRANSPOSED[result], view)
    return _kept(a.mm(b), result, view)


def _matrix(x: Tensor, shape: Shape, view: SiteView) -> Tensor:
    """The matrix of ``x``, its features in the order of the site's own tensors."""
    if shape in TURNED:
        return _matrix(x, TRANSPOSED[shape], view).t()
    like = _like(shape, view)
    return as_matrix(x if like is None else x.contiguous(memory_format=memory_format(like)))


def _kept(matrix: Tensor, shape: Shape, view: SiteView) -> Tensor:
    like = _like(shape, view)
    return matrix if like is None else as_tensor(matrix, like)


def _like(shape: Shape, view: SiteView) -> Tensor | None:
    """A tensor with the features of a class; None for one without."""
    return {"input": view.h, "output": view.b_next}.get(shape.axes[1])


def _size(axis: str, view: SiteView) -> int | None:
    """Of an axis that one row or column may stand for; None for features, which are always there."""
    if axis == "sample":
        return view.h.shape[0]
    return view.b_top().shape[1] if axis == "classes" else None


def _input_of(rows: int, view: SiteView) -> Tensor:
    """A tensor as h, of so many rows; its values do not matter."""
    if rows <= view.h.shape[0]:
        return view.h[:rows]
    return torch.zeros_like(view.h[:1].expand(rows, *view.h.shape[1:]))
