"""Synthetic gradients against autograd, against plain backprop, and against what they cannot convert."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from backprop_evo import apply_method
from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.methods import method_of
from backprop_evo.training.methods.learner import FreshChild, cross_entropy
from backprop_evo.training.models.build import build_model
from tests.training.small_children import CLASSES, SHAPE, SPEC, batches, child_of, same, stepped

SMALL = {"width": 16, "channels": 4}
MODELS = ["mlp-16-12-tanh", "mlp-16-12-bn", "cnn", "wrn-10-1"]
NAMES = ["dni", "cdni"]


def chain() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Sigmoid(), nn.Linear(4, 3)]
    return nn.Sequential(*layers).double()


def features(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(7, 6, dtype=torch.float64, generator=generator),
        torch.randint(3, (7,), generator=generator),
    )


def predictor_of(learner, site: str) -> nn.Module:
    return learner.predictors.rules[site].predictor


# Against autograd ----------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hidden_layers", [0, 2])
def test_the_bootstrap_target_is_what_autograd_makes_of_the_signal_that_arrived(name, hidden_layers):
    """Site 2 lies below site 4: its target is site 4's own prediction, brought through one layer."""
    model = chain()
    learner = apply_method(model, name, {"hidden_layers": hidden_layers, "rate": 0.05, "width": 8})
    for seed in range(3):
        model.zero_grad()
        learner.learn(*features(seed))
    seen = {}
    x, labels = features(9)
    for parameter in model.parameters():
        parameter.grad = None
    before = {site: [p.detach().clone() for p in predictor_of(learner, site).parameters()] for site in "24"}
    learner.learn(x, labels)
    for site, (predicted, target) in learner.bootstrap.predictions.items():
        seen[site] = predicted.detach(), target
    assert list(seen) == ["4", "2"]
    assert seen["4"][0].abs().max() > 1e-3, "M has learnt something to bootstrap from"
    # By autograd, one layer at a time, in an ordinary network of the same weights.
    plain = chain()
    plain.load_state_dict(model.state_dict())
    h1 = torch.tanh(plain[0](x)).detach().requires_grad_()
    pre2 = plain[2](h1)
    h2 = torch.sigmoid(pre2).detach().requires_grad_()
    # As the trainer has it: the cross-entropy itself is taken in float32.
    loss = cross_entropy(plain[4](h2), labels)
    (true_top,) = torch.autograd.grad(loss, h2, retain_graph=True)
    torch.testing.assert_close(seen["4"][1], true_top * len(x), rtol=1e-10, atol=1e-10)
    (bootstrapped,) = torch.autograd.grad(torch.sigmoid(pre2), h1, grad_outputs=seen["4"][0])
    torch.testing.assert_close(seen["2"][1], bootstrapped, rtol=1e-10, atol=1e-10)
    # The layers' own gradients are those of the predictions, for the mean loss.
    arrived_at_0 = seen["2"][0] / len(x) * (1 - h1.detach() ** 2)
    torch.testing.assert_close(model[0].weight.grad, arrived_at_0.T @ x, rtol=1e-10, atol=1e-12)
    top = torch.autograd.grad(loss, plain[4].weight)
    torch.testing.assert_close(model[4].weight.grad, top[0], rtol=1e-10, atol=1e-12)
    for site, old in before.items():
        assert not all(
            torch.equal(a, b) for a, b in zip(old, predictor_of(learner, site).parameters(), strict=True)
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", MODELS)
def test_with_the_true_gradient_in_place_of_m_training_is_plain_backprop_bit_for_bit(name, model):
    spec = replace(SPEC, model=model)
    given = child_of(name, spec, backprop_share=1.0, **SMALL)
    plain = child_of("g", spec)
    assert same(stepped(given, 4), stepped(plain, 4))
    assert predictor_of(given.learner, given.learner.sites[-1].name) is not None, "M was there and learnt"


@pytest.mark.parametrize("name", NAMES)
def test_an_m_that_has_learnt_nothing_sends_nothing(name):
    child = child_of(name, replace(SPEC, model="mlp-16-12"), **SMALL)
    x, labels = next(batches(1))
    child.learner.learn(x, labels)
    zero = [not layer.weight.grad.any() for layer in child.model if isinstance(layer, nn.Linear)]
    assert zero == [True, True, False]
    child.learner.first_gradients(x, labels)
    assert all(layer.weight.grad.any() for layer in child.model if isinstance(layer, nn.Linear))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hidden_layers", [0, 2])
def test_m_learns_the_gradient_of_a_network_that_stands_still(name, hidden_layers):
    model = chain()
    learner = apply_method(model, name, {"hidden_layers": hidden_layers, "rate": 0.01, "width": 32})
    distances = []
    for _ in range(300):
        model.zero_grad()
        learner.learn(*features())
        seen = learner.bootstrap.predictions
        distances.append({site: float((p.detach() - t).norm() / t.norm()) for site, (p, t) in seen.items()})
    assert distances[0]["4"] == pytest.approx(1)
    # Seven samples of four features: what the label adds makes even a linear M exact.
    assert distances[-1]["4"] < (0.5 if hidden_layers or name == "cdni" else 0.9)
    assert distances[-1]["2"] < 0.9


def test_a_conditioned_m_tells_labels_apart_and_the_other_does_not():
    for name, differs in (("dni", False), ("cdni", True)):
        learner = apply_method(chain(), name, {"hidden_layers": 0})
        x, labels = features()
        for _ in range(3):
            learner.learn(x, labels)
        h = torch.zeros(2, 4, dtype=torch.float64)
        one, other = predictor_of(learner, "4")(h, torch.tensor([0, 1]))
        assert torch.equal(one, other) is not differs


# Random updates ----------------------------------------------


def test_layers_are_updated_at_random_each_with_its_m():
    child = child_of(
        "dni", replace(SPEC, model="mlp-16-12", weight_decay=0.1), update_probability=0.5, **SMALL
    )
    layers = {"1": 0, "3": 0, "5": 0}
    together = []
    for x, labels in batches(60):
        before = {name: child.model.get_submodule(name).weight.detach().clone() for name in layers}
        rules = child.learner.predictors.rules
        own = {
            name: rule.predictor and rule.predictor.biases[-1].detach().clone()
            for name, rule in rules.items()
        }
        child.step(x, labels)
        moved = {n: not torch.equal(before[n], child.model.get_submodule(n).weight) for n in layers}
        for name in layers:
            layers[name] += moved[name]
        for name, bias in own.items():
            if bias is not None and not moved[name]:
                assert torch.equal(bias, rules[name].predictor.biases[-1]), name
        together.append(tuple(moved.values()))
    assert all(15 < count < 45 for count in layers.values())
    assert len(set(together)) > 4, "each layer by itself"
    assert not child.learner.repeats
    assert not child.learner.trained_below_top()


def test_batchnorm_is_updated_with_the_layer_below_it():
    child = child_of("cdni", replace(SPEC, model="mlp-8-8-bn"), **SMALL)
    layers = child.learner.draws.layers
    assert {name: len(parameters) for name, parameters in layers.items()} == {"1": 4, "4": 4, "7": 2}


# Trainings ----------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", MODELS)
def test_every_kind_of_model_learns(name, model):
    child = child_of(name, replace(SPEC, model=model, weight_decay=0.0), hidden_layers=2, **SMALL)
    child.set_rate(0.001 if model == "cnn" else 0.01)
    x, labels = next(batches(1))
    losses = [float(child.step(x, labels)) for _ in range(40 if "wrn" in model else 100)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_training_by_relative_steps_is_calibrated_and_aligned(name, precision):
    spec = TrainSpec(
        model="mlp-16-8",
        epochs=2,
        learning_rate=RelativeStepGrid(relative_steps=(0.03,)),
        train_images=64,
        validation_images=50,
        batch_size=16,
        precision=precision,
        alignment_every=2,
    )
    result = train_child(name, spec, seed=0)
    assert result.outcome is TrialState.COMPLETED
    first = {point.site: point.update_angle for point in result.alignment[:3]}
    assert first["5"] < 1
    assert first["1"] == 90.0, "nothing is sent below the top at first"
    assert train_child("g", spec, seed=0).learning_rate == pytest.approx(result.learning_rate, rel=1e-3)


@pytest.mark.parametrize("model", ["mlp-16-12-bn", "wrn-10-1"])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_reads_no_number_from_the_device(name, model):
    """Of a fake tensor there is none to read, and an attempt raises, as it does under capture."""
    with FakeTensorMode():
        network = build_model(model, image_shape=SHAPE, classes=CLASSES)
        fresh = FreshChild(network, network, SPEC, CLASSES, 0, torch.device("cpu"), captured=False)
        learner = method_of(MethodSpec(name, SMALL)).prepare(fresh)
        for _ in range(2):
            learner.learn(torch.empty(4, *SHAPE), torch.empty(4, dtype=torch.long))
        assert learner.repeats
        with pytest.raises(DataDependentOutputException):
            bool(learner.sites[0].layer.weight.grad.any())


# What cannot be ----------------------------------------------


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.below, self.twice, self.top = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.top(self.twice(self.twice(self.below(x).relu()).relu()).relu())


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention, self.top = nn.MultiheadAttention(6, 2), nn.Linear(6, 3)

    def forward(self, x):
        return self.top(self.attention(x, x, x)[0])


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
    model[2].weight = model[0].weight
    return model


@pytest.mark.parametrize("name", [*NAMES, "hsic"])
@pytest.mark.parametrize(
    ("make", "why"),
    [(Shared, "twice is called 2 times"), (Attending, "is attention"), (tied, "0 and 2 share")],
)
def test_a_model_whose_layers_cannot_be_trained_apart_is_refused(name, make, why):
    with pytest.raises(InvalidSettings, match=why) as refused:
        apply_method(make(), name)
    assert refused.value.field == "model"
    assert "apply_equation" in refused.value.hint


def test_sequences_are_refused_with_their_shape():
    learner = apply_method(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3), nn.Flatten()), "dni")
    with pytest.raises(InvalidSettings, match=r"shape \(2, 4, 5\)"):
        learner.learn(torch.randn(2, 4, 6), torch.tensor([0, 1]))


@pytest.mark.parametrize("name", NAMES)
def test_without_labels_it_says_what_to_call(name):
    model = chain().float()
    learner = apply_method(model, name)
    x, labels = features()
    with pytest.raises(InvalidInput, match=f"{name} needs the labels"):
        learner.learn(x.float(), None)
    with pytest.raises(InvalidInput, match="no labels for this backward pass") as refused:
        F.cross_entropy(model(x.float()), labels).backward()
    assert "learner.learn(x, labels)" in refused.value.hint


def test_a_batch_of_one_is_refused_where_m_has_batchnorm():
    with pytest.raises(InvalidSettings, match="batch of 1") as refused:
        train_child("dni", TrainSpec(model="mlp-8", batch_size=1), seed=0)
    assert refused.value.field == "train.batch_size"


def test_undo_leaves_an_ordinary_network():
    model = build_model("wrn-10-1", image_shape=(3, 8, 8), classes=3)
    keys = list(model.state_dict())
    learner = apply_method(model, "cdni", {"channels": 4})
    learner.learn(torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 0]))
    assert learner.undo() is model
    assert list(model.state_dict()) == keys
    assert not any("forward" in module.__dict__ for module in model.modules())
