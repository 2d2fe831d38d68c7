import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo import data
from backprop_evo.data.description import channel_statistics

LABELS = st.lists(st.integers(0, 6), max_size=300).map(lambda values: np.array(values, dtype=np.int64))


@given(labels=LABELS, one_in=st.integers(1, 12))
def test_split_is_a_partition_in_source_order(labels: np.ndarray, one_in: int) -> None:
    train, validation = data.validation_indices(labels, one_in)
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert np.all(np.diff(train) > 0)
    assert np.all(np.diff(validation) > 0)


@given(labels=LABELS, one_in=st.integers(1, 12))
def test_split_takes_the_last_of_every_class(labels: np.ndarray, one_in: int) -> None:
    train, validation = data.validation_indices(labels, one_in)
    for label in np.unique(labels):
        kept, held_out = train[labels[train] == label], validation[labels[validation] == label]
        assert len(held_out) == (len(kept) + len(held_out)) // one_in
        assert not len(held_out) or not len(kept) or kept.max() < held_out.min()


@given(labels=LABELS, more=LABELS)
def test_split_of_a_class_does_not_depend_on_the_other_classes(labels: np.ndarray, more: np.ndarray) -> None:
    others = more + 100
    _, alone = data.validation_indices(labels, 5)
    _, together = data.validation_indices(np.concatenate([labels, others]), 5)
    assert together[together < len(labels)].tolist() == alone.tolist()


def test_bundled_split_is_balanced_and_always_the_same(mini: data.Dataset) -> None:
    train, validation = data.split_train_validation(mini)
    again, _ = data.split_train_validation(data.load("cifar10-mini"))
    assert np.bincount(train.labels).tolist() == [400] * 10
    assert np.bincount(validation.labels).tolist() == [100] * 10
    assert np.bincount(mini.test.labels).tolist() == [50] * 10
    assert np.array_equal(train.images, again.images)


def test_train_and_validation_and_test_share_no_image(mini: data.Dataset) -> None:
    parts = [*data.split_train_validation(mini), mini.test]
    images = [{image.tobytes() for image in part.images} for part in parts]
    assert sum(map(len, images)) == len(set.union(*images))


def test_take_copies(mini: data.Dataset) -> None:
    taken = mini.test.take(np.array([3, 1]))
    assert taken.labels.tolist() == [mini.test.labels[3], mini.test.labels[1]]
    taken.images[:] = 0
    assert mini.test.images[3].any()


def test_channel_statistics_equal_numpy(mini: data.Dataset) -> None:
    mean, std = channel_statistics(mini.train.images[:1_234])
    scaled = mini.train.images[:1_234] / 255.0
    assert mean == pytest.approx(scaled.mean(axis=(0, 2, 3)), abs=1e-12)
    assert std == pytest.approx(scaled.std(axis=(0, 2, 3)), abs=1e-12)
