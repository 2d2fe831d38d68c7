"""The HSIC bottleneck: every stage by itself, how the output is read, the format layer, several widths."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from backprop_evo import apply_method
from backprop_evo.errors import InvalidInput, InvalidSettings
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.methods import method_of
from backprop_evo.training.methods.hsic.dependence import stage_losses
from backprop_evo.training.methods.hsic.readout import Readout
from backprop_evo.training.methods.hsic.stages import stage_modules
from backprop_evo.training.methods.learner import cross_entropy
from backprop_evo.training.models.build import build_model
from tests.training.small_children import CLASSES, SHAPE, SPEC, batches, child_of

MODELS = {
    "mlp-16-12-8": ["1", "3", "5", "7"],
    "mlp-16-12-bn": ["1", "4", "7"],
    "cnn": ["0", "3", "7", "9", "11"],
    "wrn-10-1": ["stem", "groups.0.0", "groups.1.0", "groups.2.0", "classifier"],
}


def quiet(model: str, **settings):
    return child_of("hsic", replace(SPEC, model=model, optimizer="sgd", weight_decay=0.0), **settings)


def prototypes(seed: int = 0, count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of three classes that are easily told apart."""
    generator = torch.Generator().manual_seed(seed)
    of_class = torch.randn(CLASSES, *SHAPE, generator=torch.Generator().manual_seed(99))
    labels = torch.randint(CLASSES, (count,), generator=generator)
    return of_class[labels] + 0.5 * torch.randn(count, *SHAPE, generator=generator), labels


def accuracy(child) -> float:
    x, labels = prototypes(seed=7, count=200)
    child.model.eval()
    with torch.no_grad():
        found = (child.logits(x).argmax(1) == labels).float().mean()
    child.model.train()
    return float(found)


