"""A data set as the trainer sees it: images and labels of two parts, and the rule that makes validation.

Shapes: N images, C channels, H rows, W columns, K classes. Images are uint8 in [0, 255].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """``images`` uint8 (N, C, H, W) and ``labels`` int64 (N,) in 0..K-1, in the order of the source.

    Arrays that come from a file are private maps of it: ``torch.from_numpy`` takes them without a copy,
    and a write into them never reaches the file.
    """

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: npt.NDArray[np.int64]) -> Split:
        """A copy of the images at ``indices``, in that order."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set of the catalogue. ``validation_one_in``: see ``validation_indices``."""

    name: str
    classes: int
    validation_one_in: int
    train: Split
    test: Split


def validation_indices(labels: Labels, one_in: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The fixed split of a train part: ascending indices of (train, validation).

    Of every class with n images the last ``n // one_in`` in source order are validation. No random numbers:
    the rule is the same for every seed, machine and numpy version. The sources are in random order, so the
    last images of a class are as good a sample as any.
    """
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        held_out[members[len(members) - len(members) // one_in :]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def split_train_validation(dataset: Dataset) -> tuple[Split, Split]:
    """``dataset.train`` as (train, validation), copied into memory; CIFAR-10: 45,000 and 5,000 images.

    Accuracies of a search are measured on this validation part; ``dataset.test`` stays out of it.
    """
    train, validation = validation_indices(dataset.train.labels, dataset.validation_one_in)
    return dataset.train.take(train), dataset.train.take(validation)
