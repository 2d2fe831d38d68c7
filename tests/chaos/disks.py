"""A small disk of one's own, to be filled: in memory, mounted for as long as it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BLOCK = bytes(64 * 1024)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    folder: Path

    def fill(self) -> None:
        """To the last byte."""
        with suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(BLOCK)
        with suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(b"0")

    def free(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)


def why_no_small_disk() -> str | None:
    """None where one can be had: on Linux, with the right to mount."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs the right to mount a small disk: run it as root, on Linux"
    with tempfile.TemporaryDirectory() as folder:
        tried = _mount(Path(folder), mib=1)
        if tried.returncode == 0:
            _unmount(Path(folder))
            return None
        return f"no small disk can be mounted: {tried.stderr.strip()}"


@contextmanager
def small_disk(folder: Path, *, mib: int) -> Iterator[SmallDisk]:
    """Gone afterwards, with all that is on it."""
    folder.mkdir(parents=True)
    mounted = _mount(folder, mib=mib)
    mounted.check_returncode()
    try:
        yield SmallDisk(folder)
    finally:
        _unmount(folder)


def _mount(folder: Path, *, mib: int) -> subprocess.CompletedProcess[str]:
    argv = ("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "backprop-evo-chaos", str(folder))
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def _unmount(folder: Path) -> None:
    subprocess.run(("umount", "-l", str(folder)), capture_output=True, check=False)
