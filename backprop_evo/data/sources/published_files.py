"""The files in which data sets are published, read from a folder or an archive into the four arrays.

Three forms: the pickled batches of CIFAR-10 and CIFAR-100, the idx files of MNIST and its kin, and PNG sheets
with one image per row. Nothing is unpickled or decoded before its checksum was found right.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.errors import DatasetUnusable

Bytes = npt.NDArray[np.uint8]
_DEPTHS = ("", "*/", "*/*/")
_IDX_MAGIC = {1: 0x801, 3: 0x803}


class Files(Protocol):
    """A place that has files by name. ``read`` raises ``DatasetUnusable`` for one that is not there."""

    def has(self, name: str) -> bool:
        """Whether a file of that name, without its folder, is there."""

    def read(self, name: str) -> bytes:
        """The whole content, unpacked. Raises ``DatasetUnusable`` where there is none or it is damaged."""


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """Files in a folder or at most two folders below it, plain or as ``name.gz``."""

    folder: Path

    def has(self, name: str) -> bool:
        """Looks two folders deep: archives unpack into one or two."""
        return self._find(name) is not None

    def read(self, name: str) -> bytes:
        """The first file of that name in the order of depth. Raises ``DatasetUnusable``."""
        path = self._find(name)
        if path is None:
            raise DatasetUnusable(f"{self.folder} has no file {name}")
        try:
            content = path.read_bytes()
            return gzip.decompress(content) if path.suffix == ".gz" and path.name != name else content
        except (OSError, EOFError, zlib.error) as error:
            raise DatasetUnusable(f"{path} cannot be read: {error}") from error

    def _find(self, name: str) -> Path | None:
        patterns = (depth + name + suffix for depth in _DEPTHS for suffix in ("", ".gz"))
        return next((path for pattern in patterns for path in sorted(self.folder.glob(pattern))), None)


@dataclass(frozen=True, slots=True)
class ArchiveFiles:
    """The files of a tar archive by their last name, held in memory."""

    path: Path
    contents: Mapping[str, bytes]

    @classmethod
    def open(cls, path: Path) -> ArchiveFiles:
        """Read the whole archive once. Raises ``DatasetUnusable`` when it is damaged."""
        contents = {}
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member)
                    if file is not None:
                        contents[Path(member.name).name] = file.read()
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise DatasetUnusable(f"{path} is no complete archive: {error}") from error
        return cls(path, contents)

    def has(self, name: str) -> bool:
        """By the last part of its name, wherever in the archive it lay."""
        return name in self.contents

    def read(self, name: str) -> bytes:
        """From memory: the archive was read once when it was opened. Raises ``DatasetUnusable``."""
        if name not in self.contents:
            raise DatasetUnusable(f"{self.path} has no file {name}")
        return self.contents[name]


def read_published(info: DatasetInfo, files: Files) -> dict[str, Bytes]:
    """The four arrays of ``info``. Raises ``DatasetUnusable`` for a missing file or a wrong checksum."""
    if any("-idx" in name for name in info.file_md5):
        return _read_idx_files(info, files)
    if files.has("data_batch_1.png"):
        return _read_png_sheets(files)
    return _read_pickles(info, files)


def _verified(info: DatasetInfo, files: Files, name: str) -> bytes:
    content = files.read(name)
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != info.file_md5[name]:
        raise DatasetUnusable(
            f"{name} has MD5 {found}, expected {info.file_md5[name]}: it is cut short or changed"
        )
    return content


def _read_pickles(info: DatasetInfo, files: Files) -> dict[str, Bytes]:
    batches = [name for name in info.file_md5 if not name.endswith(".tar.gz")]
    arrays = {}
    for part in ("train", "test"):
        images, labels = [], []
        for name in (name for name in batches if name.startswith("test") == (part == "test")):
            # Unpickling can run code: the checksum of the published file was right a moment ago.
            batch = pickle.loads(_verified(info, files, name), encoding="bytes")
            images.append(np.asarray(batch[b"data"], dtype=np.uint8).reshape(-1, *info.shape))
            labels.append(np.asarray(batch.get(b"labels", batch.get(b"fine_labels")), dtype=np.uint8))
        arrays[f"{part}.images"], arrays[f"{part}.labels"] = np.concatenate(images), np.concatenate(labels)
    return arrays


def _read_idx_files(info: DatasetInfo, files: Files) -> dict[str, Bytes]:
    arrays = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        images = _idx(_verified(info, files, f"{stem}-images-idx3-ubyte"), dimensions=3)
        arrays[f"{part}.images"] = images[:, np.newaxis]
        arrays[f"{part}.labels"] = _idx(_verified(info, files, f"{stem}-labels-idx1-ubyte"), dimensions=1)
    return arrays


def _idx(content: bytes, dimensions: int) -> Bytes:
    """The array of an idx file: big-endian magic number and sizes, then uint8 in C order."""
    magic, *shape = np.frombuffer(content, dtype=">u4", count=1 + dimensions).tolist()
    if magic != _IDX_MAGIC[dimensions]:
        raise DatasetUnusable(f"an idx file begins with {magic:#x}, expected {_IDX_MAGIC[dimensions]:#x}")
    return np.frombuffer(content, dtype=np.uint8, offset=4 * (1 + dimensions)).reshape(shape)


def _read_png_sheets(files: Files) -> dict[str, Bytes]:
    train = [_png_sheet(files, f"data_batch_{number}.png") for number in range(1, 6)]
    return {
        "train.images": np.concatenate(train),
        # The package spells it so.
        "train.labels": np.array(json.loads(files.read("train_lables.json")), dtype=np.uint8),
        "test.images": _png_sheet(files, "test_batch.png"),
        "test.labels": np.array(json.loads(files.read("test_lables.json")), dtype=np.uint8),
    }


def _png_sheet(files: Files, name: str) -> Bytes:
    """One 32 x 32 image per row of 1,024 pixels → (N, 3, 32, 32)."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(files.read(name))) as sheet:
            pixels = np.asarray(sheet.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise DatasetUnusable(f"{name} is no complete image: {error}") from error
    return np.ascontiguousarray(pixels.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2))
