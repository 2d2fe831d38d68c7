"""The store's contract, the same for SQLite and PostgreSQL (``database_url`` runs every test over both)."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from backprop_evo.errors import (
    Conflict,
    IllegalTransition,
    InvalidInput,
    InvalidSettings,
    NotFound,
    PreconditionFailed,
)
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.records.searching import (
    Confirmation,
    Purpose,
    SearchSpec,
    VocabularySpec,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Answer, EarlierRequest, NodeRecord
from backprop_evo.records.training import (
    LearningRateGrid,
    TrainResult,
    TrainSpec,
)
from backprop_evo.search.lifecycle import VERBS, legal_verbs
from backprop_evo.store.keyed import CarriedOutAlready, KeyedRequest, carrying_out


def kinds(scene, **options):
    return [event.kind for event in scene.store.events.after(**options)]


class TestSearches:
    def test_a_search_comes_back_as_it_was_given(self, scene):
        spec = SearchSpec(
            name="ünïcode ∂h",
            seed=2**63 - 1,
            mutations=(0.5, 0.25, 0.25),
            start=("g", "h"),
            vocabulary=VocabularySpec(operands=("g", "h"), binaries=("add",)),
            train=TrainSpec(learning_rate=LearningRateGrid(rates=(0.001, 3.0)), epochs=0.5),
            confirmation=Confirmation(best=3, seeds=5),
        )
        stored = scene.store.searches.add(spec, now=scene.now)
        assert scene.store.searches.get(stored.id) == stored
        assert stored.spec == spec
        assert (stored.state, stored.created_at, stored.trials_total) == (SearchState.QUEUED, scene.now, 100)

    def test_an_unknown_id_is_named(self, scene):
        for ask in (scene.store.searches.get, scene.store.trials.get, scene.store.trials.attempts):
            with pytest.raises(NotFound, match="nobody"):
                ask("nobody")

    def test_pages_hold_every_search_once_newest_first(self, scene):
        ids = []
        for i in range(25):
            ids.append(scene.store.searches.add(SearchSpec(name=str(i)), now=scene.now).id)
            scene.later(i % 3)
        seen, cursor = [], None
        while True:
            page = scene.store.searches.page(cursor=cursor, limit=7)
            seen += page.items
            scene.store.searches.add(SearchSpec(name="newer"), now=scene.later(10))
            if (cursor := page.next_cursor) is None:
                break
        assert sorted(each.id for each in seen) == sorted(ids)
        assert [each.created_at for each in seen] == sorted((each.created_at for each in seen), reverse=True)

    def test_pages_can_be_of_one_state(self, scene):
        running = scene.search()
        scene.store.searches.add(SearchSpec(name="queued"), now=scene.now)
        assert [each.id for each in scene.store.searches.page(state=SearchState.RUNNING).items] == [
            running.id
        ]

    @pytest.mark.parametrize(
        "cursor", ["", "x", "!!!", "WyJ0cmlhbHMiLCAxXQ", "WyJzZWFyY2hlcyIsIDEsIDJd", "é"]
    )
    def test_a_cursor_that_is_not_ours_is_refused(self, scene, cursor):
        with pytest.raises(InvalidInput, match="cursor"):
            scene.store.searches.page(cursor=cursor)

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    def test_a_page_has_a_sensible_size(self, scene, limit):
        for listing in (scene.store.searches.page, scene.store.events.after, scene.store.leaderboard.page):
            with pytest.raises(InvalidInput, match="limit"):
                listing(limit=limit)


class TestTransitions:
    def test_each_moves_the_version_and_leaves_one_event(self, scene):
        search = scene.search()
        paused = scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
        running = scene.store.searches.move(search.id, SearchState.RUNNING, now=scene.now)
        assert search.version < paused.version < running.version
        assert kinds(scene) == ["search.queued", "search.running", "search.paused", "search.running"]

    def test_repeating_one_changes_nothing(self, scene):
        search = scene.search()
        paused = scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
        events = kinds(scene)
        assert scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.later(9)) == paused
        assert kinds(scene) == events

    def test_an_illegal_one_names_the_legal_verbs(self, scene):
        search = scene.search()
        scene.store.searches.move(search.id, SearchState.CANCELLED, now=scene.now)
        with pytest.raises(IllegalTransition) as refused:
            scene.store.searches.move(search.id, SearchState.RUNNING, now=scene.now)
        assert refused.value.legal == ("clone",)

    @pytest.mark.parametrize("state", [state for state in SearchState if state is not SearchState.QUEUED])
    @pytest.mark.parametrize("verb", [verb for verb in VERBS.values() if verb.to], ids=lambda verb: verb.name)
    def test_a_verb_acts_where_its_row_says(self, scene, verb, state):
        search = scene.search()
        if state is SearchState.STOPPED:
            scene.store.searches.move(search.id, SearchState.STOPPING, now=scene.now)
        before = scene.store.searches.move(search.id, state, now=scene.now)
        if state in verb.legal_in:
            after = scene.store.searches.carry_out(verb, search.id, now=scene.now)
            assert (after.state, after.version) == (verb.to, before.version + 1)
        elif state in verb.done_in:
            assert scene.store.searches.carry_out(verb, search.id, now=scene.later(9)) == before
        else:
            with pytest.raises(IllegalTransition, match=f"is {state} and does not take") as refused:
                scene.store.searches.carry_out(verb, search.id, now=scene.now)
            assert refused.value.legal == tuple(each.name for each in legal_verbs(state))
            assert scene.store.searches.get(search.id) == before

    def test_only_a_claim_sets_a_queued_search_running(self, scene):
        queued = scene.store.searches.add(SearchSpec(name="waits"), now=scene.now)
        with pytest.raises(IllegalTransition, match="'resume'"):
            scene.store.searches.carry_out(VERBS["resume"], queued.id, now=scene.now)
        assert scene.store.searches.get(queued.id) == queued
        assert scene.store.searches.claim("c", lease_s=60, now=scene.now).state is SearchState.RUNNING

    @pytest.mark.parametrize("verb", [name for name in VERBS if name != "clone"])
    def test_of_many_at_one_version_one_acts(self, scene, verb):
        search = scene.search()
        if verb == "resume":
            search = scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)

        def ask(_):
            seen = {"now": scene.now, "expected_version": search.version}
            try:
                if VERBS[verb].to is None:
                    scene.store.searches.extend(search.id, trials=1, **seen)
                else:
                    scene.store.searches.carry_out(VERBS[verb], search.id, **seen)
            except PreconditionFailed:
                return False
            return True

        with ThreadPoolExecutor(10) as pool:
            assert Counter(pool.map(ask, range(50))) == {True: 1, False: 49}
        with pytest.raises(PreconditionFailed, match=f"not {search.version}"):
            scene.store.searches.get(search.id, expected_version=search.version)
        now_at = scene.store.searches.get(search.id)
        assert scene.store.searches.get(search.id, expected_version=now_at.version) == now_at

    def test_a_version_that_moved_on_is_a_conflict(self, scene):
        search = scene.search()
        scene.store.searches.move(
            search.id, SearchState.PAUSED, now=scene.now, expected_version=search.version
        )
        with pytest.raises(Conflict, match="version"):
            scene.store.searches.move(
                search.id, SearchState.RUNNING, now=scene.now, expected_version=search.version
            )

    @pytest.mark.parametrize("end", [SearchState.CANCELLED, SearchState.FAILED])
    def test_cancelling_and_failing_end_every_open_trial_at_once(self, scene, end):
        search = scene.search()
        queued, leased, running, done = (scene.trial(search) for _ in range(4))
        lease, training = scene.lease(leased), scene.running(running)
        scene.finish(done)
        scene.store.searches.move(search.id, end, now=scene.now)
        states = {t.id: t.state for t in scene.store.trials.page(search.id).items}
        cancelled = TrialState.CANCELLED
        assert states == {
            queued: cancelled,
            leased: cancelled,
            running: cancelled,
            done: TrialState.COMPLETED,
        }
        assert scene.store.trials.claim(queued, "w", lease_s=9, now=scene.now) is None
        assert not scene.store.trials.start(lease, now=scene.now)
        assert not scene.store.trials.renew(training, lease_s=9, now=scene.now)
        assert [a.outcome for a in scene.store.trials.attempts(running)] == ["cancelled"]

    def test_an_ended_search_says_when_and_why(self, scene):
        search = scene.search()
        failed = scene.store.searches.move(
            search.id, SearchState.FAILED, now=scene.later(5), reason="no disk"
        )
        assert (failed.ended_at, failed.failure, failed.end_reason) == (scene.now, "no disk", "no disk")

    def test_extending_raises_the_budget_and_wakes_a_completed_search(self, scene):
        search = scene.search(trials=10)
        assert scene.store.searches.extend(search.id, trials=5, now=scene.now).trials_total == 15
        scene.store.searches.move(search.id, SearchState.COMPLETED, now=scene.now)
        again = scene.store.searches.extend(search.id, trials=5, now=scene.now)
        assert (again.state, again.trials_total, again.ended_at) == (SearchState.RUNNING, 20, None)
        assert again.spec.trials == 10

    def test_a_cancelled_search_cannot_be_extended_nor_any_by_nothing(self, scene):
        search = scene.search()
        with pytest.raises(InvalidSettings, match="at least 1"):
            scene.store.searches.extend(search.id, trials=0, now=scene.now)
        scene.store.searches.move(search.id, SearchState.CANCELLED, now=scene.now)
        with pytest.raises(IllegalTransition):
            scene.store.searches.extend(search.id, trials=1, now=scene.now)


class TestClaimsOfSearches:
    def test_the_oldest_free_search_is_given_to_one_controller(self, scene):
        first = scene.store.searches.add(SearchSpec(name="1"), now=scene.now)
        second = scene.store.searches.add(SearchSpec(name="2"), now=scene.later(1))
        claim = scene.store.searches.claim
        claimed = claim("a", lease_s=60, now=scene.now)
        assert (claimed.id, claimed.state, claimed.started_at) == (first.id, SearchState.RUNNING, scene.now)
        assert claim("b", lease_s=60, now=scene.now).id == second.id
        assert claim("c", lease_s=60, now=scene.now) is None

    def test_many_controllers_claim_each_search_once(self, scene):
        ids = {scene.store.searches.add(SearchSpec(name=str(i)), now=scene.now).id for i in range(6)}
        with ThreadPoolExecutor(12) as pool:
            claims = list(
                pool.map(lambda i: scene.store.searches.claim(f"c{i}", lease_s=60, now=scene.now), range(12))
            )
        assert sorted(each.id for each in claims if each) == sorted(ids)

    def test_a_claim_that_ran_out_goes_to_another_controller(self, scene):
        search = scene.search()
        assert scene.store.searches.claim("d", lease_s=60, now=scene.later(59)) is None
        assert scene.store.searches.claim("d", lease_s=60, now=scene.later(2)).id == search.id
        assert not scene.store.searches.renew_claim(search.id, "c", lease_s=60, now=scene.now)
        assert scene.store.searches.renew_claim(search.id, "d", lease_s=60, now=scene.now)

    def test_a_released_search_is_free_at_once(self, scene):
        search = scene.search()
        scene.store.searches.release_claim(search.id, "somebody else")
        assert scene.store.searches.claim("d", lease_s=60, now=scene.now) is None
        scene.store.searches.release_claim(search.id, "c")
        assert scene.store.searches.claim("d", lease_s=60, now=scene.now).id == search.id

    @pytest.mark.parametrize(
        ("state", "claimable"),
        [(SearchState.PAUSED, False), (SearchState.STOPPING, True), (SearchState.CANCELLED, False)],
    )
    def test_only_a_search_with_something_to_decide_is_claimed(self, scene, state, claimable):
        search = scene.search()
        scene.store.searches.release_claim(search.id, "c")
        scene.store.searches.move(search.id, state, now=scene.now)
        assert (scene.store.searches.claim("d", lease_s=60, now=scene.now) is not None) == claimable

    def test_a_controller_without_the_claim_decides_nothing(self, scene):
        search = scene.search()
        scene.store.searches.claim("d", lease_s=60, now=scene.later(61))
        with pytest.raises(Conflict, match="driven by d"):
            scene.trial(search)
        assert scene.store.individuals.of(search.id) == []


class TestDecisions:
    def test_individuals_and_trials_come_back_as_they_were_given(self, scene):
        search = scene.search()
        trial_id = scene.trial(search, equation="∂h ⊙ g")
        (individual,) = scene.store.individuals.of(search.id)
        assert (individual.method.equation, individual.number, individual.created_at) == (
            "∂h ⊙ g",
            0,
            scene.now,
        )
        trial = scene.store.trials.get(trial_id)
        assert (trial.spec, trial.seed, trial.state) == (search.spec.train, 2**62, TrialState.QUEUED)
        assert [each.id for each in scene.store.trials.open(search.id)] == [trial_id]

    def test_the_same_number_cannot_be_decided_twice_and_nothing_of_it_stays(self, scene):
        search = scene.search()
        scene.trial(search)
        (individual,) = scene.store.individuals.of(search.id)
        another = replace(individual, number=1)
        events = kinds(scene)
        with pytest.raises(Conflict):
            scene.store.individuals.record(search.id, "c", [another, individual], [], now=scene.now)
        assert len(scene.store.individuals.of(search.id)) == 1
        assert kinds(scene) == events

    def test_the_same_trial_cannot_be_stored_twice(self, scene):
        search = scene.search()
        trial = scene.store.trials.get(scene.trial(search))
        with pytest.raises(Conflict):
            scene.store.individuals.record(search.id, "c", [], [trial], now=scene.now)

    def test_a_paused_search_takes_no_decisions(self, scene):
        search = scene.search()
        scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
        with pytest.raises(Conflict, match="paused"):
            scene.trial(search)

    def test_individuals_are_read_from_a_number_on(self, scene):
        search = scene.search()
        for _ in range(5):
            scene.trial(search)
        assert [each.number for each in scene.store.individuals.of(search.id, after=1, limit=2)] == [2, 3]


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
        assert [kind for kind in kinds(scene) if kind.startswith("trial.")] == lifecycle

    def test_one_of_many_workers_gets_the_lease(self, scene):
        search = scene.search()
        trials = [scene.trial(search) for _ in range(8)]
        with ThreadPoolExecutor(16) as pool:
            leases = list(
                pool.map(
                    lambda job: scene.store.trials.claim(job[0], f"w/{job[1]}", lease_s=60, now=scene.now),
                    [(trial_id, worker) for trial_id in trials for worker in range(16)],
                )
            )
        assert Counter(lease.trial_id for lease in leases if lease) == dict.fromkeys(trials, 1)
        assert all(len(scene.store.trials.attempts(trial_id)) == 1 for trial_id in trials)

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

    def test_a_worker_whose_fence_is_old_writes_nothing(self, scene, train_result):
        search = scene.search()
        trial_id = scene.trial(search)
        old = scene.running(trial_id, "old/0")
        assert scene.store.trials.expire(now=scene.later(61), policy=RetryPolicy(max_attempts=3)) == [
            trial_id
        ]
        new = scene.running(trial_id, "new/0")
        assert new.fence == old.fence + 1
        assert not scene.store.trials.renew(old, lease_s=60, now=scene.now)
        assert not scene.store.trials.start(old, now=scene.now)
        assert not scene.store.trials.finish(old, train_result(0.1), now=scene.now)
        assert not scene.store.trials.release(old, now=scene.now, reason="bye", retry=True)
        assert scene.store.trials.finish(new, train_result(0.9), now=scene.now)
        assert not scene.store.trials.finish(old, train_result(0.1), now=scene.now)
        assert scene.store.trials.get(trial_id).result.validation_accuracy == 0.9
        assert [a.outcome for a in scene.store.trials.attempts(trial_id)] == ["lost", "completed"]

    def test_a_renewed_lease_does_not_expire(self, scene):
        lease = scene.running(scene.trial(scene.search()))
        assert scene.store.trials.renew(lease, lease_s=60, now=scene.later(50))
        assert scene.store.trials.expire(now=scene.later(50), policy=RetryPolicy(max_attempts=3)) == []
        assert scene.store.trials.renew(lease, lease_s=60, now=scene.now)

    def test_a_trial_whose_workers_vanish_too_often_ends_as_lost_and_counts(self, scene):
        search = scene.search()
        trial_id = scene.trial(search)
        for _ in range(3):
            scene.running(trial_id)
            scene.later(61)
            scene.store.trials.expire(now=scene.now, policy=RetryPolicy(max_attempts=3))
        lost = scene.store.trials.get(trial_id)
        assert (lost.state, lost.finish_order) == (TrialState.LOST, 1)
        assert "3 times" in lost.result.reason
        assert scene.store.searches.get(search.id).trials_done == 1
        assert len(scene.store.trials.attempts(trial_id)) == 3

    def test_each_loss_doubles_the_pause_before_the_next_attempt(self, scene):
        policy = RetryPolicy(max_attempts=5, delay_s=2, longest_delay_s=7)
        trial_id = scene.trial(scene.search())
        for pause_s in (2, 4, 7, 7):
            scene.running(trial_id)
            scene.later(61)
            assert scene.store.trials.expire(now=scene.now, policy=policy) == [trial_id]
            due = scene.now + timedelta(seconds=pause_s)
            assert scene.store.trials.get(trial_id).not_before == due
            scene.later(pause_s - 0.001)
            assert scene.store.trials.unsent(queued_before=scene.now) == []
            assert scene.store.trials.claim(trial_id, "w", lease_s=60, now=scene.now) is None
            scene.later(0.001)
            assert scene.store.trials.unsent(queued_before=scene.now) == [trial_id]
        scene.running(trial_id)
        assert scene.store.trials.get(trial_id).not_before is None

    @pytest.mark.parametrize(("lived_s", "state"), [(129, TrialState.QUEUED), (130, TrialState.TIMEOUT)])
    def test_a_trial_that_was_stopped_at_its_limit_is_a_timeout_and_not_tried_again(
        self, scene, lived_s, state
    ):
        policy = RetryPolicy(max_attempts=3, overrun_s=130, lease_s=60)
        search = scene.search()
        trial_id = scene.trial(search)
        lease = scene.running(trial_id)
        for second in (40, 80, 120, lived_s):
            now = lease.expires_at + timedelta(seconds=second - 60)
            assert scene.store.trials.renew(lease, lease_s=60, now=now)
        scene.store.trials.expire(now=scene.later(86_400), policy=policy)
        trial = scene.store.trials.get(trial_id)
        assert trial.state is state
        (attempt,) = scene.store.trials.attempts(trial_id)
        if state is TrialState.TIMEOUT:
            assert (trial.result.outcome, trial.result.wall_time_s) == (TrialState.TIMEOUT, 130)
            assert "time limit" in trial.result.reason
            assert attempt.outcome == "timeout"
            assert scene.store.searches.get(search.id).trials_done == 1
        else:
            assert attempt.outcome == "lost"

    def test_a_trial_that_was_never_started_is_no_timeout(self, scene):
        policy = RetryPolicy(max_attempts=3, overrun_s=1, lease_s=1)
        trial_id = scene.trial(scene.search())
        scene.lease(trial_id)
        scene.store.trials.expire(now=scene.later(100), policy=policy)
        assert scene.store.trials.get(trial_id).state is TrialState.QUEUED

    def test_only_the_newest_lease_can_be_lost(self, scene):
        policy = RetryPolicy(max_attempts=2)
        trial_id = scene.trial(scene.search())
        old = scene.running(trial_id)
        assert scene.store.trials.lose(old, now=scene.now, reason="it hangs", policy=policy)
        new = scene.running(trial_id)
        assert not scene.store.trials.lose(old, now=scene.now, reason="it hangs", policy=policy)
        assert scene.store.trials.lose(new, now=scene.now, reason="it hangs", policy=policy)
        assert not scene.store.trials.lose(new, now=scene.now, reason="it hangs", policy=policy)
        lost = scene.store.trials.get(trial_id)
        assert (lost.state, lost.result.reason) == (TrialState.LOST, "lost 2 times; the last time: it hangs")
        assert [(a.outcome, a.reason) for a in scene.store.trials.attempts(trial_id)] == [
            ("lost", "it hangs")
        ] * 2

    def test_many_reconcilers_put_a_trial_back_once(self, scene):
        search = scene.search()
        trials = [scene.trial(search) for _ in range(5)]
        for trial_id in trials:
            scene.running(trial_id)
        scene.later(61)
        with ThreadPoolExecutor(6) as pool:
            expired = pool.map(
                lambda _: scene.store.trials.expire(now=scene.now, policy=RetryPolicy(max_attempts=3)),
                range(6),
            )
        assert Counter(trial_id for ids in expired for trial_id in ids) == dict.fromkeys(trials, 1)

    def test_a_released_trial_is_tried_again_or_fails(self, scene):
        search = scene.search()
        trial_id = scene.trial(search)
        released = scene.running(trial_id)
        assert scene.store.trials.release(released, now=scene.now, reason="shutdown", retry=True)
        assert scene.store.trials.get(trial_id).state is TrialState.QUEUED
        second = scene.running(trial_id)
        assert scene.store.trials.release(second, now=scene.now, reason="broken", retry=False)
        assert (scene.store.trials.get(trial_id).state, scene.store.trials.get(trial_id).result.reason) == (
            TrialState.FAILED,
            "broken",
        )
        assert [a.outcome for a in scene.store.trials.attempts(trial_id)] == ["released", "failed"]

    def test_a_paused_search_gives_out_no_trials_and_sends_them_again_later(self, scene):
        search = scene.search()
        trial_id = scene.trial(search)
        scene.store.trials.touch_sent([trial_id], now=scene.later(1))
        scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.later(1))
        assert scene.store.trials.claim(trial_id, "w", lease_s=60, now=scene.now) is None
        assert scene.store.trials.unsent(queued_before=scene.later(99)) == []
        scene.store.searches.move(search.id, SearchState.RUNNING, now=scene.now)
        assert scene.store.trials.unsent(queued_before=scene.now - timedelta(seconds=50)) == [trial_id]
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
        scene.store.trials.touch_sent(trials[:2], now=scene.later(100))
        assert scene.store.trials.unsent(queued_before=scene.now - timedelta(seconds=10)) == [trials[2]]
        assert scene.store.trials.unsent(queued_before=scene.now + timedelta(seconds=10)) == trials[1:]
        assert (
            scene.store.trials.unsent(queued_before=scene.now + timedelta(seconds=10), limit=1) == trials[1:2]
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
        assert [t.id for t in scene.store.trials.page(search.id, state=TrialState.COMPLETED).items] == [
            trials[4]
        ]
        assert [t.id for t in scene.store.trials.page(search.id, purpose=Purpose.BASELINE).items] == [
            trials[0]
        ]

    def test_the_trials_of_one_behaviour_are_found_over_all_searches(self, scene):
        ids = [scene.trial(scene.search(str(i))) for i in range(3)]
        page = scene.store.trials.of_behaviour("behaviour 0", limit=2)
        rest = scene.store.trials.of_behaviour("behaviour 0", cursor=page.next_cursor)
        assert [t.id for t in (*page.items, *rest.items)] == ids[::-1]


class TestEventsAndNodes:
    def test_a_reader_resumes_after_the_last_event_it_saw(self, scene):
        search, other = scene.search("one"), scene.search("two")
        seen = scene.store.events.after(limit=3)
        scene.trial(search)
        rest = scene.store.events.after(seen[-1].id)
        assert [e.id for e in (*seen, *rest)] == [e.id for e in scene.store.events.after()]
        assert {e.search_id for e in scene.store.events.after(search_id=other.id)} == {other.id}

    def test_a_reader_that_follows_misses_nothing_while_many_write(self, scene, train_result):
        searches = [scene.search(str(i)) for i in range(8)]
        leases = [scene.running(scene.trial(search)) for search in searches * 10]
        seen = [e.id for e in scene.store.events.after()]
        with ThreadPoolExecutor(8) as pool:
            writing = [
                pool.submit(scene.store.trials.finish, each, train_result(), now=scene.now) for each in leases
            ]
            while not all(each.done() for each in writing):
                seen += [e.id for e in scene.store.events.after(seen[-1])]
        seen += [e.id for e in scene.store.events.after(seen[-1])]
        assert seen == [e.id for e in scene.store.events.after()]

    def test_nodes_are_those_heard_of_lately_with_their_busy_slots(self, scene):
        search = scene.search()
        scene.running(scene.trial(search), "a/0")
        scene.lease(scene.trial(search), "a/4711/1")
        scene.finish(scene.trial(search))
        node = NodeRecord(
            name="a", slots=4, devices=("cpu",), code_version="1", started_at=scene.now, seen_at=scene.now
        )
        scene.store.nodes.beat(node)
        scene.store.nodes.beat(replace(node, name="b"))
        scene.store.nodes.beat(replace(node, name="b", seen_at=scene.later(100)))
        assert scene.store.nodes.alive(seen_after=scene.now - timedelta(seconds=10)) == [
            replace(node, name="b", seen_at=scene.now)
        ]
        both = scene.store.nodes.alive(seen_after=scene.now - timedelta(seconds=1000))
        assert [(each.name, each.busy) for each in both] == [("a", 2), ("b", 0)]

    def test_a_migrated_database_is_ready(self, scene):
        assert scene.store.is_ready()


def keyed(scene, sha256="1", *, caller="", key="k"):
    return KeyedRequest(caller=caller, key=key, sha256=sha256, at=scene.now)


class TestRequests:
    def submit(self, scene, request, **options):
        with carrying_out(request):
            return scene.store.searches.add(SearchSpec(name="once", **options), now=scene.now)

    def test_the_second_request_under_a_key_does_nothing_whatever_it_asks(self, scene):
        first = self.submit(scene, keyed(scene))
        for second in (keyed(scene), keyed(scene, "2")):
            with pytest.raises(Conflict, match="'k'"):
                self.submit(scene, second, seed=1)
            assert (second.was_second, second.is_marked) == (True, False)
        assert scene.store.searches.page().items == (first,)

    def test_many_requests_with_one_key_store_one_search(self, scene):
        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(self.submit, scene, keyed(scene)) for _ in range(16)]
        stored = [future.result().id for future in futures if future.exception() is None]
        refused = [future.exception() for future in futures if future.exception() is not None]
        assert [each.id for each in scene.store.searches.page().items] == stored
        assert [type(each) for each in refused] == [CarriedOutAlready] * 15

    def test_a_key_belongs_to_its_caller(self, scene):
        stored = [self.submit(scene, keyed(scene, caller=caller)) for caller in ("a", "b")]
        assert len(scene.store.searches.page().items) == len(stored)

    def test_a_request_is_found_from_its_transaction_on_and_keeps_its_first_answer(self, scene):
        request, late = keyed(scene, "1"), keyed(scene, "2")
        first = Answer(status=202, headers={"location": "/x"}, body="{}")
        assert scene.store.requests.find("", "k") is None
        self.submit(scene, request)
        assert scene.store.requests.find("", "k") == EarlierRequest(sha256="1", answer=None)
        scene.store.requests.keep(request, first)
        scene.store.requests.keep(late, Answer(status=200, headers={}, body="another"))
        assert scene.store.requests.find("", "k") == EarlierRequest(sha256="1", answer=first)


CLAIM_ALL = """
import random, sys
from datetime import datetime
from backprop_evo.store.sql import open_store

url, now, worker, *trial_ids = sys.argv[1:]
store = open_store(url)
random.Random(worker).shuffle(trial_ids)
leases = [store.trials.claim(i, worker, lease_s=60, now=datetime.fromisoformat(now)) for i in trial_ids]
print(*(lease.trial_id for lease in leases if lease))
"""


@pytest.mark.slow
def test_processes_that_claim_the_same_trials_get_each_once_and_never_a_locked_database(scene, database_url):
    search = scene.search()
    trials = [scene.trial(search) for _ in range(40)]
    claiming = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM_ALL, database_url, scene.now.isoformat(), f"node/{i}", *trials],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(3)
    ]
    outputs = [process.communicate(timeout=120) for process in claiming]
    assert [errors for _, errors in outputs] == [""] * 3
    assert Counter(trial_id for claimed, _ in outputs for trial_id in claimed.split()) == dict.fromkeys(
        trials, 1
    )
