"""What a step does besides the equation: a rate of the classifier's own, decay, warm-up."""

from dataclasses import replace

import pytest
import torch

from backprop_evo.records.methods import equation_method
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import Child
from backprop_evo.training.run.schedule import course_at
from backprop_evo.training.run.trainer import train_child

SPEC = TrainSpec(model="mlp-8", epochs=1, batch_size=64, learning_rate=0.05, train_images=320, augment=False)


def stepped(spec, rate=0.1, course=1.0):
    """The weights before a step, their gradients, and the weights after it."""
    child = Child(
        equation_method("g"),
        spec,
        choose("cpu", precision="float32", images=False),
        image_shape=(1, 4, 4),
        classes=3,
        seed=0,
    )
    torch.manual_seed(0)
    before = {name: p.detach().clone() for name, p in child.model.named_parameters()}
    child.set_rate(rate, course)
    child.step(torch.randn(8, 1, 4, 4), torch.arange(8) % 3)
    after = dict(child.model.named_parameters())
    return before, {name: p.grad for name, p in after.items()}, {n: p.detach() for n, p in after.items()}


def is_classifier(name, weights):
    return name.rpartition(".")[0] == list(weights)[-1].rpartition(".")[0]


@pytest.mark.parametrize("course", [1.0, 0.25])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
@pytest.mark.parametrize("classifier_rate", [None, 0.7])
@pytest.mark.parametrize("decay", ["coupled", "decoupled"])
def test_one_step_by_hand(classifier_rate, decay, optimizer, course):
    spec = replace(SPEC, classifier_rate=classifier_rate, decay=decay, weight_decay=0.01, optimizer=optimizer)
    before, gradients, after = stepped(spec, 0.1, course)
    for name, weight in before.items():
        own = classifier_rate is not None and is_classifier(name, before)
        rate = course * (classifier_rate if own else 0.1)
        lost = rate * 0.01 if decay == "coupled" else course * 0.01
        expected = weight * (1 - lost) - rate * gradients[name]
        torch.testing.assert_close(after[name], expected, rtol=1e-6, atol=1e-7)


def test_a_warm_up_rises_and_stays():
    courses = [course_at(step, 10, "constant", 4) for step in range(10)]
    assert courses[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert set(courses[4:]) == {1.0}


def test_a_warm_up_shows_in_the_curve_and_in_the_result():
    plain, warm = (train_child("g", replace(SPEC, warm_up_steps=n), seed=0) for n in (0, 9))
    # The fifth of five steps.
    assert warm.curve[0].learning_rate == pytest.approx(0.05 * 5 / 10)
    assert plain.curve[0].learning_rate == 0.05
    assert plain.curve[0].train_loss != warm.curve[0].train_loss
