"""The fully unlocked form against ``dni``, against autograd layer by layer, and what it cannot cut."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from backprop_evo import apply_method
from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.methods.learner import cross_entropy
from tests.training.small_children import SPEC, batches, child_of, stepped

NAME = "dni-unlocked"
SMALL = {"width": 16, "rate": 0.01}
MODELS = ["mlp-16-12-tanh", "mlp-16-12-8-bn"]


def chain() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Sigmoid(), nn.Linear(4, 3)]
    return nn.Sequential(*layers).double()


def features(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(7, 6, dtype=torch.float64, generator=generator)
    return x, torch.randint(3, (7,), generator=generator)


def taught(steps: int = 5, **settings):
    """A learner whose models have learnt something, and its network with gradients cleared."""
    model = chain()
    learner = apply_method(model, NAME, SMALL | {"hidden_layers": 0, "input_hidden_layers": 1} | settings)
    for seed in range(steps):
        model.zero_grad()
        learner.learn(*features(seed))
    model.zero_grad(set_to_none=True)
    return learner, model


class Recording:
    """In the place of a learner's predictors: keeps what they would learn from, and lets nothing step."""

    def __init__(self, learner) -> None:
        self.rules, self.told = learner.predictors.rules, {}
        learner.predictors = self

    def step(self, predictions) -> None:
        self.told = dict(predictions)


def double(child):
    child.model.double()
    return child


# Against dni, plain backprop and autograd ----------------------------------------------


