"""Images stay on the device between trainings that want the same, and nothing else about them stays."""

import os
from dataclasses import replace

import pytest

from backprop_evo import data
from backprop_evo.errors import DatasetUnusable
from backprop_evo.records.training import LearningRateGrid, TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.run import kept_images
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.kept_images import KeptImages

SPEC = TrainSpec(model="mlp-8", epochs=1.0, train_images=128, validation_images=50, learning_rate=0.1)
CAPABILITY = choose("cpu", precision="float32", images=False)


@pytest.fixture
def loads(monkeypatch):
    """Which specs were loaded anew."""
    seen, original = [], kept_images.load_images

    def load(spec, capability, data_dir):
        seen.append(spec)
        return original(spec, capability, data_dir)

    monkeypatch.setattr(kept_images, "load_images", load)
    return seen


def test_the_next_training_of_the_same_images_loads_none(loads):
    kept = KeptImages()
    first = kept.load(SPEC, CAPABILITY, None)
    first.read("validation")
    other = replace(SPEC, model="mlp-16", learning_rate=0.2, epochs=2.0, batch_size=7)
    again = kept.load(other, CAPABILITY, None)
    assert loads == [SPEC]
    assert again.train is first.train
    assert (again.account(), first.account()) == ("none", "fitness 1 × 50")


@pytest.mark.parametrize(
    "other",
    [
        {"data": "fashion-mnist"},
        {"train_images": 64},
        {"validation_images": 20},
        {"validation_part": "finalists"},
        {"evaluate_test": True},
        {"train_on": "all", "evaluate_test": True},
        {"learning_rate": LearningRateGrid()},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_else_of_the_spec_says_which_images_makes_others(other, monkeypatch):
    asked = []
    monkeypatch.setattr(kept_images, "load_images", lambda spec, *_: asked.append(spec) or FOUND)
    monkeypatch.setattr(kept_images, "path_of", lambda *_: data.path_of("cifar10-mini"))
    kept = KeptImages()
    for spec in (SPEC, replace(SPEC, **other), SPEC):
        kept.load(spec, CAPABILITY, None)
    assert asked == [SPEC, replace(SPEC, **other), SPEC]


FOUND = kept_images.load_images(SPEC, CAPABILITY, None)


def test_another_layout_is_another_set(loads):
    kept = KeptImages()
    assert not kept.load(SPEC, CAPABILITY, None).train.channels_last
    assert kept.load(SPEC, replace(CAPABILITY, channels_last=True), None).train.channels_last
    assert len(loads) == 2


def test_a_file_that_changed_is_read_again_and_one_that_went_is_missed(loads, tmp_path, monkeypatch):
    file = tmp_path / "images"
    file.write_bytes(b"1")
    monkeypatch.setattr(kept_images, "path_of", lambda *_: file)
    kept = KeptImages()
    kept.load(SPEC, CAPABILITY, None)
    os.utime(file, (1, 1))
    kept.load(SPEC, CAPABILITY, None)
    assert len(loads) == 2
    file.unlink()

    def missing(*_):
        raise DatasetUnusable("it is gone")

    monkeypatch.setattr(kept_images, "load_images", missing)
    for _ in range(2):
        with pytest.raises(DatasetUnusable, match="gone"):
            kept.load(SPEC, CAPABILITY, None)


def test_a_training_on_kept_images_is_that_on_fresh_ones_bit_for_bit():
    kept = KeptImages()
    fresh, first, second = (train_child("g", SPEC, seed=0, kept=each) for each in (None, kept, kept))
    for result in (first, second):
        assert result.validation_accuracy == fresh.validation_accuracy
        assert [p.train_loss for p in result.curve] == [p.train_loss for p in fresh.curve]
        assert result.environment["measured on"] == fresh.environment["measured on"]
