"""Bring a data set to this machine: try its sources in order, verify, write the one local file.

Downloads stay in ``<data_dir>/.downloads/<name>`` until the local file is written, so a call after an
interruption goes on where the last one stopped. Whatever happens, the
local file is complete and right or not there.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backprop_evo.data import local_file
from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import Progress, Report, silent
from backprop_evo.data.sources import Source
from backprop_evo.data.sources.published_files import read_published
from backprop_evo.errors import Conflict, DatasetUnusable

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def fetch_from(
    info: DatasetInfo, data_dir: Path, sources: Sequence[Source], *, report: Report = silent
) -> Path:
    """The local file of ``info``, made from the first of ``sources`` that can give it unless it is there.

    Raises ``DatasetUnusable`` when no source can, naming the reason of each, or when the disk is full;
    ``Conflict`` when another process is bringing the same data set.
    """
    downloads = data_dir / ".downloads" / info.name
    # Before the lock: reading what is there must not wait for somebody else's download.
    if _is_right(info, data_dir):
        return local_file.path_of(info, data_dir)
    with _disk_errors(info, data_dir), _only_one(info, downloads):
        local_file.remove_unfinished(info, data_dir)
        _check_space(info, data_dir, downloading=not all(source.is_local for source in sources))
        path = _from_first(info, data_dir, downloads, sources, report)
        # Only after success: a part of a download is what the next call goes on from.
        shutil.rmtree(downloads, ignore_errors=True)
        return path


def _from_first(
    info: DatasetInfo, data_dir: Path, downloads: Path, sources: Sequence[Source], report: Report
) -> Path:
    reasons = []
    for source in sources:
        report(Progress(f"trying {source.name}"))
        try:
            files = source.obtain(info, downloads, report)
            report(Progress("verifying"))
            arrays = read_published(info, files)
            return local_file.write(
                info,
                arrays,
                data_dir,
                origin=source.name,
                on_written=lambda done, total: report(Progress("writing", done, total)),
            )
        except DatasetUnusable as error:
            reasons.append(f"{source.name}: {error.message}")
            report(Progress(reasons[-1]))
    remedies = [source.remedy for source in sources if source.remedy]
    from_path = f"give a folder or archive: `backprop-evo data fetch {info.name} --from PATH`"
    raise DatasetUnusable(
        f"{info.name} could not be fetched\n  " + "\n  ".join(reasons),
        hint=", or ".join(["try again", *remedies, from_path]),
    )


def _is_right(info: DatasetInfo, data_dir: Path) -> bool:
    try:
        local_file.verify(info, data_dir)
    except DatasetUnusable:
        return False
    return True


def _check_space(info: DatasetInfo, data_dir: Path, *, downloading: bool) -> None:
    # an archive is at most about as large as what it holds, and both are there for a moment
    needed, free = info.size_bytes * (1 + downloading), shutil.disk_usage(data_dir).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free")


@contextmanager
def _disk_errors(info: DatasetInfo, data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = "the disk is full" if error.errno in _DISK_FULL else "the folder cannot be used"
        raise DatasetUnusable(
            f"{info.name} could not be written to {data_dir}: {what} ({error.strerror or error})",
            hint="make room there, or choose another folder with --data-dir; the same command then goes on",
        ) from error


@contextmanager
def _only_one(info: DatasetInfo, downloads: Path) -> Iterator[None]:
    # Here, so that the data room imports with numpy alone.
    import filelock

    downloads.mkdir(parents=True, exist_ok=True)
    # Beside the downloads, not among them: they are deleted while it is held.
    lock = filelock.FileLock(downloads.parent / f"{info.name}.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise Conflict(
            f"another process is fetching {info.name} into {downloads.parent.parent}",
            hint="wait for it to end",
        ) from None
    try:
        yield
    finally:
        lock.release()
