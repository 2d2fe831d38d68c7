"""The one local file of a data set: raw arrays behind a header, mapped by the trainer.

The layout is that of safetensors (8 bytes little-endian header length, JSON header, raw data), so other
programs can read it, but reading and writing take numpy alone. ``__metadata__`` carries the name, the origin
and the SHA-256 of each array. A file appears under its name only when it is complete and on the disk: written
beside, synced, renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from backprop_evo.data.catalogue import ARRAYS, DatasetInfo
from backprop_evo.data.dataset import Dataset, Split
from backprop_evo.errors import DatasetUnusable

Arrays = Mapping[str, npt.NDArray[np.uint8]]
Written = Callable[[int, int], None]

_LENGTH = struct.Struct("<Q")
# Bytes: the images begin at a cache line.
_ALIGNMENT = 64
# A damaged length must not make us read gigabytes; real headers have under a kilobyte.
_MAX_HEADER = 1 << 20
_CHUNK = 8 << 20


def as_dataset(info: DatasetInfo, arrays: Arrays) -> Dataset:
    """The four arrays as a data set, labels widened to int64."""
    return Dataset(
        info.name,
        info.classes,
        info.validation_one_in,
        Split(arrays["train.images"], arrays["train.labels"].astype(np.int64)),
        Split(arrays["test.images"], arrays["test.labels"].astype(np.int64)),
    )


def path_of(info: DatasetInfo, data_dir: Path) -> Path:
    """Where the file of ``info`` lies in ``data_dir``."""
    return data_dir / f"{info.name}.safetensors"


def digest(array: npt.NDArray[np.uint8]) -> str:
    """SHA-256 of the array's bytes in C order, as the catalogue records it."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def check_content(info: DatasetInfo, arrays: Arrays, where: str, hint: str | None = None) -> dict[str, str]:
    """The digests of ``arrays``. Raises ``DatasetUnusable`` when shapes, labels or digests are wrong."""
    for name, shape in info.array_shapes().items():
        if arrays[name].shape != shape or arrays[name].dtype != np.uint8:
            found = f"{arrays[name].dtype} {arrays[name].shape}"
            raise DatasetUnusable(f"{where}: {name} is {found}, expected uint8 {shape}", hint=hint)
    for name in ("train.labels", "test.labels"):
        # Found here with its name, not as an index error in the middle of a training.
        if int(arrays[name].max()) >= info.classes:
            raise DatasetUnusable(f"{where}: {name} has labels of {info.classes} or more", hint=hint)
    digests = {name: digest(arrays[name]) for name in ARRAYS}
    for name, expected in info.sha256.items():
        if digests[name] != expected:
            raise DatasetUnusable(
                f"{where}: {name} has SHA-256 {digests[name]}, expected {expected}", hint=hint
            )
    return digests


