import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backprop_evo import data
from backprop_evo.cli.data import app
from backprop_evo.errors import DatasetUnusable, UnknownDataset


@pytest.fixture(autouse=True)
def empty_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BACKPROP_EVO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "data"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_list_names_all_and_their_state() -> None:
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert tuple(rows) == data.names()
    assert rows["cifar10-mini"]["state"] == "bundled"
    assert rows["cifar10"]["state"] == "not fetched"
    assert [rows["cifar10"][part] for part in ("train", "validation", "test")] == [45_000, 5_000, 10_000]
    table = run("list").stdout
    assert "fashion-mnist" in table
    assert "45,000" in table


def test_show_counts_what_is_there() -> None:
    details = json.loads(run("show", "cifar10-mini", "--json").stdout)
    assert details["shape"] == [3, 32, 32]
    assert {tuple(row.values())[1:] for row in details["class_counts"]} == {(400, 100, 50)}
    assert details["sha256"] == data.dataset_info("cifar10-mini").sha256
    text = run("show", "cifar10-mini").stdout
    for expected in ("airplane", "4,000", "0.49", details["sha256"]["train.images"]):
        assert expected in text


def test_verify_without_names_takes_what_is_here() -> None:
    assert run("verify").stdout == "cifar10-mini: every byte is right\n"


def test_verify_tells_of_every_data_set_and_fails(empty_data_dir: Path) -> None:
    empty_data_dir.mkdir()
    (empty_data_dir / "mnist.safetensors").write_bytes(b"short")
    result = run("verify")
    assert "cifar10-mini: every byte is right" in result.stdout
    assert "mnist.safetensors is cut short" in result.stdout
    assert isinstance(result.exception, DatasetUnusable)
    rows = json.loads(run("verify", "--json").stdout)
    assert [row["usable"] for row in rows.values()] == [True, False]


def test_fetch_of_the_bundled_one() -> None:
    answer = json.loads(run("fetch", "cifar10-mini", "--json").stdout)
    assert Path(answer["path"]).stat().st_size == answer["bytes"]
    assert "cifar10-mini is ready" in run("fetch", "cifar10-mini").stdout


def test_fetch_from_a_folder_without_it(tmp_path: Path, empty_data_dir: Path) -> None:
    result = run("fetch", "mnist", "--from", str(tmp_path))
    assert isinstance(result.exception, DatasetUnusable)
    assert "has no file train-images-idx3-ubyte" in result.exception.message
    assert not list(empty_data_dir.glob("*.safetensors"))


@pytest.mark.parametrize("command", ["fetch", "show", "verify"])
def test_unknown_name(command: str) -> None:
    result = run(command, "cifar11")
    assert isinstance(result.exception, UnknownDataset)
    assert "did you mean 'cifar10'?" in (result.exception.hint or "")


@pytest.mark.parametrize("command", ["list", "fetch", "verify", "show"])
def test_help_has_an_example(command: str) -> None:
    assert "backprop-evo data " + command in " ".join(run(command, "--help").stdout.split())
