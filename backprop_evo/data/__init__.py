"""Data sets: a catalogue by name, one local file each, one fixed split. Imports with numpy alone.

dataset = load("cifar10-mini")
train, validation = split_train_validation(dataset)
"""

from __future__ import annotations

from pathlib import Path

from backprop_evo.data import bundled_file, local_file
from backprop_evo.data.catalogue import DatasetInfo, dataset_info, names
from backprop_evo.data.dataset import Dataset, Split, split_train_validation, validation_indices
from backprop_evo.data.location import default_data_dir

__all__ = [
    "Dataset",
    "DatasetInfo",
    "Split",
    "dataset_info",
    "default_data_dir",
    "load",
    "names",
    "split_train_validation",
    "validation_indices",
    "verify",
]


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """The data set ``name``: the bundled one, or the local file in ``data_dir`` or ``default_data_dir()``.

    Raises ``UnknownDataset``, or ``DatasetUnusable`` when the file is missing, short or damaged; the
    hint names the command that fetches it.
    """
    info = dataset_info(name)
    return bundled_file.load(info) if info.bundled else local_file.read(info, data_dir or default_data_dir())


def verify(name: str, data_dir: Path | None = None) -> dict[str, str]:
    """Read all of the data set and return the SHA-256 of its four arrays. Raises as ``load`` does."""
    info = dataset_info(name)
    return (
        bundled_file.verify(info) if info.bundled else local_file.verify(info, data_dir or default_data_dir())
    )
