"""The browser libraries are those that were chosen, with their licences; nothing else takes their place."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from api.vendoring import PACKAGES, VENDOR, Package, VendoringFailed, vendor


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archive_of(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "small-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def small(archive: Path, files: dict[str, bytes]) -> Package:
    return Package(
        "small", "1.0.0", "MIT", sha256(archive.read_bytes()), {name: sha256(files[name]) for name in files}
    )


def test_what_is_served_is_what_was_chosen() -> None:
    for package in PACKAGES:
        kept = {path.name: path for path in (VENDOR / package.folder).iterdir()}
        chosen = {Path(path).name: digest for path, digest in package.files.items()}
        assert {name: sha256(path.read_bytes()) for name, path in kept.items()} == chosen
    assert {path.name for path in VENDOR.iterdir()} == {package.folder for package in PACKAGES}


def test_every_library_comes_with_its_licence() -> None:
    for package in PACKAGES:
        assert (VENDOR / package.folder / "LICENSE").read_text().strip()
        assert package.name in (Path(__file__).parents[2] / "LICENSE").read_text()


def test_files_are_taken_out_of_the_archive(tmp_path: Path) -> None:
    files = {"LICENSE": b"all yours", "dist/small.mjs": b"export {}"}
    archive = archive_of(tmp_path, files)
    package = small(archive, files)
    (tmp_path / "vendor" / package.folder).mkdir(parents=True)
    (tmp_path / "vendor" / package.folder / "left.js").write_text("of an earlier time")
    written = vendor(package, archive, tmp_path / "vendor")
    assert {path.name: path.read_bytes() for path in written} == {
        "LICENSE": b"all yours",
        "small.mjs": b"export {}",
    }
    assert {path.name for path in (tmp_path / "vendor" / package.folder).iterdir()} == {
        "LICENSE",
        "small.mjs",
    }


def test_another_archive_or_file_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    files = {"LICENSE": b"all yours", "dist/small.mjs": b"export {}"}
    archive = archive_of(tmp_path, files)
    package = small(archive, files)
    other = Package("small", "1.0.0", "MIT", package.sha256, {**package.files, "LICENSE": sha256(b"mine")})
    with pytest.raises(VendoringFailed, match=r"LICENSE of small-1\.0\.0"):
        vendor(other, archive, tmp_path / "vendor")
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(VendoringFailed, match=r"the archive of small-1\.0\.0"):
        vendor(package, archive, tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()
