"""Data sets: a catalogue by name, one local file each, one fixed split. Imports with numpy alone.

dataset = load("cifar10-mini")
train, validation = split_train_validation(dataset)
"""

from __future__ import annotations

from pathlib import Path

from backprop_evo.data import bundled_file, local_file
from backprop_evo.data.catalogue import DatasetInfo, dataset_info, names
from backprop_evo.data.dataset import Dataset, Split, split_train_validation, validation_indices
from backprop_evo.data.description import Description
from backprop_evo.data.description import describe as _describe
from backprop_evo.data.fetching import fetch_from
from backprop_evo.data.location import default_data_dir
from backprop_evo.data.parts import ValidationParts, validation_parts
from backprop_evo.data.progress import Progress, Report, silent
from backprop_evo.data.sources import SOURCES, from_path

__all__ = [
    "Dataset",
    "DatasetInfo",
    "Description",
    "Progress",
    "Report",
    "Split",
    "ValidationParts",
    "dataset_info",
    "default_data_dir",
    "describe",
    "fetch",
    "load",
    "names",
    "path_of",
    "split_train_validation",
    "validation_indices",
    "validation_parts",
    "verify",
]


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """The data set ``name``: the bundled one, or the local file in ``data_dir`` or ``default_data_dir()``.

    Raises ``UnknownDataset``, or ``DatasetUnusable`` when the file is missing, short or damaged; the
    hint names the command that fetches it.
    """
    info = dataset_info(name)
    return bundled_file.load(info) if info.bundled else local_file.read(info, data_dir or default_data_dir())


def fetch(
    name: str, data_dir: Path | None = None, *, source: Path | None = None, on_progress: Report = silent
) -> Path:
    """Bring the data set to ``data_dir`` or ``default_data_dir()`` unless it is there, and return its file.

    ``source`` is a folder or archive to take it from instead of the network. Nothing is to be fetched
    for the bundled data set. Raises ``UnknownDataset``, ``DatasetUnusable`` or ``Conflict``, as
    ``fetch_from`` does.
    """
    info = dataset_info(name)
    if info.bundled:
        bundled_file.verify(info)
        return bundled_file.path_of(info)
    sources = (from_path(source),) if source is not None else SOURCES[name]
    return fetch_from(info, data_dir or default_data_dir(), sources, report=on_progress)


def verify(name: str, data_dir: Path | None = None) -> dict[str, str]:
    """Read all of the data set and return the SHA-256 of its four arrays. Raises as ``load`` does."""
    info = dataset_info(name)
    return (
        bundled_file.verify(info) if info.bundled else local_file.verify(info, data_dir or default_data_dir())
    )


def path_of(name: str, data_dir: Path | None = None) -> Path:
    """The file of the data set, whether it exists or not. Raises ``UnknownDataset``."""
    info = dataset_info(name)
    return (
        bundled_file.path_of(info)
        if info.bundled
        else local_file.path_of(info, data_dir or default_data_dir())
    )


def describe(name: str, data_dir: Path | None = None) -> Description:
    """What the data set contains: class counts, channel statistics, checksums. Raises as ``load`` does."""
    return _describe(dataset_info(name), load(name, data_dir), data_dir or default_data_dir())
