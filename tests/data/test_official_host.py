from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from backprop_evo import data
from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import silent
from backprop_evo.data.sources import official_host
from backprop_evo.errors import DatasetUnusable


@pytest.mark.parametrize("name", [name for name in data.names() if name != "cifar10-mini"])
def test_torchvision_knows_addresses_and_agrees_on_checksums(name: str) -> None:
    info = data.dataset_info(name)
    known = official_host._torchvision_class(info)
    if hasattr(known, "tgz_md5"):
        published = {known.filename: known.tgz_md5, **dict(known.train_list), **dict(known.test_list)}
        assert info.file_md5 == published
        assert known.url.startswith("https://")
    else:
        assert {f"{file}.gz" for file in info.file_md5} == {file for file, _ in known.resources}
        assert known.mirrors


def test_next_mirror_is_tried(
    grey: tuple[DatasetInfo, object, Mapping[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    info, _, files = grey
    asked = []

    def download(url: str, target: Path, _md5: str, _report: object) -> Path:
        asked.append(url)
        if url.startswith("https://first/"):
            raise DatasetUnusable("no route to host")
        target.write_bytes(files[target.name])
        return target

    known = SimpleNamespace(
        mirrors=["https://first/", "https://second/"], resources=[(name, "a sum") for name in files]
    )
    monkeypatch.setattr(official_host, "download", download)
    monkeypatch.setattr(official_host, "_torchvision_class", lambda _: known)
    found = official_host.obtain(info, tmp_path, silent)
    assert all(found.has(name) for name in files)
    assert len(asked) == 2 * len(files)

    known.mirrors = ["https://first/"]
    with pytest.raises(DatasetUnusable, match="no route to host"):
        official_host.obtain(info, tmp_path, silent)


def test_without_torchvision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(DatasetUnusable, match="torchvision is not installed"):
        official_host.obtain(data.dataset_info("cifar10"), tmp_path, silent)
