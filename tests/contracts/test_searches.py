"""The contract of searches, their states and claims, over SQLite and PostgreSQL (``database_url``)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from backprop_evo.errors import (
    Conflict,
    IllegalTransition,
    InvalidInput,
    InvalidSettings,
    NotFound,
    PreconditionFailed,
)
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.proposing import VocabularySpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import LearningRateGrid, TrainSpec
from backprop_evo.search.lifecycle import VERBS, legal_verbs


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
        assert scene.kinds() == ["search.queued", "search.running", "search.paused", "search.running"]

    def test_repeating_one_changes_nothing(self, scene):
        search = scene.search()
        paused = scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
        events = scene.kinds()
        assert scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.later(9)) == paused
        assert scene.kinds() == events

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
            after = scene.store.searches.apply_verb(verb, search.id, now=scene.now)
            assert (after.state, after.version) == (verb.to, before.version + 1)
        elif state in verb.done_in:
            assert scene.store.searches.apply_verb(verb, search.id, now=scene.later(9)) == before
        else:
            with pytest.raises(IllegalTransition, match=f"is {state} and does not take") as refused:
                scene.store.searches.apply_verb(verb, search.id, now=scene.now)
            assert refused.value.legal == tuple(each.name for each in legal_verbs(state))
            assert scene.store.searches.get(search.id) == before

    def test_only_a_claim_sets_a_queued_search_running(self, scene):
        queued = scene.store.searches.add(SearchSpec(name="waits"), now=scene.now)
        with pytest.raises(IllegalTransition, match="'resume'"):
            scene.store.searches.apply_verb(VERBS["resume"], queued.id, now=scene.now)
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
                    scene.store.searches.apply_verb(VERBS[verb], search.id, **seen)
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