@pytest.mark.parametrize("conditioned", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_given_true_inputs_it_is_dni(model, conditioned):
    spec = replace(SPEC, model=model)
    settings = SMALL | {"hidden_layers": 1}
    ours = double(child_of(NAME, spec, true_input_share=1.0, conditioned=conditioned, **settings))
    theirs = double(child_of("cdni" if conditioned else "dni", spec, **settings))
    one, other = stepped(ours, 6), stepped(theirs, 6)
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(one["1.weight"], child_of("g", spec).model[1].weight.double())


@pytest.mark.parametrize("model", MODELS)
def test_given_true_inputs_and_true_gradients_it_is_plain_backprop(model):
    spec = replace(SPEC, model=model)
    ours = double(child_of(NAME, spec, true_input_share=1.0, backprop_share=1.0, **SMALL))
    plain = double(child_of("g", spec))
    torch.testing.assert_close(stepped(ours, 4), stepped(plain, 4), rtol=1e-10, atol=1e-10)


def test_every_layer_learns_from_its_own_m_upon_its_own_i():
    """By autograd, each layer alone, in an ordinary network of the same weights."""
    learner, model = taught()
    x, labels = features(9)
    i = {name: border.i(x).detach() for name, border in learner.borders.items()}
    plain = chain()
    plain.load_state_dict(model.state_dict())
    in2, in4 = (i[name].clone().requires_grad_() for name in ("2", "4"))
    out0, out2 = torch.tanh(plain[0](x)), torch.sigmoid(plain[2](in2))
    loss = cross_entropy(plain[4](in4), labels)
    sent = {
        name: learner.borders[name].m(h).detach() for name, h in (("2", out0.detach()), ("4", out2.detach()))
    }
    assert all(each.abs().max() > 1e-3 for each in (*sent.values(), *i.values())), "all have learnt something"
    loss.backward()
    out2.backward(sent["4"] / len(x))
    out0.backward(sent["2"] / len(x))
    recording = Recording(learner)
    learner.learn(x, labels)
    told = recording.told
    for ours, expected in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, expected.grad, rtol=1e-10, atol=1e-12)
    assert list(told) == ["M 4", "I 4", "M 2", "I 2"]
    torch.testing.assert_close(told["M 4"][1], in4.grad * len(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(told["M 2"][1], in2.grad * len(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(told["I 4"][1], out2.detach(), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(told["I 2"][1], out0.detach(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layer", ["0", "2", "4"])
def test_a_layers_gradient_hangs_on_no_other_layer(layer):
    """Every other layer is scrambled; what this one is sent and given stays as it was but for the layers'
    own small models, which see nothing of the others either."""
    learner, model = taught()
    x, labels = features(9)
    Recording(learner)
    learner.learn(x, labels)
    before = model.get_submodule(layer).weight.grad.clone()
    assert before.any()
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and name != layer:
                module.weight.add_(torch.randn_like(module.weight))
    model.zero_grad(set_to_none=True)
    learner.learn(x, labels)
    assert torch.equal(model.get_submodule(layer).weight.grad, before)


def test_each_small_model_is_updated_by_its_own_target_alone():
    learner, _ = taught()
    recording = Recording(learner)
    learner.learn(*features(9))
    owners = recording.rules
    for name, (predicted, target) in recording.told.items():
        assert not target.requires_grad
        loss = (predicted - target).square().sum()
        parameters = {key: list(owner.predictor.parameters()) for key, owner in owners.items()}
        found = {
            key: torch.autograd.grad(loss, own, retain_graph=True, allow_unused=True)
            for key, own in parameters.items()
        }
        touched = {key for key, gradients in found.items() if any(each is not None for each in gradients)}
        assert touched == {name}


# Trainings ----------------------------------------------


@pytest.mark.parametrize("conditioned", [False, True])
def test_a_small_network_learns(conditioned):
    spec = replace(SPEC, model="mlp-16-12-bn", weight_decay=0.0)
    child = child_of(NAME, spec, conditioned=conditioned, **SMALL)
    child.set_rate(0.01)
    x, labels = next(batches(1))
    before = float(child.loss(x, labels).detach())
    for _ in range(150):
        child.step(x, labels)
    assert float(child.loss(x, labels).detach()) < 0.6 * before, (
        "the layers put together, with nothing predicted"
    )


def test_an_i_learns_what_the_layer_below_gives():
    learner, model = taught(400, input_hidden_layers=2, rate=0.003)
    x, _ = features(3)
    true = torch.tanh(model[0](x))
    assert (learner.borders["2"].i(x) - true).norm() < 0.8 * (true - true.mean(0)).norm()


def test_random_updates_leave_layers_with_their_models_out():
    child = child_of(NAME, replace(SPEC, model="mlp-16-12"), update_probability=0.5, **SMALL)
    moved = set()
    for x, labels in batches(12):
        layers = {name: child.model.get_submodule(name).weight.detach().clone() for name in ("1", "3", "5")}
        owners = child.learner.predictors.rules
        own = {k: o.predictor and o.predictor.biases[-1].detach().clone() for k, o in owners.items()}
        child.step(x, labels)
        still = {n for n, old in layers.items() if torch.equal(old, child.model.get_submodule(n).weight)}
        for name, bias in own.items():
            if bias is not None and name.split()[1] in still:
                assert torch.equal(bias, owners[name].predictor.biases[-1])
        moved.add(frozenset(still))
    assert len(moved) > 2
    assert child.learner.trained_below_top() == ()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_it_is_trained_from_a_spec(precision):
    spec = TrainSpec(
        model="mlp-16-8-bn", epochs=1, train_images=64, validation_images=50, batch_size=16,
        learning_rate=0.01, precision=precision,
    )  # fmt: skip
    assert train_child(NAME, spec, seed=0).outcome is TrialState.COMPLETED


# What cannot be ----------------------------------------------


def test_convolutions_are_refused_before_and_in_a_model_of_ones_own():
    with pytest.raises(InvalidSettings, match="predicts the inputs of perceptrons") as refused:
        train_child(NAME, TrainSpec(model="cnn"), seed=0)
    assert refused.value.field == "train.model"
    conv = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    for model in (conv, nn.Sequential(nn.Flatten(), nn.Linear(6, 3))):
        with pytest.raises(InvalidSettings, match="needs a perceptron") as refused:
            apply_method(model, NAME)
        assert "cdni" in refused.value.hint


def test_a_batch_of_one_is_refused_where_i_has_batchnorm():
    with pytest.raises(InvalidSettings, match="batch of 1"):
        train_child(NAME, TrainSpec(model="mlp-8", batch_size=1), seed=0)


def test_without_labels_it_says_what_to_give():
    with pytest.raises(InvalidInput, match="dni-unlocked needs the labels"):
        apply_method(chain(), NAME).learn(features()[0], None)


def test_outside_of_learn_and_after_undo_the_network_is_itself():
    learner, model = taught()
    x, _ = features()
    plain = chain()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model(x), plain(x))
    assert learner.undo() is model
    assert not any(module._forward_pre_hooks for module in model.modules())
