"""A discovery that is killed in the middle goes on in the same folder, and comes to its report."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backprop_evo.store.sql import open_store
from tests.e2e.cluster import IMPATIENT, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TINY = Path(__file__).with_name("tiny_discovery.py")


def start(home: Path) -> "subprocess.Popen[str]":
    settings = {f"BACKPROP_EVO_{name}": value for name, value in (IMPATIENT | {"SLOTS": "1"}).items()}
    command = (sys.executable, TINY, "discover", "--quick", "--budget", "12s", "--home", str(home))
    return subprocess.Popen(
        command,
        env={**os.environ, **settings, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_killed_discovery_goes_on_where_it_was(tmp_path: Path) -> None:
    first = start(tmp_path)
    database = tmp_path / "backprop-evo.sqlite"
    try:
        eventually(database.exists, "the database was made")
        store = open_store(f"sqlite:///{database}")
        eventually(
            lambda: (
                store.is_ready()
                and any(store.trials.finishes(each.id) for each in store.searches.page().items)
            ),
            "a training ended",
        )
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    (search,) = store.searches.page().items
    assert search.spec.train.model == "mlp-16", "it was not the tiny discovery that began"
    known = len(store.trials.finishes(search.id))

    again = start(tmp_path)
    try:
        printed, told = again.communicate(timeout=400)
    finally:
        again.kill()
    assert again.returncode == 0, told
    assert f"Going on with discovery, quick with seed 0 ({search.id})" in told
    ended = {each.id: each for each in store.searches.page().items}
    assert len(ended) == 2
    search = ended[search.id]
    assert {each.state for each in ended.values()} == {"completed"}, told
    assert set(ended) == {search.id, search.counterpart}
    assert len(store.trials.finishes(search.id)) >= known
    store.close()
    assert "plain backprop" in printed
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert page.startswith("<!doctype html>")
    assert printed.splitlines()[0] in text.replace("\\", "")
    assert "random search" in page
