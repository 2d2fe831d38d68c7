from pathlib import Path

import pytest

from backprop_evo import data
from backprop_evo.data.catalogue import ARRAYS
from backprop_evo.data.sources import SOURCES
from backprop_evo.errors import UnknownDataset


def test_names() -> None:
    assert data.names() == ("cifar10-mini", "cifar10", "cifar100", "mnist", "fashion-mnist")


@pytest.mark.parametrize("name", data.names())
def test_every_row_is_complete(name: str) -> None:
    info = data.dataset_info(name)
    assert len(set(info.class_names)) == info.classes
    assert info.sha256.keys() in ({*ARRAYS}, set())
    assert info.sha256 or info.file_md5, "nothing would be verified"
    assert info.bundled or SOURCES[name]


@pytest.mark.parametrize(
    ("asked", "meant"), [("cifar-10", "cifar10"), ("CIFAR10", "cifar10"), ("fashion", "fashion-mnist")]
)
def test_unknown_name_suggests_the_nearest(asked: str, meant: str) -> None:
    with pytest.raises(UnknownDataset, match="no data set named") as caught:
        data.load(asked)
    assert caught.value.hint is not None
    assert f"did you mean {meant!r}?" in caught.value.hint
    assert "cifar100" in caught.value.hint
    assert caught.value.exit_code == 2


def test_unknown_name_without_a_near_one_lists_them_all() -> None:
    with pytest.raises(UnknownDataset) as caught:
        data.fetch("zzz")
    assert caught.value.hint == f"known: {', '.join(data.names())}"


def test_default_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROP_EVO_DATA_DIR", "/a")
    assert data.default_data_dir() == Path("/a")
    monkeypatch.delenv("BACKPROP_EVO_DATA_DIR")
    monkeypatch.setenv("BACKPROP_EVO_HOME", "/b")
    assert data.default_data_dir() == Path("/b/data")
    monkeypatch.delenv("BACKPROP_EVO_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", "/c")
    assert data.default_data_dir() == Path("/c/backprop-evo/data")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/d")
    assert data.default_data_dir() == Path("/d/.local/share/backprop-evo/data")


def test_default_folder_is_the_one_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from backprop_evo.settings import Settings

    for name in ("BACKPROP_EVO_DATA_DIR", "BACKPROP_EVO_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert data.default_data_dir() == Settings().resolved_data_dir
    monkeypatch.setenv("BACKPROP_EVO_HOME", str(tmp_path))
    assert data.default_data_dir() == Settings().resolved_data_dir
