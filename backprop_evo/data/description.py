"""What a data set contains, counted from its arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backprop_evo.data import bundled_file, local_file
from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.dataset import Dataset, Images, split_train_validation

_IMAGES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Description:
    """``class_counts``: (train, validation, test) images per class, in the order of the labels.

    ``channel_mean`` and ``channel_std`` are of the train part before validation is taken off, in [0, 1].
    """

    info: DatasetInfo
    origin: str
    class_counts: tuple[tuple[int, int, int], ...]
    channel_mean: tuple[float, ...]
    channel_std: tuple[float, ...]
    sha256: dict[str, str]


def describe(info: DatasetInfo, dataset: Dataset, data_dir: Path) -> Description:
    """Count ``dataset`` and read its checksums. Raises ``DatasetUnusable`` when its file is damaged."""
    train, validation = split_train_validation(dataset)
    parts = (train.labels, validation.labels, dataset.test.labels)
    counts = np.stack([np.bincount(labels, minlength=info.classes) for labels in parts], axis=1)
    mean, std = channel_statistics(dataset.train.images)
    return Description(
        info=info,
        origin="comes with the package" if info.bundled else local_file.origin(info, data_dir),
        class_counts=tuple((int(a), int(b), int(c)) for a, b, c in counts),
        channel_mean=mean,
        channel_std=std,
        sha256=bundled_file.verify(info) if info.bundled else local_file.verify(info, data_dir),
    )


def channel_statistics(images: Images) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation (of the population) per channel, over images and pixels, in [0, 1]."""
    channels = images.shape[1]
    total, squares = np.zeros(channels, dtype=np.int64), np.zeros(channels, dtype=np.int64)
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        chunk = images[start : start + _IMAGES_AT_ONCE].astype(np.int64)
        total += chunk.sum(axis=(0, 2, 3))
        squares += (chunk**2).sum(axis=(0, 2, 3))
    count = images.size // channels
    mean = total / count
    std = np.sqrt(squares / count - mean**2)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())
