"""Every known equation, Table 1's among them, at every site of a small WRN against the numpy reference, two
steps long.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from backprop_evo.training import apply_equation
from backprop_evo.training.meaning import rules
from backprop_evo.training.meaning.linear_ops import Convolution, Pooled
from backprop_evo.training.models.build import build_model
from dsl import reference, site_values
from dsl.known import KNOWN
from tests.sites import PooledDense

SITES = 9


def as_numpy(view, top: torch.Tensor) -> site_values.SiteValues:
    def array(tensor):
        return np.ascontiguousarray(tensor.detach().double().numpy())

    op = view.op
    operation = (
        site_values.Convolution(op.stride, op.padding, op.dilation, op.groups)
        if isinstance(op, Convolution)
        else PooledDense()
    )
    h = array(view.h)
    identity = view.activation.is_identity
    return site_values.SiteValues(
        operation=operation,
        h_pre=h if view.kept_h_pre is None else array(view.kept_h_pre),
        h=h,
        dh=np.ones_like(h) if identity else (h > 0).astype(np.float64),
        h_next_pre=array(view.b_next),  # no known equation looks at it
        b_next=array(view.b_next),
        b_top=array(top),
        W=array(view.weight),
        R=array(view.matrices.random(view.weight)),
        S=array(view.matrices.bernoulli(view.weight)),
        R_L=array(view.matrices.from_top(top.shape[1], view.h)).reshape(top.shape[1], -1),
    )


@pytest.fixture
def witnessed(monkeypatch):
    """Every (site's view, signal) in the order of the backward passes."""
    seen = []
    original = rules.Rule.__call__

    def call(self, view):
        before = view.b_next.clone()
        signal = original(self, view)
        assert torch.equal(before, view.b_next)
        seen.append((view, signal.clone()))
        return signal

    monkeypatch.setattr(rules.Rule, "__call__", call)
    return seen


@pytest.mark.parametrize(
    ("key", "channels_last"),
    [(key, True) for key in sorted(KNOWN)]
    + [(key, False) for key in ("a1-sgd-2", "a1-momentum-1", "a2-sgd-2")],
)
def test_a_known_equation_equals_the_reference_at_every_site(key, channels_last, witnessed):
    equation = KNOWN[key].equation
    random = any(unary.name in reference.RANDOM_MEANING for unary in unaries(equation))
    if random:
        equation = without_randomness(equation)
    torch.manual_seed(0)
    model = build_model("wrn-10-1", image_shape=(3, 8, 8), classes=4).double()
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    converted = apply_equation(model, equation)
    memories = {}
    for _ in range(2):
        x, y = torch.randn(3, 3, 8, 8, dtype=torch.float64), torch.randint(4, (3,))
        logits = model(x)
        (top,) = torch.autograd.grad(F.cross_entropy(logits, y), logits, retain_graph=True)
        witnessed.clear()
        F.cross_entropy(logits, y).backward()
        assert len(witnessed) == SITES == len(converted.sites)
        assert isinstance(witnessed[0][0].op, Pooled)
        assert not any(view.activation.is_identity for view, _ in witnessed)
        for view, signal in witnessed:
            site = id(view.statistics)
            expected, memories[site] = reference.evaluate(
                equation, as_numpy(view, top), memories.get(site, reference.EMPTY_MEMORY)
            )
            np.testing.assert_allclose(
                signal.numpy(), expected, rtol=1e-8, atol=1e-10 * np.abs(expected).max()
            )
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.01 * p.grad.clamp(-1, 1)
                p.grad = None


def unaries(equation):
    return [u for operation in equation.operations for u in (operation.left_unary, operation.right_unary)]


def without_randomness(equation):
    """Dropout and noise become the identity: their draws are compared in the contract of the primitives."""
    from dataclasses import replace

    from dsl.equation import Unary

    def plain(unary):
        return Unary("identity") if unary.name in reference.RANDOM_MEANING else unary

    operations = tuple(
        replace(o, left_unary=plain(o.left_unary), right_unary=plain(o.right_unary))
        for o in equation.operations
    )
    return replace(equation, operations=operations)
