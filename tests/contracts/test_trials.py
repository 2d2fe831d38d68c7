"""The contract of trials, their outcomes and lists, over SQLite and PostgreSQL (``database_url``)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import TrainResult


class TestTrials:
    def test_a_trial_runs_from_queued_to_completed(self, scene, train_result):
        search = scene.search()
        trial_id = scene.trial(search)
        lease = scene.lease(trial_id)
        assert scene.store.trials.get(trial_id).state is TrialState.LEASED
        assert scene.store.trials.start(lease, now=scene.later(1))
        assert scene.store.trials.renew(lease, lease_s=60, now=scene.later(5), progress={"epoch": 0.5})
        running = scene.store.trials.get(trial_id)
        assert (running.state, running.progress, running.worker) == (
            TrialState.RUNNING,
            {"epoch": 0.5},
            "node/0",
        )
        assert running.lease_expires_at == scene.now + timedelta(seconds=60)
        assert scene.store.trials.finish(lease, train_result(0.75), now=scene.later(5))
        done = scene.store.trials.get(trial_id)
        assert (done.state, done.finish_order, done.ended_at) == (TrialState.COMPLETED, 1, scene.now)
        assert done.result == train_result(0.75)
        assert scene.store.trials.open(search.id) == []
        (attempt,) = scene.store.trials.attempts(trial_id)
        assert (attempt.fence, attempt.worker, attempt.outcome) == (1, "node/0", "completed")
        lifecycle = ["trial.queued", "trial.leased", "trial.running", "trial.completed"]
        assert [kind for kind in scene.kinds() if kind.startswith("trial.")] == lifecycle

    def test_a_claim_that_starts_at_once_tells_of_both(self, scene):
        trial_id = scene.trial(scene.search())
        options = {"lease_s": 60, "now": scene.later(1), "starts": True}
        lease = scene.store.trials.claim(trial_id, "node/0", **options)
        running = scene.store.trials.get(trial_id)
        assert (running.state, running.started_at, running.fence) == (TrialState.RUNNING, scene.now, 1)
        told = [each for each in scene.store.events.after() if each.kind.startswith("trial.")]
        assert [each.kind for each in told] == ["trial.queued", "trial.leased", "trial.running"]
        assert told[1].payload == told[2].payload == {"trial": trial_id, "worker": "node/0", "attempt": 1}
        assert scene.store.trials.claim(trial_id, "node/1", **options) is None
        assert scene.store.trials.renew(lease, lease_s=60, now=scene.later(5))

    def test_one_of_many_results_is_counted(self, scene, train_result):
        search = scene.search()
        leases = [scene.running(scene.trial(search)) for _ in range(6)]
        with ThreadPoolExecutor(12) as pool:
            counted = list(
                pool.map(
                    lambda lease: scene.store.trials.finish(lease, train_result(), now=scene.now), leases * 4
                )
            )
        assert sum(counted) == 6
        assert scene.store.searches.get(search.id).trials_done == 6
        assert [t.finish_order for t in scene.store.trials.finished(search.id)] == [1, 2, 3, 4, 5, 6]

    def test_a_paused_search_gives_out_no_trials_and_sends_them_again_later(self, scene):
        search = scene.search()
        trial_id = scene.trial(search)
        scene.store.queue.mark_sent([trial_id], now=scene.later(1))
        scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.later(1))
        assert scene.store.trials.claim(trial_id, "w", lease_s=60, now=scene.now) is None
        assert scene.store.queue.unsent(queued_before=scene.later(99)) == []
        scene.store.searches.move(search.id, SearchState.RUNNING, now=scene.now)
        assert scene.store.queue.unsent(queued_before=scene.now - timedelta(seconds=50)) == [trial_id]
        assert scene.lease(trial_id)

    def test_a_stopping_search_still_gives_out_what_is_queued(self, scene):
        search = scene.search()
        trial_id = scene.trial(search)
        scene.store.searches.move(search.id, SearchState.STOPPING, now=scene.now)
        assert scene.lease(trial_id)

    def test_what_was_sent_lately_is_not_sent_again(self, scene):
        search = scene.search()
        trials = [scene.trial(search) for _ in range(3)]
        scene.lease(trials[0])
        scene.store.queue.mark_sent(trials[:2], now=scene.later(100))
        assert scene.store.queue.unsent(queued_before=scene.now - timedelta(seconds=10)) == [trials[2]]
        assert scene.store.queue.unsent(queued_before=scene.now + timedelta(seconds=10)) == trials[1:]
        assert (
            scene.store.queue.unsent(queued_before=scene.now + timedelta(seconds=10), limit=1) == trials[1:2]
        )

    @pytest.mark.parametrize("outcome", [state for state in TrialState if state.is_terminal])
    def test_every_outcome_is_a_state_of_its_own(self, scene, outcome):
        search = scene.search()
        trial_id = scene.trial(search)
        result = TrainResult(outcome=outcome, reason="why", validation_accuracy=0.25)
        assert scene.store.trials.finish(scene.running(trial_id), result, now=scene.now)
        assert scene.store.trials.get(trial_id).state is outcome
        (finish,) = scene.store.trials.finishes(search.id)
        assert finish.validation_accuracy == (0.25 if outcome is TrialState.COMPLETED else None)
        assert scene.store.searches.get(search.id).best_fitness == finish.validation_accuracy

    def test_finishes_come_in_order_and_from_a_place_on(self, scene):
        search = scene.search()
        trials = [scene.trial(search) for _ in range(4)]
        for trial_id in reversed(trials):
            scene.finish(trial_id, None)
        assert [f.trial_id for f in scene.store.trials.finishes(search.id)] == trials[::-1]
        assert [f.finish_order for f in scene.store.trials.finishes(search.id, after=2)] == [3, 4]
        assert [t.id for t in scene.store.trials.finished(search.id, after=3)] == [trials[0]]

    def test_only_search_trials_count_as_done(self, scene):
        search = scene.search()
        scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.9)
        assert scene.store.searches.get(search.id).trials_done == 0
        assert scene.store.searches.get(search.id).best_fitness is None
        scene.finish(scene.trial(search), 0.3)
        scene.finish(scene.trial(search), 0.2)
        assert (
            scene.store.searches.get(search.id).trials_done,
            scene.store.searches.get(search.id).best_fitness,
        ) == (
            2,
            0.3,
        )

    def test_pages_of_trials_are_newest_first_and_can_be_filtered(self, scene):
        search, other = scene.search("one"), scene.search("two")
        trials = [scene.trial(search, purpose=Purpose.BASELINE), *(scene.trial(search) for _ in range(9))]
        scene.trial(other)
        scene.finish(trials[4])
        first = scene.store.trials.page(search.id, limit=6)
        second = scene.store.trials.page(search.id, limit=6, cursor=first.next_cursor)
        assert [t.id for t in (*first.items, *second.items)] == trials[::-1]
        assert second.next_cursor is None
        assert [
            t.id
            for t in scene.store.trials.page(search.id, choice=TrialChoice(state=TrialState.COMPLETED)).items
        ] == [trials[4]]
        assert [
            t.id
            for t in scene.store.trials.page(search.id, choice=TrialChoice(purpose=Purpose.BASELINE)).items
        ] == [trials[0]]

    def test_the_trials_of_one_behaviour_are_found_over_all_searches(self, scene):
        ids = [scene.trial(scene.search(str(i))) for i in range(3)]
        page = scene.store.trials.of_behaviour("behaviour 0", limit=2)
        rest = scene.store.trials.of_behaviour("behaviour 0", cursor=page.next_cursor)
        assert [t.id for t in (*page.items, *rest.items)] == ids[::-1]
