"""The contract of the queue's shares, over SQLite and PostgreSQL (``database_url``)."""

from backprop_evo.records.counting import Share
from backprop_evo.records.states import SearchState


def test_shares_are_those_of_live_searches_with_something_queued(scene):
    first = scene.search("first", priority=3)
    scene.later(1)
    second = scene.search("second")
    assert scene.store.queue.shares() == []
    trials = [scene.trial(first) for _ in range(3)]
    other = scene.trial(second)
    assert scene.store.queue.shares() == [Share(first.id, 3, 0), Share(second.id, 1, 0)]
    scene.running(trials[0])
    scene.lease(other)
    assert scene.store.queue.shares() == [Share(first.id, 3, 1)]
    scene.store.searches.move(first.id, SearchState.PAUSED, now=scene.now)
    assert scene.store.queue.shares() == []


def test_what_waits_is_found_by_search_and_by_whether_it_was_sent(scene):
    first, second = scene.search("first"), scene.search("second")
    mine = [scene.trial(first) for _ in range(4)]
    other = scene.trial(second)
    now = scene.later(1)
    queue = scene.store.queue
    assert queue.unsent(queued_before=now, search_id=first.id) == mine
    assert queue.unsent(queued_before=now, search_id=first.id, limit=2) == mine[:2]
    assert queue.unsent(queued_before=now, was_sent=True) == []
    queue.mark_sent([mine[1], other], now=now)
    assert queue.unsent(queued_before=scene.later(1), was_sent=True) == [mine[1], other]
    scene.running(mine[0])
    queue.mark_sent(mine[2:], now=now)
    assert queue.still_waiting([*mine, "nobody"]) == dict.fromkeys(mine[1:], first.id)
    assert queue.still_waiting(()) == {}


def test_what_was_given_back_waits_for_another_message(scene):
    search = scene.search("first")
    trial = scene.trial(search)
    queue = scene.store.queue
    queue.mark_sent([trial], now=scene.later(1))
    assert queue.still_waiting([trial]) == {trial: search.id}
    lease = scene.running(trial)
    scene.store.trials.release(lease, now=scene.later(1), reason="its node is shutting down", retry=True)
    assert queue.still_waiting([trial]) == {}
    assert queue.unsent(queued_before=scene.later(1), search_id=search.id) == [trial]
