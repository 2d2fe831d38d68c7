"""What is queued in SQL is sent: at once, once, and again when the broker lost it."""

import pytest

from backprop_evo.errors import Unavailable
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.workers.rows import Clock, FakeBroker, add_trials
from workers.dispatch import Dispatcher


@pytest.fixture
def dispatcher(store: SqlStore, broker: FakeBroker, options: Settings) -> Dispatcher:
    return Dispatcher(store, broker, options)


@pytest.fixture
def trials(store: SqlStore, search: SearchRecord, clock: Clock) -> list[str]:
    return add_trials(store, search, 3, clock())


def test_every_queued_trial_is_sent_once(
    dispatcher: Dispatcher, broker: FakeBroker, trials: list[str], clock: Clock
) -> None:
    assert dispatcher.send_new(now=clock()) == 3
    clock.move(1)
    assert dispatcher.send_new(now=clock()) == 0
    assert broker.sent == trials


@pytest.mark.usefixtures("trials")
def test_trials_of_a_search_that_ended_are_not_sent(
    dispatcher: Dispatcher, store: SqlStore, search: SearchRecord, clock: Clock
) -> None:
    store.searches.move(search.id, SearchState.CANCELLED, now=clock())
    assert dispatcher.send_new(now=clock()) == 0


@pytest.mark.parametrize("seen_taken", [True, False])
def test_a_trial_that_was_given_back_is_sent_again(
    dispatcher: Dispatcher,
    store: SqlStore,
    trials: list[str],
    broker: FakeBroker,
    clock: Clock,
    seen_taken: bool,
) -> None:
    """Also where it was taken and given back between two looks of the controller."""
    dispatcher.send_new(now=clock())
    lease = store.trials.claim(trials[0], "node/0", lease_s=60, now=clock())
    assert lease is not None
    if seen_taken:
        dispatcher.send_new(now=clock())
    store.trials.release(lease, now=clock(), reason="its node is shutting down", retry=True)
    assert dispatcher.send_new(now=clock()) == 1
    assert broker.sent[-1] == trials[0]


def test_a_silent_worker_loses_its_trial_and_it_is_sent_again(
    dispatcher: Dispatcher, store: SqlStore, trials: list[str], broker: FakeBroker, clock: Clock
) -> None:
    dispatcher.send_new(now=clock())
    store.trials.claim(trials[1], "node/0", lease_s=60, now=clock())
    clock.move(61)
    dispatcher.reconcile(now=clock())
    assert store.trials.get(trials[1]).state is TrialState.QUEUED
    for _ in range(4):
        assert dispatcher.send_new(now=clock()) == 0, "it is tried again after 2 s, not before"
        clock.move(0.5)
    assert dispatcher.send_new(now=clock()) == 1
    assert broker.sent.count(trials[1]) == 2


def test_a_reconciliation_sends_nothing_before_it_is_due(
    store: SqlStore, trials: list[str], broker: FakeBroker, options: Settings, clock: Clock
) -> None:
    patient = options.model_copy(update={"retry_delay_s": 100.0, "retry_delay_max_s": 100.0})
    dispatcher = Dispatcher(store, broker, patient)
    store.trials.claim(trials[0], "node/0", lease_s=60, now=clock())
    dispatcher.send_new(now=clock())
    clock.move(61)
    broker.sent.clear()
    for _ in range(9):
        dispatcher.reconcile(now=clock())
        dispatcher.send_new(now=clock())
        assert trials[0] not in broker.sent
        clock.move(11)
    clock.move(2)
    dispatcher.send_new(now=clock())
    assert trials[0] in broker.sent


def test_messages_the_broker_lost_are_sent_again(
    dispatcher: Dispatcher, trials: list[str], broker: FakeBroker, clock: Clock
) -> None:
    dispatcher.send_new(now=clock())
    broker.sent.clear()
    clock.move(29)
    assert dispatcher.reconcile(now=clock()) == 0
    clock.move(11)
    assert dispatcher.reconcile(now=clock()) == 3
    assert broker.sent == trials


def test_messages_that_only_wait_are_not_doubled(
    dispatcher: Dispatcher, trials: list[str], broker: FakeBroker, clock: Clock
) -> None:
    dispatcher.send_new(now=clock())
    for _ in range(20):
        clock.move(30)
        assert dispatcher.reconcile(now=clock()) == 0
    assert broker.sent == trials


@pytest.mark.usefixtures("trials")
def test_a_broker_that_is_away_loses_nothing(
    dispatcher: Dispatcher, broker: FakeBroker, clock: Clock
) -> None:
    broker.away = True
    with pytest.raises(Unavailable):
        dispatcher.send_new(now=clock())
    broker.away = False
    assert dispatcher.send_new(now=clock()) == 3


@pytest.mark.usefixtures("trials")
def test_a_new_controller_sends_what_is_queued(store: SqlStore, options: Settings, clock: Clock) -> None:
    Dispatcher(store, FakeBroker(), options).send_new(now=clock())
    second = FakeBroker()
    assert Dispatcher(store, second, options).send_new(now=clock()) == 3
