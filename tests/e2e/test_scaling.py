"""Two nodes are scaled over REST while a search runs: no trial is lost, and the search replays."""

from collections.abc import Iterator
from typing import Any

import httpx2
import psutil
import pytest

from backprop_evo.cli.stack import free_port
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from tests.e2e.cluster import Cluster, eventually, search_spec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NODES = ("test", "other")
PATIENT_S = 400.0
"""Eight processes import torch, perhaps on a busy machine."""


class Scaled(Cluster):
    """A cluster of two nodes with an API to ask."""

    def __init__(self, home: Any, database_url: str = "") -> None:
        port = str(free_port())
        super().__init__(home, database_url, LEASE_S="60", HEARTBEAT_S="1", SLOTS="1", API_PORT=port)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30.0)

    def node(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/nodes/{name}").json()
        return found

    def scale(self, slots: int) -> None:
        for name in NODES:
            assert self.http.patch(f"/nodes/{name}", json={"slots": slots}).json()["wish"]["slots"] == slots
        eventually(
            lambda: all(self.node(name)["slots"] == self.processes_of(name) == slots for name in NODES),
            f"both nodes had {slots} slots",
            PATIENT_S,
        )

    def processes_of(self, name: str) -> int:
        """Worker processes with a slot of that node."""
        family = psutil.Process(self.processes[PROGRAM[name]].pid).children(recursive=True)
        return sum("workers.slot" in command_of(each) for each in family)


def command_of(process: psutil.Process) -> str:
    """Nothing for one that ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


PROGRAM = {"test": "node", "other": "other node"}


#: Slots of each node between its first one and its last.
MOST = 4


@pytest.fixture(params=["sqlite", "postgresql"])
def scaled(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Scaled]:
    on_postgres = request.param == "postgresql"
    url = request.getfixturevalue("new_postgres_database")() if on_postgres else ""
    cluster = Scaled(tmp_path, url)
    cluster.start("redis", "node", "other node", "controller", "api")
    eventually(lambda: len(cluster.store.nodes.all()) == 2, "both nodes were heard of")
    eventually(lambda: is_up(cluster), "the API answered")
    yield cluster
    cluster.http.close()
    cluster.stop()


def is_up(cluster: Scaled) -> bool:
    try:
        return cluster.http.get("/nodes").status_code == 200
    except httpx2.HTTPError:
        return False


def test_two_nodes_are_scaled_up_and_down_again_and_no_trial_is_lost(scaled: Scaled) -> None:
    search = scaled.service.submit_search(search_spec("scaled", trials=5000))

    def done() -> int:
        return scaled.store.searches.get(search.id).trials_done

    def slots_that_train() -> set[tuple[str, int]]:
        return {(name, each["slot"]) for name in NODES for each in scaled.node(name)["training"]}

    eventually(lambda: done() >= 3, "the search ran", PATIENT_S)
    scaled.scale(MOST)
    seen: set[tuple[str, int]] = set()
    eventually(
        lambda: seen.update(slots_that_train()) or len(seen) >= 6,
        "six of eight slots trained",
        PATIENT_S,
    )
    scaled.scale(1)
    before = done()
    eventually(lambda: done() >= before + 3, "those that were left went on", PATIENT_S)

    if scaled.database_url.startswith("postgresql"):
        scaled.service.apply_verb("stop", search.id)
        assert scaled.until_ended(search.id, within_s=PATIENT_S).state is SearchState.STOPPED
        assert_nothing_was_lost(scaled, search.id)
    else:
        drained_and_restarted(scaled, search.id)


def drained_and_restarted(scaled: Scaled, search_id: str) -> None:
    """A restart finds what was asked for; a drained node has no slot, and has its own again."""
    assert scaled.http.patch("/nodes/other", json={"slots": 2}).status_code == 200
    assert scaled.http.post("/nodes/test:drain").status_code == 200
    eventually(lambda: scaled.processes_of("test") == 0, "the node was drained", PATIENT_S)
    assert scaled.node("test")["state"] == "drained"
    scaled.service.apply_verb("stop", search_id)
    assert scaled.until_ended(search_id, within_s=PATIENT_S).state is SearchState.STOPPED
    assert_nothing_was_lost(scaled, search_id)
    scaled.kill("other node")
    scaled.start("other node")
    eventually(lambda: scaled.processes_of("other") == 2, "the wish outlived the node", PATIENT_S)
    assert scaled.http.post("/nodes/test:resume").status_code == 200
    eventually(lambda: scaled.processes_of("test") == 1, "the node had its slot again", PATIENT_S)


def assert_nothing_was_lost(cluster: Scaled, search_id: str) -> None:
    """Every trial that was taken came to its end with whoever took it first, and the search replays."""
    finishes = cluster.store.trials.finishes(search_id)
    assert [each.finish_order for each in finishes] == list(range(1, len(finishes) + 1))
    assert cluster.store.trials.open(search_id) == []
    for each in finishes:
        outcomes = [attempt.outcome for attempt in cluster.store.trials.attempts(each.trial_id)]
        assert outcomes in ([each.state.value], []), "tried once, or never taken before the stop"
        assert each.state is not TrialState.LOST
    search = cluster.store.searches.get(search_id)
    individuals = tuple(cluster.store.individuals.of(search_id))
    assert replay(search.spec, SearchLanguage(search.spec), individuals, finishes) == individuals
