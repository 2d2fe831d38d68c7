"""From a submission to a leaderboard, through every part: over REST on one machine, and over PostgreSQL."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from backprop_evo.cli.main import app
from backprop_evo.cli.stack import free_port
from backprop_evo.client import Client
from backprop_evo.parent_death import dying_with_parent
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.search.replay import replay, replay_pruning
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.store.sql import open_store
from tests.e2e.cluster import IMPATIENT, Cluster, eventually, search_spec

pytestmark = pytest.mark.slow

CLI = (sys.executable, "-c", "from backprop_evo.cli.main import app; app()")
SEARCH = {
    "name": "journey",
    "trials": 5,
    "start": ["g / fro(g)"],
    "population_size": 1000,
    "lengths": [1.0, 0.0, 0.0],
    "start_random": 2,
    "in_flight": 1,
    "train": {
        "model": "mlp-8",
        "epochs": 0.2,
        "batch_size": 64,
        "learning_rate": 0.1,
        "train_images": 640,
        "validation_images": 200,
    },
    "confirmation": {"best": 1, "seeds": 2, "controls": "none"},
}

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def environment(home: Path, port: int) -> dict[str, str]:
    settings = {f"BACKPROP_EVO_{name}": value for name, value in IMPATIENT.items()}
    url = f"http://127.0.0.1:{port}"
    wide = {"COLUMNS": "200"}  # runners of tests set a narrow one, in which tables fold what is looked for
    home_and_url = {"BACKPROP_EVO_HOME": str(home), "BACKPROP_EVO_API_URL": url}
    return {**os.environ, **settings, **home_and_url, **wide}


@pytest.fixture
def run(environment: dict[str, str], stack: subprocess.Popen[bytes]) -> Run:
    """A command against the running stack, in this process."""
    assert stack.poll() is None
    return lambda *words: CliRunner().invoke(app, words, env=environment)


def refused(environment: dict[str, str], *words: str) -> str:
    """What a command in a process of its own that ends with exit code 2 says on standard error."""
    done = subprocess.run((*CLI, *words), env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def stack(environment: dict[str, str], home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """``backprop-evo up``, ready to answer."""
    log = home / "up.log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            dying_with_parent((*CLI, "up", "--port", str(port))), env=environment, stderr=output
        )
    try:
        with Client(f"http://127.0.0.1:{port}") as client:
            eventually(lambda: up.poll() is not None or client.is_ready(), "the stack was ready")
        assert up.poll() is None, log.read_text()
        yield up
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(60)


def test_a_search_goes_from_a_file_to_the_leaderboard(run: Run, home: Path) -> None:
    file = home / "search.json"
    file.write_text(json.dumps(SEARCH))
    submitted = run("search", "submit", str(file), "--watch", "--json")
    assert submitted.exit_code == 0, submitted.stderr
    search = json.loads(submitted.stdout)
    assert (search["state"], search["trials_done"]) == ("completed", 5)

    rows = json.loads(run("leaderboard", search["id"], "--json").stdout)
    assert len(rows) == 6
    assert [row["is_baseline"] for row in rows].count(True) == 1
    confirmed = [row for row in rows if row["confirmed"]]
    assert len(confirmed) == 2, "the best equation and plain backprop"
    assert all(row["test"]["n"] == row["validation"]["n"] == 2 for row in confirmed)
    assert all(row["test"] is None for row in rows if not row["confirmed"])
    table = run("leaderboard", search["id"]).stdout
    assert "backprop" in table
    assert "confirmed" in table
    assert "Against plain backprop, on new seeds" in table
    (confirmation,) = [row for row in rows if row["confirmed"] and not row["is_baseline"]]
    assert confirmation["verdict"]
    shown = run("search", "show", search["id"]).stdout
    assert f"{search['id']}-confirmation" in shown


def test_random_search_beside_indirect_feedback_reaches_the_leaderboard(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # a narrow table folds the method's name
    document = SEARCH | {
        "name": "control",
        "strategy": "random",
        "yardsticks": ["indirect-feedback"],
        "pruner": {"name": "median", "rungs": [1], "min_trials": 1},
        "trials": 6,
    }
    file = home / "control.json"
    file.write_text(json.dumps(document))
    submitted = run("search", "submit", str(file), "--watch", "--json")
    assert submitted.exit_code == 0, submitted.stderr
    search = json.loads(submitted.stdout)
    assert (search["state"], search["trials_done"]) == ("completed", 6)

    rows = json.loads(run("leaderboard", search["id"], "--json").stdout)
    (yardstick,) = [row for row in rows if row["is_yardstick"]]
    assert yardstick["method"]["text"] == "indirect feedback alignment"
    assert (yardstick["equation"], yardstick["confirmed"]) == (None, True)
    assert yardstick["test"]["n"] == 2
    assert "indirect feedback" in run("leaderboard", search["id"]).stdout

    store = open_store(f"sqlite:///{home / 'backprop-evo.sqlite'}")
    try:
        stored = store.searches.get(search["id"])
        individuals = tuple(store.individuals.of(stored.id))
        assert {each.origin for each in individuals} == {
            Origin.BASELINE,
            Origin.YARDSTICK,
            Origin.START,
            Origin.RANDOM,
        }
        language, finishes = SearchLanguage(stored.spec), store.trials.finishes(stored.id)
        assert replay(stored.spec, language, individuals, finishes) == individuals
        values = store.intermediates.of(stored.id)
        assert replay_pruning(stored.spec, values) == tuple(each.judged for each in values)
        pruned = {each.trial_id: each.judged.pruned for each in values if each.judged.pruned}
        ended = {trial.id: trial for trial in store.trials.finished(stored.id)}
        assert {name: ended[name].state for name in pruned} == dict.fromkeys(pruned, TrialState.PRUNED)
        assert all(ended[name].result.reason == reason for name, reason in pruned.items())
    finally:
        store.close()


def test_verbs_and_listings(run: Run) -> None:
    paused = run("search", "submit", "--name", "long", "--trials", "1000", "--model", "mlp-8", "--json")
    search = json.loads(paused.stdout)["id"]
    assert json.loads(run("search", "pause", search, "--json").stdout)["state"] == "paused"
    assert (
        json.loads(run("search", "extend", search, "--trials", "5", "--json").stdout)["trials_total"] == 1005
    )
    assert json.loads(run("search", "cancel", search, "--json").stdout)["state"] == "cancelled"
    resumed = run("search", "resume", search)
    assert resumed.exit_code == 2
    assert "cancelled" in resumed.stderr
    listed = json.loads(run("search", "list", "--json").stdout)
    assert listed[0]["id"] == search
    assert run("search", "show", "nobody").exit_code == 2


def test_bad_input_is_refused_with_its_reason(run: Run) -> None:
    unreadable = run("search", "submit", "--name", "x", "--start", "g +")
    assert unreadable.exit_code == 2
    assert unreadable.stdout == ""
    assert "g +" in unreadable.stderr or "expected" in unreadable.stderr
    unknown = run("search", "submit", "--name", "x", "--data", "cifar11")
    assert unknown.exit_code == 2
    assert "cifar11" in unknown.stderr
    assert run("search", "list", "--json").stdout.count('"name": "x"') == 0


def test_a_home_serves_one_stack_and_a_port_one_server(
    stack: subprocess.Popen[bytes], environment: dict[str, str], port: int, tmp_path: Path
) -> None:
    assert f"process {stack.pid}" in refused(environment, "up", "--port", str(free_port()))
    assert f"port {port}" in refused(environment, "up", "--home", str(tmp_path), "--port", str(port))
    assert not (tmp_path / "backprop-evo.sqlite").exists(), "nothing half-started"


def test_stopping_leaves_nothing_behind(stack: subprocess.Popen[bytes], port: int) -> None:
    family = psutil.Process(stack.pid).children(recursive=True)
    assert len(family) >= 4
    began = time.monotonic()
    stack.send_signal(signal.SIGTERM)
    stack.wait(60)
    assert time.monotonic() - began < 30
    eventually(lambda: not any(_lives(each) for each in family), "every process had ended")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_the_same_code_runs_on_postgresql(new_postgres_database: Callable[..., str], tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, new_postgres_database(), SLOTS="1")
    cluster.start("redis", "node", "controller")
    try:
        search = cluster.service.submit_search(search_spec("postgres", trials=4, best=1))
        assert cluster.until_ended(search.id).state is SearchState.COMPLETED
        rows = cluster.store.leaderboard.page(search.id).items
        first = cluster.store.trials.finished(search.id)
        trained = [trial for trial in first if trial.state is not TrialState.SCREENED]
        assert len(trained) == 5
        # Which equations are proposed depends on the order of finishing; one that diverges has no row.
        assert len(rows) == sum(t.state is TrialState.COMPLETED for t in first)
        assert sum(row.confirmed for row in rows) == 2
    finally:
        cluster.stop()
