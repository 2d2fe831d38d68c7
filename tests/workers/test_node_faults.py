"""A node that cannot train spoils no trial: its attempts do not count, others try, it is quarantined."""

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from backprop_evo.errors import DatasetUnusable, DeviceUnusable
from backprop_evo.records.nodes import NOT_BEGUN, NodeRecord
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import TrainResult
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import CONTROLLER, GOOD, Clock, FakeBroker, add_trials, fail, give
from workers.attempt import Attempts, Ending
from workers.controller import Controller
from workers.devices import Slot
from workers.dispatch import Dispatcher
from workers.drain import Drain
from workers.heartbeat import NodeHeartbeat
from workers.self_test import SelfTest, examine

FAULTS = [
    ImportError("libtorch_cpu.so: cannot open shared object file"),
    OSError(28, "No space left on device"),
    DatasetUnusable("cifar10.safetensors is missing"),
    DeviceUnusable("torch sees no GPU"),
]


@pytest.fixture
def beat(store: SqlStore, clock: Clock) -> Callable[..., None]:
    def beat(*names: str, **rest: Any) -> None:
        for name in names:
            store.nodes.record_heartbeat(
                NodeRecord(
                    name=name,
                    slots=1,
                    devices=("cpu",),
                    code_version="0",
                    started_at=clock(),
                    seen_at=clock(),
                    **rest,
                )
            )

    return beat


def worker(store: SqlStore, options: Settings, clock: Clock, node: str, train: Any) -> Attempts:
    return Attempts(store, f"{node}/1-0", options, train, Drain(), clock)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_before_the_first_step_is_no_result(
    attempts: Attempts, store: SqlStore, trial_id: str, clock: Clock, fault: Exception
) -> None:
    attempts.train = fail(fault)
    for _ in range(5):
        assert attempts.run(trial_id) is Ending.RELEASED
        assert store.trials.get(trial_id).state is TrialState.QUEUED
        store.searches.move(store.trials.get(trial_id).search_id, SearchState.RUNNING, now=clock())
        clock.move(120)
    assert {each.outcome for each in store.trials.attempts(trial_id)} == {NOT_BEGUN}
    attempts.train = give(GOOD)
    assert attempts.run(trial_id) is Ending.FINISHED
    assert store.trials.get(trial_id).state is TrialState.COMPLETED


def test_a_lack_of_memory_before_the_first_step_is_no_result(
    attempts: Attempts, store: SqlStore, trial_id: str
) -> None:
    attempts.train = give(TrainResult(outcome=TrialState.OOM, reason="no room", begun=False))
    assert attempts.run(trial_id) is Ending.RELEASED
    assert store.trials.get(trial_id).state is TrialState.QUEUED
    (attempt,) = store.trials.attempts(trial_id)
    assert (attempt.outcome, attempt.reason) == (NOT_BEGUN, "fault: DeviceUnusable: no room")


def test_what_a_node_could_not_begin_counts_as_no_loss(
    attempts: Attempts, store: SqlStore, trial_id: str, clock: Clock
) -> None:
    attempts.train = fail(FAULTS[0])
    attempts.options = attempts.options.model_copy(update={"max_attempts": 2})
    assert attempts.run(trial_id) is Ending.RELEASED
    clock.move(60)
    assert store.trials.claim(trial_id, "node/1-0", lease_s=60, now=clock())  # and the process dies
    assert attempts.run(trial_id) is Ending.NOT_YET
    assert store.trials.get(trial_id).state is TrialState.QUEUED


def test_the_second_try_is_on_another_node_however_long_that_one_is_busy(
    store: SqlStore, options: Settings, clock: Clock, trial_id: str, beat: Callable[..., None]
) -> None:
    broken = worker(store, options, clock, "broken", fail(FAULTS[0]))
    beat("broken", "healthy")
    assert broken.run(trial_id) is Ending.RELEASED
    clock.move(500)
    beat("broken", "healthy")
    assert broken.run(trial_id) is Ending.NOT_YET
    assert worker(store, options, clock, "healthy", give(GOOD)).run(trial_id) is Ending.FINISHED
    assert [each.worker for each in store.trials.attempts(trial_id)] == ["broken/1-0", "healthy/1-0"]


def test_beside_a_broken_node_a_healthy_one_trains_everything(
    store: SqlStore, search: SearchRecord, options: Settings, clock: Clock, beat: Callable[..., None]
) -> None:
    broken = worker(store, options, clock, "broken", fail(FAULTS[0]))
    healthy = worker(store, options, clock, "healthy", give(GOOD))
    trials = add_trials(store, search, 40, clock())
    open_trials = list(trials)
    for _ in range(200):
        beat("broken", "healthy")
        # The broken one is always first at hand: it fails in no time.
        open_trials = [each for each in open_trials if broken.run(each) is not Ending.FINISHED]
        if open_trials and healthy.run(open_trials[0]) is Ending.FINISHED:
            del open_trials[0]
        clock.move(1)
        if not open_trials:
            break
    assert {store.trials.get(each).state for each in trials} == {TrialState.COMPLETED}
    tried = [each.worker for trial in trials for each in store.trials.attempts(trial)]
    assert tried.count("broken/1-0") == options.quarantine_after
    node = store.nodes.find("broken")
    assert node is not None
    assert node.quarantine is not None
    assert "ImportError" in node.quarantine


