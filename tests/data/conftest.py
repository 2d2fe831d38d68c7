"""A small data set cut from the real bundled images, and the forms in which sources publish data sets."""

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from backprop_evo import data
from backprop_evo.data import local_file
from backprop_evo.data.catalogue import DatasetInfo

Arrays = dict[str, npt.NDArray[np.uint8]]


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="session")
def mini() -> data.Dataset:
    return data.load("cifar10-mini")


@pytest.fixture(scope="session")
def tiny_arrays(mini: data.Dataset) -> Arrays:
    """50 train and 10 test images in colour."""
    return {
        "train.images": mini.train.images[:50],
        "train.labels": mini.train.labels[:50].astype(np.uint8),
        "test.images": mini.test.images[:10],
        "test.labels": mini.test.labels[:10].astype(np.uint8),
    }


@pytest.fixture(scope="session")
def batches(tiny_arrays: Arrays) -> Mapping[str, bytes]:
    """The tiny data set as the pickled batches of CIFAR-10."""
    batches = {}
    for number in range(5):
        part = slice(10 * number, 10 * number + 10)
        batches[f"data_batch_{number + 1}"] = pickled(
            tiny_arrays["train.images"][part], tiny_arrays["train.labels"][part], b"labels"
        )
    batches["test_batch"] = pickled(tiny_arrays["test.images"], tiny_arrays["test.labels"], b"labels")
    return batches


def pickled(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], key: bytes) -> bytes:
    return pickle.dumps({b"data": images.reshape(len(images), -1), key: labels.tolist()}, protocol=2)


@pytest.fixture(scope="session")
def tiny(tiny_arrays: Arrays, batches: Mapping[str, bytes]) -> DatasetInfo:
    return DatasetInfo(
        name="tiny",
        title="a few images",
        shape=(3, 32, 32),
        class_names=data.dataset_info("cifar10").class_names,
        train_images=50,
        test_images=10,
        validation_images=5,
        sha256={name: local_file.digest(array) for name, array in tiny_arrays.items()},
        file_md5={name: md5(content) for name, content in batches.items()},
    )


@pytest.fixture
def batches_folder(tmp_path: Path, batches: Mapping[str, bytes]) -> Path:
    return laid_down(tmp_path / "published" / "cifar-10-batches-py", batches)


def laid_down(folder: Path, contents: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def lay_down() -> Callable[[Path, Mapping[str, bytes]], Path]:
    return laid_down


def tar_gz(path: Path, contents: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"inside/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def make_archive() -> Callable[[Path, Mapping[str, bytes]], Path]:
    return tar_gz


@pytest.fixture(scope="session")
def png_sheets(tiny_arrays: Arrays) -> Mapping[str, bytes]:
    """The tiny data set as PNG sheets with one image per row, and labels in JSON."""
    sheets = {f"data_batch_{n + 1}.png": tiny_arrays["train.images"][10 * n : 10 * n + 10] for n in range(5)}
    sheets["test_batch.png"] = tiny_arrays["test.images"]
    contents = {name: png(images) for name, images in sheets.items()}
    contents["train_lables.json"] = json.dumps(tiny_arrays["train.labels"].tolist()).encode()
    contents["test_lables.json"] = json.dumps(tiny_arrays["test.labels"].tolist()).encode()
    return contents


def png(images: npt.NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(images.transpose(0, 2, 3, 1).reshape(len(images), -1, 3)).save(target, format="PNG")
    return target.getvalue()


@pytest.fixture(scope="session")
def grey(tiny: DatasetInfo, tiny_arrays: Arrays) -> tuple[DatasetInfo, Arrays, Mapping[str, bytes]]:
    """A data set of one channel, its arrays, and its idx files as MNIST publishes them."""
    arrays = {
        name: array[:, 1:2, 2:30, 2:30].copy() if name.endswith("images") else array
        for name, array in tiny_arrays.items()
    }
    files = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        images, labels = arrays[f"{part}.images"], arrays[f"{part}.labels"]
        header = struct.pack(">4I", 0x803, len(images), 28, 28)
        files[f"{stem}-images-idx3-ubyte"] = header + images.tobytes()
        files[f"{stem}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, len(labels)) + labels.tobytes()
    info = replace(
        tiny,
        name="grey",
        shape=(1, 28, 28),
        sha256={name: local_file.digest(array) for name, array in arrays.items()},
        file_md5={name: md5(content) for name, content in files.items()},
    )
    return info, arrays, files


@pytest.fixture(scope="session")
def gzipped() -> Callable[[Mapping[str, bytes]], dict[str, bytes]]:
    return lambda files: {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


@pytest.fixture
def tiny_file(tmp_path: Path, tiny: DatasetInfo, tiny_arrays: Arrays) -> Path:
    """The local file of the tiny data set, in ``tmp_path / "data"``."""
    return local_file.write(tiny, tiny_arrays, tmp_path / "data", origin="a test")
