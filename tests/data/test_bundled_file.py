import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backprop_evo import data
from backprop_evo.data import bundled_file
from backprop_evo.data.description import channel_statistics
from backprop_evo.errors import DatasetUnusable

INFO = data.dataset_info("cifar10-mini")
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


def test_fits_the_repository() -> None:
    sizes = {
        Path(str(entry)).name: Path(str(entry)).stat().st_size for entry in bundled_file.folder().iterdir()
    }
    assert sizes.keys() == {"cifar10-mini.xz", "cifar10-mini.json"}
    assert sum(sizes.values()) < 10_000_000


def test_content(mini: data.Dataset) -> None:
    assert mini.train.images.shape == (5_000, 3, 32, 32)
    assert mini.test.images.shape == (500, 3, 32, 32)
    assert np.bincount(mini.train.labels).tolist() == [500] * 10
    assert mini.train.labels.dtype == np.int64
    assert data.verify("cifar10-mini") == INFO.sha256


def test_statistics_are_those_of_cifar10(mini: data.Dataset) -> None:
    mean, std = channel_statistics(mini.train.images)
    assert mean == pytest.approx(CIFAR10_MEAN, abs=0.01)
    assert std == pytest.approx(CIFAR10_STD, abs=0.01)


def test_manifest_records_indices_and_checksums() -> None:
    manifest = json.loads((bundled_file.folder() / "cifar10-mini.json").read_text())
    assert manifest["sha256"] == INFO.sha256
    assert manifest["file_sha256"] == hashlib.sha256(bundled_file.path_of(INFO).read_bytes()).hexdigest()
    for part, images, full in (("train", 5_000, 50_000), ("test", 500, 10_000)):
        indices = manifest[f"{part}_indices"]
        assert len(indices) == images
        assert all(first < second for first, second in itertools.pairwise(indices))
        assert indices[0] >= 0
        assert indices[-1] < full


def test_every_load_is_a_copy_of_its_own(mini: data.Dataset) -> None:
    changed = data.load("cifar10-mini")
    changed.train.images[:] = 0
    assert np.array_equal(data.load("cifar10-mini").train.images, mini.train.images)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "no manifest"])
def test_damaged_package_is_never_used(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(bundled_file.path_of(INFO).read_bytes())
    manifest = (bundled_file.folder() / "cifar10-mini.json").read_bytes()
    content[4_000_000] ^= damage == "flipped"
    if damage != "missing":
        (tmp_path / "cifar10-mini.xz").write_bytes(content[:-1] if damage == "truncated" else content)
    if damage != "no manifest":
        (tmp_path / "cifar10-mini.json").write_bytes(manifest)
    monkeypatch.setattr(bundled_file, "folder", lambda: tmp_path)
    bundled_file._unpacked.cache_clear()
    try:
        with pytest.raises(DatasetUnusable, match="bundled file of cifar10-mini") as caught:
            data.load("cifar10-mini")
    finally:
        bundled_file._unpacked.cache_clear()
    assert caught.value.hint is not None
    assert "install the package again" in caught.value.hint


def test_unpack_checks_content_by_itself() -> None:
    packed = bytearray(bundled_file.path_of(INFO).read_bytes())
    packed[7] = (packed[7] + 1) % 10  # a label
    with pytest.raises(DatasetUnusable, match=r"train\.labels has SHA-256"):
        bundled_file.unpack(INFO, bytes(packed))


def test_loads_with_numpy_alone() -> None:
    program = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'PIL', 'pydantic', 'rich', 'filelock'):\n"
        "    sys.modules[name] = None\n"
        "from backprop_evo import data\n"
        "train, validation = data.split_train_validation(data.load('cifar10-mini'))\n"
        "assert (len(train), len(validation)) == (4000, 1000)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
