"""Children by name: sizes that the papers state, shapes for every data set, errors that help."""

import pytest
import torch

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.training.models.build import build_model


@pytest.mark.parametrize(
    ("name", "parameters"), [("wrn-10-1", 77_850), ("wrn-16-2", 691_674), ("wrn-28-10", 36_479_194)]
)
def test_wide_resnets_have_the_published_number_of_parameters(name, parameters):
    with torch.device("meta"):
        model = build_model(name, image_shape=(3, 32, 32), classes=10)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("name", ["wrn-10-1", "cnn", "mlp-20", "mlp-112-16-tanh", "mlp-8-8-8-bn-sigmoid"])
@pytest.mark.parametrize(
    ("shape", "classes"), [((3, 32, 32), 10), ((1, 28, 28), 10), ((3, 32, 32), 100), ((3, 8, 8), 2)]
)
def test_every_model_takes_every_image_shape_and_number_of_classes(name, shape, classes):
    model = build_model(name, image_shape=shape, classes=classes)
    assert model(torch.randn(2, *shape)).shape == (2, classes)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "wrn",
        "wrn-11-1",
        "wrn-4-1",
        "wrn-16-0",
        "mlp",
        "mlp-0",
        "mlp-5-swish",
        "mlp-5-tanh-bn",
        "resnet18",
        "WRN-16-2",
        "cnn-3",
    ],
)
def test_an_unknown_model_is_refused_with_the_known_ones(name):
    with pytest.raises(InvalidSettings) as caught:
        parse_model_name(name)
    assert caught.value.field == "train.model"
    assert "wrn-D-K" in (caught.value.hint or "")


def test_too_small_images_for_the_cnn_are_refused():
    with pytest.raises(InvalidSettings, match="8×8"):
        build_model("cnn", image_shape=(1, 4, 4), classes=10)


def test_weights_are_he_normal():
    torch.manual_seed(0)
    model = build_model("mlp-2000", image_shape=(1, 20, 20), classes=10)
    hidden = model[1].weight
    assert hidden.std().item() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
