"""Bring the browser libraries that pages are served with into the repository: ``python -m api.vendoring``.

They are never fetched at run time. What is served is what was published, bit for bit: the archive of every
package has to have the checksum told here, and so has every file of it that lies in ``api/static/vendor``.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).parent / "static" / "vendor"
#: Longer than any of these archives takes over a slow line.
NPM_LIMIT_S = 600


class VendoringFailed(Exception):
    """A package did not come, or is not what it was when it was chosen."""


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package in one version: SHA-256 of its archive, and of each file that is kept, by its path in
    the archive. Among the files are the licence and the notice, which have to go with it."""

    name: str
    version: str
    licence: str
    sha256: str
    files: Mapping[str, str]

    @property
    def folder(self) -> str:
        """With the version, so that a browser may keep a file for ever."""
        return f"{self.name}-{self.version}"


PACKAGES = (
    Package(
        name="echarts",
        version="6.1.0",
        licence="Apache-2.0",
        sha256="681aff88cc1038c3fa941a3a53d1b177a52250b05335efc607d6105ae13be481",
        files={
            "dist/echarts.esm.min.mjs": "28515f26aa57f87eb1e4ed4eb446927eaf329b5f5e02b4bfd4b0264fea40d1da",
            "LICENSE": "634293835b43a6dd2094fa39182a3d9a6b9ca43b7fdb9ac354e8037af2a3093a",
            "NOTICE": "d491d358344f842685c1b1585970999db65fe30ecf7ef3867af8814f4016c016",
            "licenses/LICENSE-d3": "e1211892da0b0e0585b7aebe8f98c1274fba15bafe47fa1f4ee8a7a502c06304",
        },
    ),
)


def vendor(package: Package, archive: Path, target: Path) -> list[Path]:
    """Write the files of ``package`` from its archive to a folder of its own below ``target``; nothing is
    written unless all are right. Raises ``VendoringFailed``."""
    check(f"the archive of {package.folder}", archive.read_bytes(), package.sha256)
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as unpacked:
        for path, sha256 in package.files.items():
            member = unpacked.extractfile(f"package/{path}")
            content = b"" if member is None else member.read()
            check(f"{path} of {package.folder}", content, sha256)
            found[Path(path).name] = content
    folder = target / package.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in found.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in found]


def check(what: str, content: bytes, sha256: str) -> None:
    """Raises ``VendoringFailed`` for another content than the one that was chosen."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise VendoringFailed(f"{what} has SHA-256 {found}, not {sha256}: nothing was written")


def _pack(package: Package, folder: Path) -> Path:
    """The archive, brought by the ``npm`` client, whose proxies and mirrors count."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendoringFailed("npm is not installed or not on PATH")
    command = [npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--loglevel=error"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=NPM_LIMIT_S)
    archive = folder / f"{package.folder}.tgz"
    if ended.returncode or not archive.exists():
        raise VendoringFailed(f"npm pack {package.folder} failed: {ended.stderr.strip() or 'no message'}")
    return archive


def main(arguments: Sequence[str] | None = None) -> int:
    """Every package of the table, or those named; 1 where one did not come or is another."""
    parser = argparse.ArgumentParser(prog="python -m api.vendoring", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these packages", metavar="NAME")
    asked = parser.parse_args(arguments).names
    try:
        for package in (each for each in PACKAGES if not asked or each.name in asked):
            with tempfile.TemporaryDirectory() as folder:
                for path in vendor(package, _pack(package, Path(folder)), VENDOR):
                    sys.stdout.write(f"{path.relative_to(VENDOR.parents[2])}\n")
    except VendoringFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
