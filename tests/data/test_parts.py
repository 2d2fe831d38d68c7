"""The parts of validation: nothing in common, nothing left out, every class in the same shares."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo import data
from backprop_evo.data.dataset import Split


def labelled(labels):
    """A split whose only pixel is the image's number."""
    places = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1)
    return Split(places, np.asarray(labels, dtype=np.int64))


@given(st.lists(st.integers(0, 3), max_size=200))
def test_the_parts_share_nothing_and_miss_nothing(labels):
    parts = data.validation_parts(labelled(labels))
    places = [part.images.ravel().tolist() for part in (parts.rates, parts.fitness, parts.finalists)]
    assert sorted(chain(*places)) == list(range(len(labels)))
    for part in (parts.rates, parts.fitness, parts.finalists):
        assert part.labels.tolist() == [labels[place] for place in part.images.ravel()]


@pytest.mark.parametrize("order", ["by class", "mixed"])
def test_every_class_has_the_same_shares(order):
    labels = [label for label in range(4) for _ in range(20)]
    if order == "mixed":
        np.random.default_rng(0).shuffle(labels)
    parts = data.validation_parts(labelled(labels))
    for part, share in ((parts.rates, 2), (parts.fitness, 12), (parts.finalists, 6)):
        assert np.bincount(part.labels).tolist() == [share] * 4


def test_the_bundled_images():
    parts = data.validation_parts(data.split_train_validation(data.load("cifar10-mini"))[1])
    assert [len(part) for part in (parts.rates, parts.fitness, parts.finalists)] == [100, 600, 300]
