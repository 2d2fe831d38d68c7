import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import silent
from backprop_evo.data.sources.folder import Folder
from backprop_evo.data.sources.published_files import ArchiveFiles, FolderFiles, read_published
from backprop_evo.errors import DatasetUnusable

LayDown = Callable[[Path, Mapping[str, bytes]], Path]
Arrays = dict[str, np.ndarray]


def assert_same(found: Arrays, expected: Arrays) -> None:
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name


def read_folder(info: DatasetInfo, path: Path) -> Arrays:
    return read_published(info, Folder(path).obtain(info, Path(), silent))


def test_pickled_batches(tiny: DatasetInfo, tiny_arrays: Arrays, batches_folder: Path) -> None:
    assert_same(read_folder(tiny, batches_folder), tiny_arrays)
    assert_same(read_folder(tiny, batches_folder.parent), tiny_arrays)


def test_fine_labels(tiny: DatasetInfo, tiny_arrays: Arrays, tmp_path: Path, lay_down: LayDown) -> None:
    import hashlib

    contents = {
        part: pickle.dumps(
            {
                b"data": tiny_arrays[f"{part}.images"].reshape(-1, 3072),
                b"coarse_labels": [0] * len(tiny_arrays[f"{part}.labels"]),
                b"fine_labels": tiny_arrays[f"{part}.labels"].tolist(),
            },
            protocol=2,
        )
        for part in ("train", "test")
    }
    sums = {
        part: hashlib.md5(content, usedforsecurity=False).hexdigest() for part, content in contents.items()
    }
    info = replace(tiny, file_md5=sums)
    assert_same(read_folder(info, lay_down(tmp_path / "cifar-100-python", contents)), tiny_arrays)


def test_png_sheets(
    tiny: DatasetInfo, tiny_arrays: Arrays, png_sheets: Mapping[str, bytes], tmp_path: Path, lay_down: LayDown
) -> None:
    assert_same(read_folder(tiny, lay_down(tmp_path / "package", png_sheets)), tiny_arrays)


def test_broken_png_sheet(
    tiny: DatasetInfo, png_sheets: Mapping[str, bytes], tmp_path: Path, lay_down: LayDown
) -> None:
    short = png_sheets["data_batch_3.png"][:-2_000]
    folder = lay_down(tmp_path / "package", dict(png_sheets) | {"data_batch_3.png": short})
    with pytest.raises(DatasetUnusable, match=r"data_batch_3\.png is no complete image"):
        read_folder(tiny, folder)


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files(
    grey: tuple[DatasetInfo, Arrays, Mapping[str, bytes]],
    gzipped: Callable[[Mapping[str, bytes]], dict[str, bytes]],
    tmp_path: Path,
    lay_down: LayDown,
    compressed: bool,
) -> None:
    info, arrays, files = grey
    folder = lay_down(tmp_path / "MNIST" / "raw", gzipped(files) if compressed else files)
    assert_same(read_folder(info, folder), arrays)
    assert_same(read_folder(info, tmp_path), arrays)


def test_idx_file_with_another_magic_number(
    grey: tuple[DatasetInfo, Arrays, Mapping[str, bytes]], tmp_path: Path, lay_down: LayDown
) -> None:
    info, _, files = grey
    name, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    swapped = dict(files) | {name: files[labels] + bytes(8)}
    import hashlib

    sums = dict(info.file_md5) | {name: hashlib.md5(swapped[name], usedforsecurity=False).hexdigest()}
    with pytest.raises(DatasetUnusable, match="begins with 0x801, expected 0x803"):
        read_folder(replace(info, file_md5=sums), lay_down(tmp_path / "raw", swapped))


@pytest.mark.parametrize("kind", ["archive", "archive in a folder"])
def test_archive(
    tiny: DatasetInfo,
    tiny_arrays: Arrays,
    batches: Mapping[str, bytes],
    tmp_path: Path,
    make_archive: LayDown,
    kind: str,
) -> None:
    info = replace(tiny, file_md5=dict(tiny.file_md5) | {"all.tar.gz": "only its parts are looked at here"})
    path = make_archive(tmp_path / "all.tar.gz", batches)
    assert_same(read_folder(info, path if kind == "archive" else tmp_path), tiny_arrays)


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_short_archive(
    batches: Mapping[str, bytes], tmp_path: Path, make_archive: LayDown, kept: float
) -> None:
    path = make_archive(tmp_path / "all.tar.gz", batches)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(DatasetUnusable, match="no complete archive"):
        ArchiveFiles.open(path)


@pytest.mark.parametrize("damage", ["missing", "short", "flipped"])
def test_damaged_batch_is_named(tiny: DatasetInfo, batches_folder: Path, damage: str) -> None:
    path = batches_folder / "data_batch_4"
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "short":
        path.write_bytes(content[:-1])
    if damage == "flipped":
        content[1_000] ^= 4
        path.write_bytes(content)
    expected = "has no file data_batch_4" if damage == "missing" else "data_batch_4 has MD5"
    with pytest.raises(DatasetUnusable, match=expected):
        read_folder(tiny, batches_folder)


def test_pickle_with_a_wrong_checksum_is_never_unpickled(
    tiny: DatasetInfo, batches_folder: Path, tmp_path: Path
) -> None:
    class Touch:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "was run",)

    (batches_folder / "data_batch_1").write_bytes(pickle.dumps(Touch()))
    with pytest.raises(DatasetUnusable, match="data_batch_1 has MD5"):
        read_folder(tiny, batches_folder)
    assert not (tmp_path / "was run").exists()


def test_damaged_gzip_file(
    grey: tuple[DatasetInfo, Arrays, Mapping[str, bytes]],
    gzipped: Callable[[Mapping[str, bytes]], dict[str, bytes]],
    tmp_path: Path,
    lay_down: LayDown,
) -> None:
    info, _, files = grey
    short = {name: content[:-20] for name, content in gzipped(files).items()}
    with pytest.raises(DatasetUnusable, match=r"train-images-idx3-ubyte\.gz cannot be read"):
        read_folder(info, lay_down(tmp_path / "raw", short))


def test_nothing_there(tiny: DatasetInfo, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match="no folder or archive"):
        read_folder(tiny, tmp_path / "nowhere")
    with pytest.raises(DatasetUnusable, match="has no file data_batch_1"):
        read_folder(tiny, tmp_path)
    assert not FolderFiles(tmp_path).has("data_batch_1")
