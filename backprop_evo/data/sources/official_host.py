"""The hosts and checksums that torchvision knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import Report
from backprop_evo.data.sources.http import download
from backprop_evo.data.sources.published_files import ArchiveFiles, Files, FolderFiles
from backprop_evo.errors import DatasetUnusable

_CLASS_NAMES = {
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "mnist": "MNIST",
    "fashion-mnist": "FashionMNIST",
}


def obtain(info: DatasetInfo, downloads: Path, report: Report) -> Files:
    """The published files of ``info``, downloaded to ``downloads``. Raises as ``download`` does.

    torchvision's own download has no progress to hook into and begins anew after an interruption, so
    only its addresses and checksums are used.
    """
    dataset = _torchvision_class(info)
    if hasattr(dataset, "tgz_md5"):
        archive = download(dataset.url, downloads / dataset.filename, dataset.tgz_md5, report)
        return ArchiveFiles.open(archive)
    for name, md5 in dataset.resources:
        _from_any_mirror(dataset.mirrors, name, downloads, md5, report)
    return FolderFiles(downloads)


def _torchvision_class(info: DatasetInfo) -> Any:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise DatasetUnusable(f"torchvision is not installed: {error}") from error
    return getattr(datasets, _CLASS_NAMES[info.name])


def _from_any_mirror(mirrors: list[str], name: str, downloads: Path, md5: str, report: Report) -> None:
    reasons = []
    for mirror in mirrors:
        try:
            download(mirror + name, downloads / name, md5, report)
        except DatasetUnusable as error:
            reasons.append(error.message)
        else:
            return
    raise DatasetUnusable("; ".join(reasons))
