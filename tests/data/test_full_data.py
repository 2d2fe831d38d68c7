"""What holds of the full data sets, where they have been fetched."""

from pathlib import Path

import numpy as np
import pytest

from backprop_evo import data
from backprop_evo.data import build_bundled, bundled_file
from backprop_evo.data.description import channel_statistics
from backprop_evo.errors import DatasetUnusable

FULL = [name for name in data.names() if name != "cifar10-mini"]


def load_or_skip(name: str) -> data.Dataset:
    if not data.path_of(name).exists():
        pytest.skip(f"{name} is not on this machine: `backprop-evo data fetch {name}`")
    return data.load(name)


@pytest.mark.parametrize("name", FULL)
def test_split_sizes_are_those_of_the_catalogue(name: str) -> None:
    dataset, info = load_or_skip(name), data.dataset_info(name)
    train, validation = data.validation_indices(dataset.train.labels, dataset.validation_one_in)
    assert len(validation) == info.validation_images
    assert len(train) == info.train_images - info.validation_images
    assert len(dataset.test) == info.test_images
    assert isinstance(dataset.train.images, np.memmap)


@pytest.mark.slow
def test_cifar10_has_its_published_statistics() -> None:
    dataset = load_or_skip("cifar10")
    mean, std = channel_statistics(dataset.train.images)
    assert mean == pytest.approx((0.49139968, 0.48215841, 0.44653091), abs=1e-8)
    assert std == pytest.approx((0.24703223, 0.24348513, 0.26158784), abs=1e-8)
    assert np.bincount(dataset.train.labels).tolist() == [5_000] * 10
    assert np.bincount(dataset.test.labels).tolist() == [1_000] * 10


@pytest.mark.slow
def test_bundled_file_is_made_again_bit_for_bit(tmp_path: Path) -> None:
    load_or_skip("cifar10")
    info = data.dataset_info("cifar10-mini")
    packed, manifest = build_bundled.build(info, data.dataset_info("cifar10"), data.default_data_dir())
    assert packed == bundled_file.path_of(info).read_bytes()
    assert manifest == (bundled_file.folder() / "cifar10-mini.json").read_text()
    with pytest.raises(DatasetUnusable, match="not on this machine yet"):
        build_bundled.build(info, data.dataset_info("cifar10"), tmp_path)


def test_bundled_images_are_not_in_the_full_validation_part() -> None:
    dataset = load_or_skip("cifar10")
    _, validation = data.validation_indices(dataset.train.labels, dataset.validation_one_in)
    info = data.dataset_info("cifar10-mini")
    bundled = build_bundled.first_of_each_class(dataset.train.labels, info.train_images, info.classes)
    assert not set(bundled) & set(validation)
