"""Make the bundled subset from the full CIFAR-10, bit for bit: ``python -m backprop_evo.data.build_bundled``.

Rule: of every class the first 500 images of the train part and the first 50 of the test part, in the
order of CIFAR-10. CIFAR-10 is in random order, so this is a sample; and the validation part of the full
data set, made of the last images of each class, shares none with it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from backprop_evo.data import bundled_file, local_file
from backprop_evo.data.catalogue import DatasetInfo, dataset_info
from backprop_evo.data.dataset import Labels, Split
from backprop_evo.data.location import default_data_dir


def first_of_each_class(labels: Labels, images: int, classes: int) -> npt.NDArray[np.int64]:
    """Ascending indices of the first ``images / classes`` of every class."""
    each = images // classes
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:each] for label in range(classes)]))


def build(info: DatasetInfo, source: DatasetInfo, data_dir: Path) -> tuple[bytes, str]:
    """The two bundled files of ``info``, packed images and JSON text, from ``source`` in ``data_dir``.

    Raises ``DatasetUnusable`` when the source is not there or the result is not what the catalogue records.
    """
    full = local_file.read(source, data_dir)
    train = first_of_each_class(full.train.labels, info.train_images, info.classes)
    test = first_of_each_class(full.test.labels, info.test_images, info.classes)
    arrays = _selected(full.train, train, "train") | _selected(full.test, test, "test")
    digests = local_file.check_content(info, arrays, f"the subset {info.name} of {source.name}")
    packed = bundled_file.pack(arrays)
    manifest = {
        "name": info.name,
        "source": source.name,
        "file_sha256": hashlib.sha256(packed).hexdigest(),
        "sha256": digests,
        "train_indices": train.tolist(),
        "test_indices": test.tolist(),
    }
    return packed, json.dumps(manifest) + "\n"


def main() -> None:
    """Write the bundled files, or with ``--check`` compare them with those that are there."""
    parser = argparse.ArgumentParser(prog="python -m backprop_evo.data.build_bundled", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=None, help="where the full cifar10 lies")
    parser.add_argument(
        "--out", type=Path, default=Path(str(bundled_file.folder())), help="folder to write to"
    )
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when a byte differs")
    options = parser.parse_args()
    info = dataset_info("cifar10-mini")
    packed, manifest = build(info, dataset_info("cifar10"), options.data_dir or default_data_dir())
    made = {f"{info.name}.xz": packed, f"{info.name}.json": manifest.encode()}
    if options.check:
        differing = [name for name, content in made.items() if (options.out / name).read_bytes() != content]
        sys.exit(f"differs: {', '.join(differing)}" if differing else 0)
    for name, content in made.items():
        (options.out / name).write_bytes(content)
        sys.stdout.write(f"{options.out / name}: {len(content):,} bytes\n")


def _selected(split: Split, indices: npt.NDArray[np.int64], part: str) -> dict[str, npt.NDArray[np.uint8]]:
    chosen = split.take(indices)
    return {f"{part}.images": chosen.images, f"{part}.labels": chosen.labels.astype(np.uint8)}


if __name__ == "__main__":
    main()