def write(
    info: DatasetInfo,
    arrays: Arrays,
    data_dir: Path,
    *,
    origin: str,
    on_written: Written = lambda done, total: None,  # noqa: ARG005
) -> Path:
    """Write ``arrays`` as the local file of ``info`` and return its path.

    Checks the content first. Either the complete file is there afterwards or the folder is as it was. Raises
    ``DatasetUnusable`` for wrong content, ``OSError`` when the disk refuses (``on_written`` may raise, too).
    """
    digests = check_content(info, arrays, f"{info.name} from {origin}")
    path = path_of(info, data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that the rename is one step of the file system.
    unfinished = data_dir / f".{path.name}.{os.getpid()}.tmp"
    try:
        with unfinished.open("wb") as file:
            _write_to(file, info, arrays, digests, origin, on_written)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync_folder(data_dir)
    return path


def remove_unfinished(info: DatasetInfo, data_dir: Path) -> None:
    """Delete what a process that was killed while writing left behind."""
    for unfinished in data_dir.glob(f".{path_of(info, data_dir).name}.*.tmp"):
        unfinished.unlink(missing_ok=True)


def read(info: DatasetInfo, data_dir: Path) -> Dataset:
    """Map the local file of ``info``. Raises ``DatasetUnusable`` when it is missing, short or damaged.

    Size and header are checked at every call, checksums once per process as long as the file stays the same.
    """
    path = path_of(info, data_dir)
    # ``_map`` says what to do about a missing file.
    with contextlib.suppress(FileNotFoundError):
        state = path.stat()
        _verify_once(info, data_dir, state.st_ino, state.st_size, state.st_mtime_ns)
    return as_dataset(info, _map(info, path))


def verify(info: DatasetInfo, data_dir: Path) -> dict[str, str]:
    """Read the whole file and return its digests. Raises ``DatasetUnusable`` as ``read`` does."""
    path = path_of(info, data_dir)
    arrays = _map(info, path)
    recorded = _header(info, path)["__metadata__"]
    digests = check_content(info, arrays, str(path), _hint(info))
    for name, found in digests.items():
        if recorded.get(f"sha256.{name}") != found:
            raise DatasetUnusable(
                f"{path}: {name} does not match the checksum in its header", hint=_hint(info)
            )
    return digests


def origin(info: DatasetInfo, data_dir: Path) -> str:
    """Which source the local file was made from. Raises ``DatasetUnusable`` when there is no such file."""
    return str(_header(info, path_of(info, data_dir))["__metadata__"]["origin"])


def _hint(info: DatasetInfo) -> str:
    return f"run `backprop-evo data fetch {info.name}`; it replaces a damaged file"


@lru_cache(maxsize=32)
def _verify_once(info: DatasetInfo, data_dir: Path, inode: int, size: int, modified_ns: int) -> None:
    """``inode``, ``size`` and ``modified_ns`` are the identity under which the check is remembered."""
    del inode, size, modified_ns
    verify(info, data_dir)


def _map(info: DatasetInfo, path: Path) -> dict[str, npt.NDArray[np.uint8]]:
    header = _header(info, path)
    start = path.stat().st_size - info.size_bytes
    arrays: dict[str, npt.NDArray[np.uint8]] = {}
    for name, shape in info.array_shapes().items():
        offset = start + header[name]["data_offsets"][0]
        # Copy on write: torch wants writable memory, and no write may reach the file.
        arrays[name] = np.memmap(path, dtype=np.uint8, mode="c", offset=offset, shape=shape)
    return arrays


def _header(info: DatasetInfo, path: Path) -> dict[str, Any]:
    """The header, after its entries and the size of the file were found to be right."""
    try:
        with path.open("rb") as file:
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            header = json.loads(file.read(min(length, _MAX_HEADER)))
        entries = {name: header[name] for name in ("__metadata__", *ARRAYS)}
    except FileNotFoundError:
        raise DatasetUnusable(
            f"{info.name} is not on this machine yet: no file {path}",
            hint=f"run `backprop-evo data fetch {info.name}`",
        ) from None
    except OSError as error:
        raise DatasetUnusable(f"{path} cannot be read: {error.strerror}", hint=_hint(info)) from error
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise DatasetUnusable(f"{path} is cut short or is no data set file", hint=_hint(info)) from error
    if any(entries[name] != entry for name, entry in _entries(info).items()):
        raise DatasetUnusable(
            f"{path} does not contain {info.name} as the catalogue knows it", hint=_hint(info)
        )
    # A copy that broke off has a right header and too few bytes.
    expected, found = _LENGTH.size + length + info.size_bytes, path.stat().st_size
    if found != expected:
        raise DatasetUnusable(f"{path} has {found:,} bytes, expected {expected:,}", hint=_hint(info))
    return entries


def _entries(info: DatasetInfo) -> dict[str, Any]:
    """The header's entries of the four arrays: type, shape, and where the bytes lie behind the header."""
    entries, start = {}, 0
    for name, shape in info.array_shapes().items():
        end = start + int(np.prod(shape))
        entries[name] = {"dtype": "U8", "shape": list(shape), "data_offsets": [start, end]}
        start = end
    return entries


def _write_to(
    file: BinaryIO,
    info: DatasetInfo,
    arrays: Arrays,
    digests: Mapping[str, str],
    origin: str,
    on_written: Written,
) -> None:
    metadata = {"name": info.name, "origin": origin} | {
        f"sha256.{name}": sum_ for name, sum_ in digests.items()
    }
    header = json.dumps({"__metadata__": metadata} | _entries(info)).encode()
    header += b" " * (-(_LENGTH.size + len(header)) % _ALIGNMENT)
    file.write(_LENGTH.pack(len(header)) + header)
    done = 0
    for name in ARRAYS:
        content = np.ascontiguousarray(arrays[name]).data.cast("B")
        for start in range(0, len(content), _CHUNK):
            done += file.write(content[start : start + _CHUNK])
            on_written(done, info.size_bytes)
    file.flush()
    # Before the rename, or a crash of the machine could leave a whole name with half its bytes.
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
