"""The sites against independent truths, in float64: autograd, hand-written rules, the numpy reference."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backprop_evo.training import apply_equation
from backprop_evo.training.models.build import build_model
from dsl.equation import Equation, Operand, Operation, Unary

NOTHING = Operation(Unary("identity"), Operand("g"), Unary("identity"), "left")


def only(operand: str) -> Equation:
    return Equation(Operand(operand), (NOTHING,))


BACKPROP, FA, DFA = only("g"), only("b_next_R_dh"), only("b_top_R_L_dh")


class Odd(nn.Module):
    """Everything a convolution can have: stride, groups, dilation, padding, bias; functional and in-place
    σ.
    """

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3, padding=1)
        self.b = nn.Conv2d(6, 6, 3, stride=2, padding=(1, 0), groups=3)
        self.c = nn.Conv2d(6, 8, (3, 1), dilation=(2, 1), padding="valid", bias=False)
        self.d = nn.Conv2d(8, 8, 3, padding="same", groups=8)
        self.e = nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.a(x))
        x = torch.tanh(self.b(x))
        x = self.c(x).sigmoid()
        x = F.relu(self.d(x), inplace=True) + x
        return self.e(x.mean((2, 3)))


def make(name: str) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(7)
    if name == "odd":
        model = Odd()
    elif name in ("resnet18", "vgg11", "mobilenet_v3_small"):
        torchvision = pytest.importorskip("torchvision")
        model = getattr(torchvision.models, name)(num_classes=5)
        if name == "vgg11":
            model.classifier = nn.Sequential(
                nn.Linear(512 * 49, 9), nn.ReLU(True), nn.Dropout(), nn.Linear(9, 5)
            )
    else:
        model = build_model(name, image_shape=(3, 12, 12), classes=5)
    side = 32 if name in ("resnet18", "vgg11", "mobilenet_v3_small") else 12
    return model.double(), torch.randn(3, 3, side, side, dtype=torch.float64), torch.randint(5, (3,))


def gradients(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    torch.manual_seed(1)
    F.cross_entropy(model(x), y).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-10, atol=1e-10, msg=name)


@pytest.mark.parametrize(
    "name",
    ["mlp-9-8", "mlp-9-8-tanh", "mlp-9-8-sigmoid", "cnn", "wrn-10-1", "wrn-16-2", "odd", "resnet18", "vgg11"],
)
def test_plain_backprop_equals_autograd_for_every_parameter(name):
    model, x, y = make(name)
    converted = apply_equation(model, BACKPROP, copy=True)
    assert_equal(gradients(converted.model, x, y), gradients(model, x, y))
    assert all(site.backward_passes == 1 for site in converted.sites)


def test_plain_backprop_equals_autograd_through_gates_and_hard_activations():
    model, x, y = make("mobilenet_v3_small")
    converted = apply_equation(model, BACKPROP, copy=True)
    assert_equal(gradients(converted.model, x, y), gradients(model, x, y))
    assert {"hardswish", "relu", "identity"} <= {site.activation for site in converted.sites}


def fixed(converted, site: str) -> torch.Tensor:
    found = next(s for s in converted.sites if s.name == site)
    return found.matrices.random(found.layer.weight.detach())


def three_layers(x, y, W1, W2, W3, back2, back3, c1, c2, c3):
    """Feedback alignment by hand: ``back2`` and ``back3`` take the signal down; returns the six gradients."""
    a1 = x @ W1.T + c1
    h1 = a1.relu()
    a2 = h1 @ W2.T + c2
    h2 = a2.relu()
    e = (F.softmax(h2 @ W3.T + c3, 1) - F.one_hot(y, W3.shape[0])) / len(y)
    d2 = back3(e, e) * (a2 > 0)
    d1 = back2(d2, e) * (a1 > 0)
    return [d1.T @ x, d1.sum(0), d2.T @ h1, d2.sum(0), e.T @ h2, e.sum(0)]


@pytest.mark.parametrize("rule", ["fa", "dfa", "usf", "frsf", "sign symmetry", "uniform"])
def test_feedback_rules_equal_their_hand_written_versions_on_an_mlp(rule):
    model, x, y = make("mlp-9-8")
    feedback = rule if rule in ("usf", "frsf", "uniform") else "gaussian"
    equation = DFA if rule == "dfa" else FA
    if rule == "sign symmetry":
        matmul = Operation(Unary("identity"), Operand("sgn_W"), Unary("identity"), "matmul")
        equation = Equation(
            Operand("b_next"),
            (matmul, Operation(Unary("identity"), Operand("dh"), Unary("identity"), "multiply")),
        )
    converted = apply_equation(model, equation, seed=3, feedback=feedback)
    x = x.flatten(1)
    weights = [p.detach() for p in model.parameters()]
    if rule == "dfa":
        R2, R3 = (
            site.matrices.from_top(5, torch.zeros(3, n, dtype=x.dtype))
            for site, n in zip(converted.sites, (9, 8), strict=True)
        )
        back2, back3 = (lambda _, e: e @ R2), (lambda _, e: e @ R3)
    else:
        B2, B3 = fixed(converted, "3"), fixed(converted, "5")
        if rule == "usf":
            B2, B3 = weights[2].sign() * math.sqrt(2 / 9), weights[4].sign() * math.sqrt(2 / 8)
        if rule == "sign symmetry":
            B2, B3 = weights[2].sign(), weights[4].sign()
        back2, back3 = (lambda d, _: d @ B2), (lambda d, _: d @ B3)
    W1, c1, W2, c2, W3, c3 = weights
    by_hand = three_layers(x, y, W1, W2, W3, back2, back3, c1, c2, c3)
    for ours, expected in zip(gradients(model, x, y).values(), by_hand, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)
    if rule == "uniform":
        assert B2.min() >= 0
        assert B2.max() <= 1
    if rule == "frsf":
        assert torch.equal(B2.sign(), weights[2].sign())


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_feedback_rules_equal_their_hand_written_versions_on_a_convnet(rule):
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.Flatten(), nn.ReLU(),
        nn.Linear(54, 5),
    ).double()  # fmt: skip
    x, y = torch.randn(4, 3, 7, 7, dtype=torch.float64), torch.randint(5, (4,))
    converted = apply_equation(model, DFA if rule == "dfa" else FA)
    W1, c1, W2, c2, W3, c3 = (p.detach() for p in model.parameters())

    a1 = F.conv2d(x, W1, c1, padding=1)
    a2 = F.conv2d(a1.relu(), W2, c2, stride=2, groups=2)
    h2 = a2.flatten(1).relu()
    e = (F.softmax(h2 @ W3.T + c3, 1) - F.one_hot(y, 5)) / 4
    if rule == "fa":
        d2 = (e @ fixed(converted, "5") * (h2 > 0)).view_as(a2)
        d1 = torch.nn.grad.conv2d_input(a1.shape, fixed(converted, "2"), d2, stride=2, groups=2) * (a1 > 0)
    else:
        first, second = (site.matrices for site in converted.sites)
        d2 = (e @ second.from_top(5, h2) * (h2 > 0)).view_as(a2)
        d1 = (e @ first.from_top(5, a1).flatten(1)).view_as(a1) * (a1 > 0)
    expected = [
        torch.nn.grad.conv2d_weight(x, W1.shape, d1, padding=1), d1.sum((0, 2, 3)),
        torch.nn.grad.conv2d_weight(a1.relu(), W2.shape, d2, stride=2, groups=2), d2.sum((0, 2, 3)),
        e.T @ h2, e.sum(0),
    ]  # fmt: skip
    for ours, by_hand in zip(gradients(model, x, y).values(), expected, strict=True):
        torch.testing.assert_close(ours, by_hand, rtol=1e-10, atol=1e-10)


def test_random_sign_feedback_is_drawn_anew_in_every_pass_and_keeps_the_signs():
    model, x, y = make("mlp-9-8")
    site = apply_equation(model, FA, feedback="brsf").sites[0]
    weight = site.layer.weight.detach()
    one, two = site.matrices.random(weight), site.matrices.random(weight)
    assert not torch.equal(one, two)
    assert torch.equal(one.sign(), weight.sign())
    gradients(model, x, y)


def test_direct_feedback_sends_nothing_through_weights(monkeypatch):
    """No transposed operation is done where the equation has no W: not even one whose result is thrown
    away.
    """
    from backprop_evo.training.meaning.linear_ops import Convolution, Dense

    asked = []
    for kind in (Convolution, Dense):
        original = kind.backward

        def backward(self, b_next, h, weight, bias, wanted, original=original):
            asked.append(wanted[0])
            return original(self, b_next, h, weight, bias, wanted)

        monkeypatch.setattr(kind, "backward", backward)
        monkeypatch.setattr(kind, "transpose", None)
    model, x, y = make("wrn-10-1")
    converted = apply_equation(model, DFA)
    gradients(model, x, y)
    assert asked == [False] * len(converted.sites)


def test_matrices_come_back_from_the_seed_and_differ_between_sites():
    model, _, _ = make("wrn-10-1")
    one, again = (apply_equation(model, FA, copy=True, seed=5) for _ in range(2))
    other = apply_equation(model, FA, copy=True, seed=6)
    name = "groups.0.0.conv1"
    assert torch.equal(fixed(one, name), fixed(again, name))
    assert not torch.equal(fixed(one, name), fixed(other, name))
    assert not torch.equal(fixed(one, name), fixed(one, "groups.0.0.conv2"))


def test_scales_of_the_matrices_are_those_of_the_table():
    model = nn.Sequential(nn.Linear(4, 300), nn.ReLU(), nn.Linear(300, 200))
    matrices = apply_equation(model, FA).sites[0].matrices
    weight = model[2].weight
    assert matrices.random(weight).std().item() == pytest.approx(math.sqrt(2 / 300), rel=0.03)
    assert set(matrices.bernoulli(weight).unique().tolist()) == {-1.0, 1.0}
    assert matrices.from_top(10, torch.zeros(2, 300)).std().item() == pytest.approx(
        math.sqrt(1 / 10), rel=0.05
    )


def test_copy_leaves_the_original_alone():
    model, x, y = make("odd")
    before = copy.deepcopy(model.state_dict())
    truth = gradients(model, x, y)
    apply_equation(model, DFA, copy=True)
    assert_equal(gradients(model, x, y), truth)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert np.isfinite(sum(float(g.sum()) for g in truth.values()))
