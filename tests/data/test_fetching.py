import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from backprop_evo import data
from backprop_evo.data import fetching, local_file
from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.fetching import fetch_from
from backprop_evo.data.progress import Progress, Report
from backprop_evo.data.sources import Source, from_path
from backprop_evo.data.sources.published_files import Files, FolderFiles
from backprop_evo.errors import Conflict, DatasetUnusable

Arrays = dict[str, np.ndarray]


def unreachable(_info: DatasetInfo, _downloads: Path, _report: Report) -> Files:
    raise DatasetUnusable("no route to host")


UNREACHABLE = Source("host", unreachable, remedy="go online")


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".downloads")


def test_next_source_is_tried(
    tiny: DatasetInfo, tiny_arrays: Arrays, batches_folder: Path, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    path = fetch_from(tiny, tmp_path / "data", [UNREACHABLE, from_path(batches_folder)], report=seen.append)
    assert np.array_equal(local_file.read(tiny, path.parent).train.images, tiny_arrays["train.images"])
    assert local_file.origin(tiny, path.parent) == str(batches_folder)
    assert "host: no route to host" in [progress.step for progress in seen]
    assert seen[-1] == Progress("writing", tiny.size_bytes, tiny.size_bytes)
    assert visible(path.parent) == ["tiny.safetensors"]


def test_all_reasons_are_told(tiny: DatasetInfo, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable) as caught:
        fetch_from(tiny, tmp_path, [UNREACHABLE, from_path(tmp_path / "nowhere")])
    assert "host: no route to host" in caught.value.message
    assert "no folder or archive" in caught.value.message
    assert caught.value.hint is not None
    assert "go online" in caught.value.hint
    assert "--from PATH" in caught.value.hint
    assert visible(tmp_path) == []


def test_wrong_content_is_not_used_and_the_next_source_is(
    tiny: DatasetInfo,
    png_sheets: Mapping[str, bytes],
    batches_folder: Path,
    tmp_path: Path,
    lay_down: Callable[[Path, Mapping[str, bytes]], Path],
) -> None:
    swapped = dict(png_sheets) | {"data_batch_1.png": png_sheets["data_batch_2.png"]}
    folder = lay_down(tmp_path / "sheets", swapped)
    with pytest.raises(DatasetUnusable, match=r"train\.images has SHA-256"):
        fetch_from(tiny, tmp_path / "data", [from_path(folder)])
    assert visible(tmp_path / "data") == []
    fetch_from(tiny, tmp_path / "data", [from_path(folder), from_path(batches_folder)])
    assert visible(tmp_path / "data") == ["tiny.safetensors"]


def test_nothing_is_done_when_it_is_here(tiny: DatasetInfo, tiny_file: Path) -> None:
    before = tiny_file.stat()
    assert fetch_from(tiny, tiny_file.parent, [UNREACHABLE]) == tiny_file
    assert tiny_file.stat().st_mtime_ns == before.st_mtime_ns


def test_damaged_file_is_replaced(tiny: DatasetInfo, tiny_file: Path, batches_folder: Path) -> None:
    tiny_file.write_bytes(tiny_file.read_bytes()[:-5])
    fetch_from(tiny, tiny_file.parent, [from_path(batches_folder)])
    assert local_file.verify(tiny, tiny_file.parent) == tiny.sha256


def test_interrupted_fetch_goes_on_without_downloading_again(
    tiny: DatasetInfo, batches: Mapping[str, bytes], tmp_path: Path
) -> None:
    downloaded: list[str] = []

    def obtain(_info: DatasetInfo, downloads: Path, _report: Report) -> Files:
        for name, content in batches.items():
            if not (downloads / name).exists():
                (downloads / name).write_bytes(content)
                downloaded.append(name)
        return FolderFiles(downloads)

    def interrupt(progress: Progress) -> None:
        if progress.step == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_from(tiny, tmp_path, [Source("host", obtain)], report=interrupt)
    assert visible(tmp_path) == []
    fetch_from(tiny, tmp_path, [Source("host", obtain)])
    assert downloaded == list(batches)
    assert not (tmp_path / ".downloads" / "tiny").exists()


def test_rest_of_a_killed_process_is_removed(tiny: DatasetInfo, batches_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / ".tiny.safetensors.4711.tmp").write_bytes(b"half")
    fetch_from(tiny, folder, [from_path(batches_folder)])
    assert visible(folder) == ["tiny.safetensors"]


def test_too_little_room_is_told_before_anything_is_downloaded(
    tiny: DatasetInfo, batches_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    asked = []
    source = Source("host", lambda *_: asked.append(1) or FolderFiles(batches_folder))
    with pytest.raises(
        DatasetUnusable, match=r"the disk is full \(0 MB are needed, 0 MB are free\)"
    ) as caught:
        fetch_from(tiny, tmp_path, [source])
    assert asked == []
    assert caught.value.hint is not None
    assert "--data-dir" in caught.value.hint


@pytest.mark.parametrize("where", ["downloading", "writing"])
def test_disk_that_fills_up(
    tiny: DatasetInfo, batches_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: object) -> Files:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    source = Source("host", full) if where == "downloading" else from_path(batches_folder)
    if where == "writing":
        monkeypatch.setattr(local_file.os, "fsync", full)
    with pytest.raises(DatasetUnusable, match="the disk is full") as caught:
        fetch_from(tiny, tmp_path / "data", [source, UNREACHABLE])
    assert caught.value.exit_code == 2
    assert visible(tmp_path / "data") == []


def test_folder_that_cannot_be_used(tiny: DatasetInfo, batches_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(DatasetUnusable, match="the folder cannot be used"):
        fetch_from(tiny, tmp_path / "a file", [from_path(batches_folder)])


def test_only_one_process_fetches(tiny: DatasetInfo, batches_folder: Path, tmp_path: Path) -> None:
    program = (
        "import filelock, sys\n"
        "with filelock.FileLock(sys.argv[1]):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    (tmp_path / ".downloads").mkdir()
    lock = tmp_path / ".downloads" / "tiny.lock"
    command = [sys.executable, "-c", program, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Conflict, match="another process is fetching tiny"):
            fetch_from(tiny, tmp_path, [from_path(batches_folder)])
        other.communicate()
    fetch_from(tiny, tmp_path, [from_path(batches_folder)])


def test_bundled_data_set_needs_no_fetching() -> None:
    path = data.fetch("cifar10-mini")
    assert path == data.path_of("cifar10-mini")
    assert path.exists()


def test_fetch_from_a_folder_never_uses_the_network(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match="has no file data_batch_1") as caught:
        data.fetch("cifar10", tmp_path / "data", source=tmp_path)
    assert "official host" not in caught.value.message
    shutil.rmtree(tmp_path / "data")