def test_a_result_between_two_faults_breaks_the_row(
    attempts: Attempts, store: SqlStore, search: SearchRecord, clock: Clock, beat: Callable[..., None]
) -> None:
    beat("node")
    for trial_id in add_trials(store, search, 4, clock()):
        attempts.train = fail(RuntimeError("odd"))
        attempts.run(trial_id)
        attempts.train = give(GOOD)
        assert attempts.run(trial_id) is Ending.FINISHED
    node = store.nodes.find("node")
    assert node is not None
    assert (node.faults, node.quarantine) == (0, None)


def test_a_node_without_the_data_set_takes_no_trial_of_it(
    attempts: Attempts, store: SqlStore, trial_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.placement.present_datasets", lambda _: ("mnist",))
    assert attempts.run(trial_id) is Ending.NOT_YET
    assert store.trials.attempts(trial_id) == []
    store.searches.move(store.trials.get(trial_id).search_id, SearchState.PAUSED, now=attempts.now())
    assert attempts.run(trial_id) is Ending.NOT_OURS


def test_a_trial_that_no_node_can_begin_pauses_its_search_with_the_reason(
    store: SqlStore, search: SearchRecord, options: Settings, clock: Clock, beat: Callable[..., None]
) -> None:
    (trial_id,) = add_trials(store, search, 1, clock())
    nodes = [worker(store, options, clock, name, fail(FAULTS[2])) for name in ("a", "b")]
    for _ in range(2):
        for node in nodes:
            beat("a", "b")
            node.run(trial_id)
            clock.move(100)
    paused = store.searches.get(search.id)
    assert paused.state is SearchState.PAUSED
    assert "DatasetUnusable: cifar10.safetensors is missing" in (paused.end_reason or "")
    assert store.trials.get(trial_id).state is TrialState.QUEUED
    resumed = store.searches.move(search.id, SearchState.RUNNING, now=clock())
    assert resumed.end_reason is None


@pytest.mark.parametrize(
    ("has", "reason"),
    [
        ({"datasets": ("mnist",)}, "far lacks the data set cifar10-mini"),
        ({"datasets": None}, None),
        ({"datasets": ("cifar10-mini",)}, None),
    ],
)
def test_a_search_that_no_live_node_can_train_is_paused_with_the_reason(
    store: SqlStore,
    search: SearchRecord,
    options: Settings,
    clock: Clock,
    broker: FakeBroker,
    beat: Callable[..., None],
    has: dict[str, Any],
    reason: str | None,
) -> None:
    store.searches.release_claim(search.id, CONTROLLER)
    controller = Controller(store, Dispatcher(store, broker, options), options, "c", clock)
    controller.step()
    assert store.searches.get(search.id).state is SearchState.RUNNING, "no node is alive: it waits"
    beat("far", **has)
    clock.move(1)
    controller.step()
    found = store.searches.get(search.id)
    assert found.state is (SearchState.RUNNING if reason is None else SearchState.PAUSED)
    assert (reason or "") in (found.end_reason or "")


def test_a_node_in_quarantine_takes_nothing_until_its_self_test_passes(
    attempts: Attempts,
    store: SqlStore,
    trial_id: str,
    options: Settings,
    clock: Clock,
) -> None:
    heartbeat = NodeHeartbeat(store, "node", (Slot(0, None, 1),), options, clock)
    heartbeat.send_if_due(1.0)
    for _ in range(3):
        store.nodes.count_fault("node", "ImportError: torch", quarantine_after=3)
    heartbeat.send_if_due(2.0)
    assert heartbeat.stored.quarantine == "3 faults in a row; the last: ImportError: torch"
    assert heartbeat.stored.datasets == ("cifar10-mini",)
    assert attempts.run(trial_id) is Ending.NOT_YET
    failing = "import sys; sys.exit('DeviceUnusable: no GPU')"
    run_self_test(SelfTest(store, "node", (Slot(0, None, 1),), options, (sys.executable, "-c", failing)))
    heartbeat.send_if_due(3.0)
    assert heartbeat.stored.quarantine == "the self-test failed: DeviceUnusable: no GPU"
    assert attempts.run(trial_id) is Ending.NOT_YET
    run_self_test(SelfTest(store, "node", (Slot(0, None, 1),), options, (sys.executable, "-c", "")))
    heartbeat.send_if_due(4.0)
    assert (heartbeat.stored.quarantine, heartbeat.stored.faults) == (None, 0)
    assert attempts.run(trial_id) is Ending.FINISHED


def run_self_test(test: SelfTest) -> None:
    test.step("why", 100.0)
    deadline = time.monotonic() + 60
    while test._process is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        test.step("why", 100.0)
    test.step(None, 1000.0)
    assert test._process is None, "only a node in quarantine tests itself"


def test_a_self_test_that_hangs_is_a_fault(store: SqlStore, options: Settings, clock: Clock) -> None:
    heartbeat = NodeHeartbeat(store, "node", (), options, clock)
    heartbeat.send_if_due(1.0)
    store.nodes.count_fault("node", "why", quarantine_after=1)
    sleeping = (sys.executable, "-c", "import time; time.sleep(60)")
    test = SelfTest(store, "node", (Slot(0, None, 1),), options, sleeping)
    test.step("why", 0.0)
    test.step("why", 1000.0)
    node = store.nodes.find("node")
    assert node is not None
    assert "hangs" in (node.quarantine or "")
    test.stop()


@pytest.mark.slow
def test_the_self_test_of_a_healthy_machine_passes(tmp_path: Any) -> None:
    assert "torch" in examine(tmp_path)


def test_the_self_test_reads_every_data_set(tmp_path: Any) -> None:
    with pytest.raises(DatasetUnusable):
        examine(tmp_path, check=lambda: None, present=lambda _: ("mnist",))
