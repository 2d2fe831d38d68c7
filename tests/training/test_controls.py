"""What the controls have in common: plain backprop without their change, alignment, and CUDA graphs."""

from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.methods import method_of
from backprop_evo.training.methods.known import (
    classifier_alone,
    clipped_gradient,
    layerwise_normalised,
    placebo,
)
from backprop_evo.training.methods.learner import FreshChild
from backprop_evo.training.models.build import build_model
from tests.training.small_children import CLASSES, SHAPE, SPEC, child_of, same, stepped

# One rate: among those of the default grid the short probe chooses one with which the training diverges.
SHORT = TrainSpec(
    model="mlp-16-8", epochs=1, batch_size=4, learning_rate=0.1, train_images=64, validation_images=50
)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("clipped-gradient", {"max_norm": 1e30}),
        ("clipped-gradient", {"max_norm": None, "max_value": 1e30}),
        ("placebo", {"disturbance": 0.0}),
    ],
)
def test_without_its_change_a_control_is_plain_backprop_bit_for_bit(name, settings):
    assert same(stepped(child_of(name, **settings)), stepped(child_of("g")))


@pytest.mark.parametrize("name", ["layerwise-normalised", "clipped-gradient", "placebo"])
def test_controls_are_aligned_as_equations_are(name):
    result = train_child(name, replace(SHORT, alignment_every=8), seed=0)
    assert result.outcome is TrialState.COMPLETED
    assert [point.site for point in result.alignment[:3]] == ["1", "3", "5"]
    assert max(point.update_angle for point in result.alignment) < 0.1


def test_controls_say_their_settings():
    told = [("layerwise-normalised", {}), ("clipped-gradient", {"max_value": 3}), ("placebo", {"number": 7})]
    assert [method_of(MethodSpec(*each)).text() for each in told] == [
        "layer-wise normalised gradient (trust 0.02)",
        "clipped gradient (norm 0.5, value 3)",
        "placebo 7",
    ]


@pytest.mark.parametrize("model", ["wrn-10-1", "mlp-9-7"])
@pytest.mark.parametrize(
    ("module", "settings"),
    [
        (layerwise_normalised, {}),
        (clipped_gradient, {"max_value": 0.1}),
        (placebo, {}),
        (classifier_alone, {}),
    ],
)
def test_a_step_reads_no_number_from_the_device(module, settings, model):
    """Of a fake tensor there is none to read, and an attempt raises, as it does under capture."""
    with FakeTensorMode():
        network = build_model(model, image_shape=SHAPE, classes=CLASSES)
        fresh = FreshChild(network, network, SPEC, CLASSES, 0, torch.device("cpu"), captured=True)
        learner = module.METHOD.prepare(module.METHOD.read(settings), fresh)
        learner.learn(torch.empty(4, *SHAPE), torch.empty(4, dtype=torch.long))
        gradient = list(network.parameters())[-1].grad
        assert gradient.shape == (CLASSES,)
        with pytest.raises(DataDependentOutputException):
            bool(gradient.any())
