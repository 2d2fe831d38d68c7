import contextlib
import errno
import os
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backprop_evo.data import local_file
from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.errors import DatasetUnusable

SHARED_FILE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_equals(info: DatasetInfo, folder: Path, arrays: dict[str, np.ndarray]) -> None:
    dataset = local_file.read(info, folder)
    assert np.array_equal(dataset.train.images, arrays["train.images"])
    assert np.array_equal(dataset.train.labels, arrays["train.labels"])
    assert np.array_equal(dataset.test.images, arrays["test.images"])
    assert np.array_equal(dataset.test.labels, arrays["test.labels"])


def test_round_trip(tiny: DatasetInfo, tiny_arrays: dict[str, np.ndarray], tiny_file: Path) -> None:
    assert_equals(tiny, tiny_file.parent, tiny_arrays)
    assert local_file.verify(tiny, tiny_file.parent) == tiny.sha256
    assert local_file.origin(tiny, tiny_file.parent) == "a test"
    assert [path.name for path in tiny_file.parent.iterdir()] == ["tiny.safetensors"]


def test_images_are_mapped_and_the_file_is_safe_from_writes(tiny: DatasetInfo, tiny_file: Path) -> None:
    before = tiny_file.read_bytes()
    images = local_file.read(tiny, tiny_file.parent).train.images
    assert isinstance(images, np.memmap)
    tensor = torch.from_numpy(images)  # would warn, hence fail, for a read-only array
    tensor.zero_()
    assert tiny_file.read_bytes() == before


def test_layout_is_that_of_safetensors(tiny: DatasetInfo, tiny_file: Path) -> None:
    import json

    content = tiny_file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    first, last = header["test.images"]["data_offsets"]
    assert header["test.images"]["dtype"] == "U8"
    assert header["test.images"]["shape"] == [10, 3, 32, 32]
    images = local_file.read(tiny, tiny_file.parent).test.images
    assert content[8 + length + first : 8 + length + last] == images.tobytes()
    assert (8 + length) % 64 == 0


def test_missing_file_names_the_command(tiny: DatasetInfo, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match="not on this machine yet") as caught:
        local_file.read(tiny, tmp_path)
    assert caught.value.hint == "run `backprop-evo data fetch tiny`"


@SHARED_FILE
@given(kept=st.floats(0, 1, exclude_max=True))
def test_short_file_is_never_used(tiny: DatasetInfo, tiny_file: Path, kept: float) -> None:
    whole = tiny_file.read_bytes()
    tiny_file.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DatasetUnusable) as caught:
        local_file.read(tiny, tiny_file.parent)
    tiny_file.write_bytes(whole)
    assert str(tiny_file) in caught.value.message
    assert "data fetch tiny" in (caught.value.hint or "")


def test_long_file_is_never_used(tiny: DatasetInfo, tiny_file: Path) -> None:
    tiny_file.write_bytes(tiny_file.read_bytes() + b"\0")
    with pytest.raises(DatasetUnusable, match="bytes, expected"):
        local_file.read(tiny, tiny_file.parent)


@SHARED_FILE
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_flipped_bit_never_gives_other_images(
    tiny: DatasetInfo, tiny_arrays: dict[str, np.ndarray], tiny_file: Path, place: float, bit: int
) -> None:
    whole = tiny_file.read_bytes()
    damaged = bytearray(whole)
    position = int(place * len(whole))
    damaged[position] ^= 1 << bit
    tiny_file.write_bytes(damaged)
    in_content = position >= len(whole) - tiny.size_bytes
    with pytest.raises(DatasetUnusable) if in_content else contextlib.suppress(DatasetUnusable):
        assert_equals(tiny, tiny_file.parent, tiny_arrays)
    tiny_file.write_bytes(whole)


@pytest.mark.parametrize("name", ["train.images", "train.labels", "test.images", "test.labels"])
def test_flipped_byte_names_the_array(tiny: DatasetInfo, tiny_file: Path, name: str) -> None:
    content = bytearray(tiny_file.read_bytes())
    ends = np.cumsum([int(np.prod(shape)) for shape in tiny.array_shapes().values()])
    last_byte = dict(zip(tiny.array_shapes(), ends, strict=True))[name] - 1
    content[len(content) - tiny.size_bytes + last_byte] ^= 1
    tiny_file.write_bytes(content)
    with pytest.raises(DatasetUnusable, match=rf"{name} has SHA-256"):
        local_file.read(tiny, tiny_file.parent)


def test_header_checksum_counts_where_the_catalogue_has_none(
    tiny: DatasetInfo, tiny_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    unpinned = replace(tiny, sha256={})
    path = local_file.write(unpinned, tiny_arrays, tmp_path, origin="a test")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetUnusable, match="does not match the checksum in its header"):
        local_file.read(unpinned, tmp_path)


def test_file_of_another_data_set_is_refused(tiny: DatasetInfo, tiny_file: Path) -> None:
    larger = replace(tiny, train_images=51)
    with pytest.raises(DatasetUnusable, match="does not contain tiny as the catalogue knows it"):
        local_file.read(larger, tiny_file.parent)


def test_unreadable_file_says_why(tiny: DatasetInfo, tmp_path: Path) -> None:
    (tmp_path / "tiny.safetensors").mkdir()
    with pytest.raises(DatasetUnusable, match="cannot be read: Is a directory"):
        local_file.read(tiny, tmp_path)


def test_wrong_content_is_not_written(
    tiny: DatasetInfo, tiny_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    changed = tiny_arrays["train.images"].copy()
    changed[0, 0, 0, 0] ^= 1
    for name, array, reason in (
        ("train.images", changed, "has SHA-256"),
        ("train.images", changed[:-1], "expected uint8"),
        ("train.labels", np.full(50, 10, np.uint8), "labels of 10 or more"),
    ):
        with pytest.raises(DatasetUnusable, match=reason):
            local_file.write(tiny, tiny_arrays | {name: array}, tmp_path, origin="a test")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_the_old_file(
    tiny: DatasetInfo, tiny_arrays: dict[str, np.ndarray], tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(local_file.os, "fsync", full)
    before = tiny_file.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        local_file.write(tiny, tiny_arrays, tiny_file.parent, origin="again")
    assert tiny_file.read_bytes() == before
    assert [path.name for path in tiny_file.parent.iterdir()] == ["tiny.safetensors"]


def test_refused_write_leaves_nothing(
    tiny: DatasetInfo, tiny_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            local_file.write(tiny, tiny_arrays, tmp_path, origin="a test")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_interrupted_write_leaves_nothing(
    tiny: DatasetInfo, tiny_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local_file.write(tiny, tiny_arrays, tmp_path, origin="a test", on_written=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_checksums_are_read_once_as_long_as_the_file_stays(
    tiny: DatasetInfo, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_file.read(tiny, tiny_file.parent)
    calls = []
    monkeypatch.setattr(local_file, "verify", lambda _info, folder: calls.append(folder))
    local_file.read(tiny, tiny_file.parent)
    assert calls == []
    os.utime(tiny_file, ns=(0, 0))
    local_file.read(tiny, tiny_file.parent)
    assert calls == [tiny_file.parent]
