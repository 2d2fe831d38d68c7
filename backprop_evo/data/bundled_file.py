"""The data set that comes with the package: real CIFAR-10 images, no download.

``bundled/cifar10-mini.xz`` holds one byte of label per image and the images as ``pixel_codec`` packs them;
``bundled/cifar10-mini.json`` the indices of the images in CIFAR-10 and the checksum of the file. Both are
made by ``python -m backprop_evo.data.build_bundled``.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from backprop_evo.data import pixel_codec
from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.dataset import Dataset
from backprop_evo.data.local_file import Arrays, as_dataset, check_content
from backprop_evo.errors import DatasetUnusable

_REINSTALL = "install the package again: `pip install --force-reinstall backprop-evo`"


def folder() -> Traversable:
    """Where the package keeps its bundled files."""
    return resources.files("backprop_evo.data") / "bundled"


def path_of(info: DatasetInfo) -> Path:
    """The file of the bundled data set in the installed package."""
    return Path(str(folder() / f"{info.name}.xz"))


def pack(arrays: Arrays) -> bytes:
    """The bytes of the bundled file: labels of train and test, then the images of both."""
    labels = np.concatenate([arrays["train.labels"], arrays["test.labels"]])
    images = np.concatenate([arrays["train.images"], arrays["test.images"]])
    return labels.tobytes() + pixel_codec.encode(images)


def unpack(info: DatasetInfo, packed: bytes) -> dict[str, npt.NDArray[np.uint8]]:
    """The arrays of ``pack``, read-only. Raises ``DatasetUnusable`` when one is not the catalogue's."""
    n = info.train_images + info.test_images
    where = f"the bundled file of {info.name}"
    try:
        labels = np.frombuffer(packed, dtype=np.uint8, count=n)
        images = pixel_codec.decode(packed[n:], (n, *info.shape))
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise DatasetUnusable(f"{where} is damaged", hint=_REINSTALL) from error
    # The cache hands the same arrays to everybody.
    images.flags.writeable = False
    cut = info.train_images
    arrays = {
        "train.images": images[:cut],
        "train.labels": labels[:cut],
        "test.images": images[cut:],
        "test.labels": labels[cut:],
    }
    check_content(info, arrays, where, _REINSTALL)
    return arrays


def verify(info: DatasetInfo) -> dict[str, str]:
    """Read the file again, and return the digests of its arrays. Raises ``DatasetUnusable``."""
    _read(info)
    return check_content(info, _unpacked(info), f"the bundled file of {info.name}", _REINSTALL)


def load(info: DatasetInfo) -> Dataset:
    """A copy of the bundled data set, unpacked once per process (1 s). Raises ``DatasetUnusable``."""
    arrays = {name: array.copy() for name, array in _unpacked(info).items()}
    return as_dataset(info, arrays)


# One data set is bundled.
@lru_cache(maxsize=1)
def _unpacked(info: DatasetInfo) -> dict[str, npt.NDArray[np.uint8]]:
    return unpack(info, _read(info))


def _read(info: DatasetInfo) -> bytes:
    try:
        packed = (folder() / f"{info.name}.xz").read_bytes()
        expected = json.loads((folder() / f"{info.name}.json").read_text())["file_sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise DatasetUnusable(
            f"the bundled file of {info.name} cannot be read: {error}", hint=_REINSTALL
        ) from error
    if hashlib.sha256(packed).hexdigest() != expected:
        raise DatasetUnusable(f"the bundled file of {info.name} is damaged", hint=_REINSTALL)
    return packed
