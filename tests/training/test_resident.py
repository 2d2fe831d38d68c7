"""Images on the device: mean, caps, augmentation against a loop that does one image at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from backprop_evo.training.run.resident import PAD, augment, draw_augmentation, evenly, make_resident


def split(n: int = 20, classes: int = 4):
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        images=rng.integers(0, 256, (n, 3, 6, 5), dtype=np.uint8), labels=np.sort(np.arange(n) % classes)
    )


def test_prepared_images_are_scaled_and_have_mean_zero_at_every_pixel():
    data = split()
    resident = make_resident(data, torch.device("cpu"))
    x, labels = resident.prepared(torch.arange(20))
    assert torch.allclose(x.mean(0), torch.zeros(3, 6, 5), atol=1e-6)
    assert torch.allclose(
        x - x[0], torch.from_numpy(data.images / 255.0 - data.images[0] / 255.0).float(), atol=1e-6
    )
    assert labels.tolist() == data.labels.tolist()


def test_validation_is_centred_by_the_training_mean():
    train = make_resident(split(), torch.device("cpu"))
    other = make_resident(split(8), torch.device("cpu"), mean_CHW=train.mean_CHW)
    assert other.mean_CHW is train.mean_CHW


@pytest.mark.parametrize("count", [1, 4, 6, 19])
def test_a_cap_takes_the_classes_evenly(count):
    labels = np.sort(np.arange(20) % 4)
    chosen = evenly(labels, count)
    counts = np.bincount(labels[chosen], minlength=4)
    assert len(chosen) == count
    assert counts.max() - counts.min() <= 1


def test_in_order_sees_every_image_once_with_a_short_last_batch():
    resident = make_resident(split(), torch.device("cpu"))
    sizes = [len(labels) for _, labels in resident.in_order(8)]
    assert sizes == [8, 8, 4]


@pytest.mark.parametrize("channels_last", [False, True])
def test_augmentation_equals_mirror_then_crop_of_each_image(channels_last):
    x = torch.randn(7, 3, 6, 5)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    mirror, shift = draw_augmentation(7, torch.Generator().manual_seed(3))
    result = augment(x, mirror, shift)
    for b in range(7):
        one = torch.nn.functional.pad(x[b], (PAD, PAD, PAD, PAD))
        top, left = shift[b].tolist()
        one = one[:, top : top + 6, left : left + 5]
        assert torch.equal(result[b], one.flip(-1) if mirror[b] else one)


def test_augmentation_reaches_every_shift_and_both_mirrors():
    mirror, shift = draw_augmentation(4000, torch.Generator().manual_seed(0))
    assert set(shift.flatten().tolist()) == set(range(2 * PAD + 1))
    assert 0.4 < mirror.float().mean() < 0.6
