"""Average pooling and flattening below a layer belong to its linear operation: which forms are understood,
that nothing changes for plain backprop, and what the feedback rules mean through them.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backprop_evo.training import apply_equation, apply_indirect_feedback
from backprop_evo.training.meaning import poolings
from backprop_evo.training.models.build import build_model
from dsl.known import KNOWN


class Net(nn.Module):
    """Two convolutions, ReLU, something, classifier."""

    def __init__(self, between, wide: int = 8, relu=torch.relu) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.between, self.relu, self.classifier = between, relu, nn.Linear(wide, 5)

    def forward(self, x):
        h = self.relu(self.body(self.relu(self.stem(x))))
        return self.classifier(self.between(h))


FORMS = {
    "mean": lambda h: h.mean(dim=(2, 3)),
    "mean of the last axes": lambda h: h.mean([-2, -1]),
    "mean by numpy's word": lambda h: h.mean(axis=(2, 3)),
    "torch.mean": lambda h: torch.mean(h, (3, 2)),
    "mean twice": lambda h: h.mean(3).mean(-1),
    "keepdim, flatten": lambda h: h.mean((2, 3), keepdim=True).flatten(1),
    "keepdim, view": lambda h: h.mean((2, 3), True).view(h.shape[0], -1),
    "adaptive, flatten": lambda h: torch.flatten(F.adaptive_avg_pool2d(h, 1), 1),
    "adaptive, squeeze": lambda h: F.adaptive_avg_pool2d(h, (1, 1)).squeeze(-1).squeeze(-1),
    "average of the whole map, reshape": lambda h: F.avg_pool2d(h, 6).reshape(h.size(0), 8),
    "flatten, then mean": lambda h: h.flatten(2).mean(2),
    "modules": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "modules, one of the whole map": nn.Sequential(nn.AvgPool2d(6), nn.Flatten()),
    "modules, in two stages": nn.Sequential(
        nn.AvgPool2d(3, 2, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
}  # fmt: skip


def gradients(model, x, y):
    model.zero_grad()
    torch.manual_seed(1)
    F.cross_entropy(model(x), y).backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def images(*shape, dtype=torch.float32, channels_last=False):
    torch.manual_seed(3)
    x = torch.randn(*(shape or (4, 3, 6, 6)), dtype=dtype)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return x.contiguous(memory_format=layout), torch.randint(5, (len(x),))


def classifier_of(converted):
    return next(site for site in converted.sites if site.name == "classifier")


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_global_pooling_belongs_to_the_classifiers_site(form, channels_last):
    """And plain backprop stays what it was in every bit."""
    x, y = images(channels_last=channels_last)
    model = Net(FORMS[form])
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    truth, out = gradients(model, x, y), model(x)
    converted = apply_equation(model, "g")
    ours = gradients(model, x, y)
    assert torch.equal(model(x), out)
    assert all(torch.equal(ours[name], truth[name]) for name in truth)
    site = classifier_of(converted)
    assert site.activation == "relu"
    assert site.expected in ("relu", None)
    assert len(site.poolings) >= 1
    assert "classifier: Linear after relu, then " in converted.describe()
    seen = []
    site.rule = Watching(site.rule, seen)
    gradients(model, x, y)
    assert seen == [(4, 8, 6, 6)]


class Watching:
    """A rule that notes the shape of h."""

    def __init__(self, rule, seen) -> None:
        self.rule, self.seen = rule, seen
        self.needs, self.transport = rule.needs, rule.transport

    def __call__(self, view):
        self.seen.append(tuple(view.h.shape))
        signal = self.rule(view)
        assert signal.shape == view.h.shape
        return signal


@pytest.mark.parametrize("between", [nn.Flatten(), lambda h: h.view(h.size(0), -1), lambda h: h.flatten(1)])
def test_flattening_alone_belongs_to_the_layer_too(between):
    x, y = images()
    model = Net(between, wide=8 * 36)
    truth = gradients(model, x, y)
    converted = apply_equation(model, "g")
    ours = gradients(model, x, y)
    assert all(torch.equal(ours[name], truth[name]) for name in truth)
    assert classifier_of(converted).activation == "relu"
    assert [str(pooling) for pooling in classifier_of(converted).poolings] == ["flatten"]


@pytest.mark.parametrize("name", ["wrn-10-1", "wrn-16-2", "cnn", "mlp-9-8", "resnet18", "mobilenet_v2"])
def test_plain_backprop_is_exact_in_float32_for_whole_networks(name):
    torch.manual_seed(0)
    if name in ("resnet18", "mobilenet_v2"):
        model = getattr(pytest.importorskip("torchvision").models, name)(num_classes=5)
        x, y = images(3, 3, 32, 32)
    else:
        model, (x, y) = build_model(name, image_shape=(3, 12, 12), classes=5), images(4, 3, 12, 12)
    truth = gradients(model, x, y)
    converted = apply_equation(model, "g")
    ours = gradients(model, x, y)
    assert all(torch.equal(ours[key], truth[key]) for key in truth)
    if name in ("wrn-10-1", "resnet18"):
        assert converted.sites[-1].activation == "relu"
        assert "then mean over axes 2, 3" in converted.describe() or name == "resnet18"


def test_attention_to_channels_stands_on_the_activation_that_it_pools():
    torchvision = pytest.importorskip("torchvision")
    model = torchvision.models.mobilenet_v3_small(num_classes=5)
    converted = apply_equation(model, "g")
    F.cross_entropy(model(torch.randn(2, 3, 32, 32)), torch.arange(2)).backward()
    told = converted.describe()
    assert "fc1: Conv2d after relu, then average pooling to 1×1" in told
    assert "classifier.0: Linear after hardswish, then average pooling to 1×1, then flatten" in told


OPERATIONS = [
    (poolings.Mean((2, 3)), (4, 5, 7, 6)),
    (poolings.Mean((-1,), keepdim=True), (4, 5, 7, 6)),
    (poolings.Mean((1,)), (4, 5, 6)),
    (poolings.AveragePool((3, 2), (2, 2), (1, 0), True, False, None), (4, 5, 7, 6)),
    (poolings.AveragePool((2, 2), (2, 2), divisor=3), (4, 5, 7, 6)),
    (poolings.AdaptiveAveragePool((1, 1)), (4, 5, 7, 6)),
    (poolings.AdaptiveAveragePool((3, None)), (4, 5, 7, 6)),
    (poolings.AdaptiveAveragePool((9, 8)), (4, 5, 7, 6)),
    (poolings.Reshape((5, 42)), (4, 5, 7, 6)),
]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(("pooling", "shape"), OPERATIONS)
def test_the_transpose_is_what_autograd_makes_bit_for_bit(pooling, shape, channels_last):
    h = torch.randn(shape)
    if channels_last and h.dim() == 4:
        h = h.contiguous(memory_format=torch.channels_last)
    h.requires_grad_()
    out = pooling.forward(h)
    b = torch.randn_like(out)
    (truth,) = torch.autograd.grad(out, h, b)
    ours = pooling.transpose(b, h.detach())
    assert torch.equal(ours, truth)
    assert ours.shape == h.shape
    before = b.clone()
    ours.zero_()  # it is nobody else's
    assert torch.equal(b, before)


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_feedback_rules_equal_their_hand_written_versions_through_pooling(rule):
    x, y = images(dtype=torch.float64)
    model = Net(FORMS["mean"]).double()
    converted = apply_equation(model, "b_next_R_dh" if rule == "fa" else "b_top_R_L_dh", seed=3)
    W1, c1, W2, c2, W3, c3 = (p.detach() for p in model.parameters())
    a1 = F.conv2d(x, W1, c1, padding=1)
    a2 = F.conv2d(a1.relu(), W2, c2, padding=1)
    pooled = a2.relu().sum((2, 3)) / 36
    e = (F.softmax(pooled @ W3.T + c3, 1) - F.one_hot(y, 5)) / 4
    body, classifier = (site.matrices for site in converted.sites)
    if rule == "fa":
        d2 = (e @ classifier.random(W3) / 36)[:, :, None, None] * (a2 > 0)
        d1 = torch.nn.grad.conv2d_input(a1.shape, body.random(W2), d2, padding=1) * (a1 > 0)
    else:
        d2 = torch.einsum("bk,kchw->bchw", e, classifier.from_top(5, a2)) * (a2 > 0)
        d1 = torch.einsum("bk,kchw->bchw", e, body.from_top(5, a1)) * (a1 > 0)
    by_hand = [
        torch.nn.grad.conv2d_weight(x, W1.shape, d1, padding=1), d1.sum((0, 2, 3)),
        torch.nn.grad.conv2d_weight(a1.relu(), W2.shape, d2, padding=1), d2.sum((0, 2, 3)),
        e.T @ pooled, e.sum(0),
    ]  # fmt: skip
    for ours, expected in zip(gradients(model, x, y).values(), by_hand, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)


def test_indirect_feedback_goes_up_through_pooling_and_flattening():
    x, y = images(dtype=torch.float64)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(),
        nn.Conv2d(6, 8, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(32, 7), nn.ReLU(), nn.Linear(7, 5),
    ).double()  # fmt: skip
    converted = apply_indirect_feedback(model)
    W1, c1, W2, c2, W3, c3, W4, c4 = (p.detach() for p in model.parameters())
    a1 = F.conv2d(x, W1, c1, padding=1)
    a2 = F.conv2d(a1.relu(), W2, c2)
    h2 = F.avg_pool2d(a2.relu(), 2).flatten(1)
    a3 = h2 @ W3.T + c3
    e = (F.softmax(a3.relu() @ W4.T + c4, 1) - F.one_hot(y, 5)) / 4
    d1 = torch.einsum("bk,kchw->bchw", e, converted.sites[0].matrices.from_top(5, a1)) * (a1 > 0)
    d2 = F.conv2d(d1, W2) * (a2 > 0)
    d3 = (F.avg_pool2d(d2, 2).flatten(1) @ W3.T) * (a3 > 0)
    by_hand = [
        torch.nn.grad.conv2d_weight(x, W1.shape, d1, padding=1), d1.sum((0, 2, 3)),
        torch.nn.grad.conv2d_weight(a1.relu(), W2.shape, d2), d2.sum((0, 2, 3)),
        d3.T @ h2, d3.sum(0), e.T @ a3.relu(), e.sum(0),
    ]  # fmt: skip
    for ours, expected in zip(gradients(model, x, y).values(), by_hand, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("between", "named"),
    [
        (nn.Sequential(nn.MaxPool2d(6), nn.Flatten()), "MaxPool2d"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5)), "Dropout"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(8), nn.Flatten()), "BatchNorm2d"),
        (lambda h: h.mean((2, 3)) * 2, "mul"),
        (lambda h: h.amax((2, 3)), "amax"),
    ],
)
def test_what_is_no_average_leaves_the_identity_and_is_told_with_what_follows(between, named):
    x, y = images()
    model = Net(between)
    truth = gradients(model, x, y)
    converted = apply_equation(model, "g")
    ours = gradients(model, x, y)
    assert all(torch.equal(ours[name], truth[name]) for name in truth)
    assert classifier_of(converted).activation == "identity"
    line = next(line for line in converted.describe().splitlines() if line.startswith("classifier"))
    assert f"identity, for what stands below is {named}: dh is constant 1 here" in line
    assert "bn(dh) or std(dh) sends nothing below this layer" in line


@pytest.mark.parametrize(
    "mix",
    [
        lambda h: h.view(2, 16, 6, 6).mean((2, 3)).view(4, 8),  # samples side by side
        lambda h: h.mean((2, 3)).mul_(1.5),  # changed in place after the pooling
        lambda h: h.mean(0, keepdim=True).expand_as(h).mean((2, 3)),  # over the samples
        lambda h: h.mean((2, 3), dtype=torch.float64).float(),
    ],
)
def test_what_only_looks_like_pooling_is_not_taken_for_it(mix):
    x, y = images()
    model = Net(mix)
    truth = gradients(model, x, y)
    converted = apply_equation(model, "g")
    ours = gradients(model, x, y)
    assert all(torch.equal(ours[name], truth[name]) for name in truth)
    assert classifier_of(converted).activation == "identity"


def test_pooling_before_the_activation_is_none_of_the_layers_business():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AvgPool2d(2), nn.Flatten(), nn.ReLU(), nn.Linear(16, 5)
    )  # fmt: skip
    x, y = images()
    converted = apply_equation(model, "g / fro(g)")
    gradients(model, x, y)
    assert [(site.activation, site.poolings) for site in converted.sites] == [("relu", ())]


def test_h_pre_is_kept_in_place_of_h_under_a_pooling_too():
    x, y = images(dtype=torch.float64)
    model = Net(FORMS["mean"]).double()
    converted = apply_equation(model, "clip(0.01 + h_pre - relu(h_pre), 0.01) * (g / elem(g, inf))")
    seen = []
    site = classifier_of(converted)
    site.rule = Watching(site.rule, seen)
    assert all(g.isfinite().all() for g in gradients(model, x, y).values())
    assert seen == [(4, 8, 6, 6)]


@pytest.mark.parametrize("key", ["a3-sgd-1", "a2-sgd-1"])
def test_published_winners_send_a_signal_below_the_classifier(key):
    """Where the pooling stood apart from the site, dh was constant 1, bn(dh) and std(dh) zero."""
    torch.manual_seed(0)
    model = build_model("wrn-10-1", image_shape=(3, 16, 16), classes=5)
    apply_equation(model, KNOWN[key].equation)
    assert all(
        bool(g.any()) and bool(g.isfinite().all()) for g in gradients(model, *images(16, 3, 16, 16)).values()
    )