def train(child, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        child.step(*prototypes(seed=100 + step))


# Stages ----------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_stages_begin_at_layers_and_at_residual_blocks(model):
    built = build_model(model, image_shape=SHAPE, classes=CLASSES)
    assert [name for name, _ in stage_modules(built)] == MODELS[model]


@pytest.mark.parametrize("model", MODELS)
def test_a_loss_touches_no_other_stage(model):
    """The gradient of each loss alone, by autograd over the whole network, and all of them by the learner."""
    child = quiet(model)
    x, labels = prototypes(count=12)
    ends = child.learner._ends(x)[0]
    assert len(ends) == len(MODELS[model])
    _, gradients = stage_losses(ends, x, labels, classes=CLASSES, sigma=5.0, beta=500.0)
    named = dict(child.model.named_parameters())
    owners: dict[str, int] = {}
    alone = {}
    for place, (end, gradient) in enumerate(zip(ends, gradients, strict=True)):
        found = torch.autograd.grad(end, list(named.values()), gradient, allow_unused=True, retain_graph=True)
        for name, each in zip(named, found, strict=True):
            if each is not None:
                assert name not in owners, f"{name} is touched by the stages {owners[name]} and {place}"
                owners[name], alone[name] = place, each
    assert set(owners) == set(named), "every parameter is trained by one stage"
    for name in MODELS[model]:
        assert {owners[each] for each in named if each.startswith(f"{name}.")} == {MODELS[model].index(name)}
    child.learner.learn(x, labels)
    for name, parameter in named.items():
        torch.testing.assert_close(
            parameter.grad, alone[name], rtol=1e-3, atol=1e-4 * alone[name].abs().max()
        )


def test_the_top_could_be_anything_for_what_is_below():
    one, other = quiet("mlp-16-12-8"), quiet("mlp-16-12-8")
    with torch.no_grad():
        other.model[-1].weight.mul_(-3.0)
    for child in (one, other):
        child.learner.learn(*prototypes())
    for a, b in zip(list(one.model.parameters())[:-2], list(other.model.parameters())[:-2], strict=True):
        assert torch.equal(a.grad, b.grad)


class PassedOver(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.below, self.middle, self.top = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, CLASSES)

    def forward(self, x):
        h = self.below(x).relu()
        return self.top(self.middle(h).relu() + h)


def test_a_connection_that_passes_over_a_stage_is_refused():
    learner = apply_method(PassedOver(), "hsic")
    with pytest.raises(InvalidSettings, match=r"below\.weight reaches past the end of its own") as refused:
        learner.learn(torch.randn(8, 6), torch.arange(8) % CLASSES)
    assert "residual blocks" in refused.value.hint


# The output ----------------------------------------------


def test_a_class_is_told_by_its_most_active_unit_and_no_unit_by_two():
    readout = Readout(3, torch.device("cpu"), torch.float32)
    readout.means_KK.copy_(torch.tensor([[0.1, 0.6, 0.3], [0.1, 0.9, 0.2], [0.8, 0.1, 0.1]]))
    # Class 1 has unit 1 more active than class 0, which takes the best that is left.
    assert readout.units().tolist() == [2, 1, 0]


def test_means_are_those_of_each_class_and_a_missing_class_keeps_its_own():
    readout = Readout(3, torch.device("cpu"), torch.float32)
    activation = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    readout.remember(activation, torch.tensor([0, 0, 2]))
    expected = 0.01 * torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(readout.means_KK, expected)


@pytest.mark.parametrize("sigma", ["5", "2,5"])
def test_it_learns_without_any_error_sent_and_undo_keeps_what_it_learnt(sigma):
    child = quiet("mlp-32-16-bn", sigma=sigma)
    keys = [name for name in child.model.state_dict() if "readouts" not in name and "other" not in name]
    child.set_rate(0.003)
    before = accuracy(child)
    train(child, 40)
    assert accuracy(child) > max(0.85, before + 0.2)
    x, _ = prototypes(seed=8)
    child.model.eval()
    read = child.logits(x)
    assert child.learner.undo() is child.learner.undo() is child.model
    assert list(child.model.state_dict()) == keys
    assert not child.model._forward_hooks
    assert not any(module._forward_pre_hooks for module in child.model.modules())
    if sigma == "5":
        torch.testing.assert_close(child.model(x), read, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sigma", ["5", "1,5"])
def test_format_training_freezes_the_network_and_trains_the_output_alone(sigma):
    child = quiet("mlp-32-16-bn", sigma=sigma, format_share=0.5, format_rate=0.1)
    child.set_rate(0.003)
    assert [child.learner.phase_at(step, 4).name for step in range(4)] == [
        "stages",
        "stages",
        "format",
        "format",
    ]
    child.begin(child.learner.phase_at(0, 4))
    assert not child.classifies
    train(child, 30)
    child.begin(child.learner.phase_at(3, 4))
    assert child.classifies
    assert not child.learner.trained_below_top()
    before = {name: p.detach().clone() for name, p in child.model.named_parameters()}
    child.model.eval()
    formatted = accuracy(child)
    x, labels = prototypes(seed=300)
    losses = [float(child.step(x, labels)) for _ in range(30)]
    moved = {name for name, p in child.model.named_parameters() if not torch.equal(p, before[name])}
    widths = len(sigma.split(","))
    assert len(moved) == 2 * widths
    assert {"7.weight", "7.bias"} <= moved
    assert losses[-1] < 0.7 * losses[0]
    assert accuracy(child) > max(0.9, formatted - 0.02)


def test_each_width_is_a_network_of_its_own_and_outputs_are_averaged():
    child = quiet("mlp-32-16-bn", sigma="1,5")
    plain = quiet("mlp-32-16-bn", sigma="1")
    for each in (child, plain):
        each.set_rate(0.003)
        train(each, 3)
    for name, parameter in plain.model.named_parameters():
        assert torch.equal(parameter, child.model.get_parameter(name)), "the first is the first alone"
    one, other = (net.model for net in child.learner._nets)
    assert not torch.equal(one[1].weight, other[1].weight), "the second was trained by another width"
    x, _ = prototypes(seed=8)
    child.model.eval()
    outputs = [net.readout.logits(_raw(net.model, x)) for net in child.learner._nets]
    torch.testing.assert_close(child.logits(x), (outputs[0] + outputs[1]) / 2)


def _raw(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    for layer in model:
        x = layer(x)
    return x


# Trainings ----------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_trainings_by_relative_steps_end_with_phases_of_their_own_loss(model, precision):
    spec = TrainSpec(
        model=model,
        epochs=4,
        learning_rate=RelativeStepGrid(relative_steps=(0.01,)),
        train_images=64,
        validation_images=50,
        batch_size=16,
        precision=precision,
        reestimate_batches=2,
    )
    result = train_child(MethodSpec("hsic", {"format_share": 0.5}), spec, seed=0)
    assert result.outcome is TrialState.COMPLETED
    assert [point.train_loss < 0 for point in result.curve] == [True, True, False, False]


def test_the_format_loss_is_the_cross_entropy_of_what_is_evaluated():
    child = quiet("mlp-8-8-bn", format_share=1.0)
    child.begin(child.learner.phase_at(0, 2))
    x, labels = next(batches(1))
    child.model.eval()
    expected = cross_entropy(child.logits(x), labels)
    assert float(child.learner.learn(x, labels).detach()) == float(expected.detach())


# What cannot be ----------------------------------------------


def test_a_batch_of_one_is_refused_before_and_at_the_step():
    with pytest.raises(InvalidSettings, match="batch of 1") as refused:
        train_child("hsic", TrainSpec(model="mlp-8", batch_size=1), seed=0)
    assert refused.value.field == "train.batch_size"
    learner = apply_method(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), "hsic")
    with pytest.raises(InvalidInput, match="single sample"):
        learner.learn(torch.randn(1, 6), torch.tensor([0]))


def test_one_rate_for_several_classifiers_is_refused():
    with pytest.raises(InvalidSettings, match="several widths") as refused:
        train_child(
            MethodSpec("hsic", {"sigma": "1,5"}), TrainSpec(model="mlp-8-bn", classifier_rate=0.1), seed=0
        )
    assert refused.value.field == "train.classifier_rate"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4, bias=False)), "ends in a Linear"),
        (nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Conv2d(1, 1, 1)), "ends in a Linear"),
        (nn.Linear(6, 4), "a single layer"),
    ],
)
def test_a_model_without_stages_or_output_is_refused(model, why):
    with pytest.raises(InvalidSettings, match=why):
        apply_method(model, "hsic")


@pytest.mark.parametrize("sigma", ["", "wide", "0", "1,-5", "inf", "1,,5"])
def test_widths_are_numbers_above_zero(sigma):
    with pytest.raises(InvalidSettings) as refused:
        method_of(MethodSpec("hsic", {"sigma": sigma}))
    assert refused.value.field == "method.settings.sigma"
    assert "1,5,10" in refused.value.hint
