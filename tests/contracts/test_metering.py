"""The contract of a search's time: counted in its row by the controller that drives it, over SQLite and
PostgreSQL; and how long its trainings took."""

import pytest

from backprop_evo.errors import Conflict
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import TrainResult


@pytest.fixture
def search(scene):
    return scene.search(budget=600.0, trials=1000)


def look(scene, search, after_s, slots=2, controller="c"):
    return scene.store.searches.meter(search.id, controller, slots=slots, now=scene.later(after_s), most_s=60)


class TestMetering:
    def test_time_counts_from_the_first_look_and_while_a_slot_lives(self, scene, search):
        assert look(scene, search, 5).spent_s == 0
        assert look(scene, search, 5).spent_s == 5
        assert look(scene, search, 5, slots=0).spent_s == 5
        found = look(scene, search, 5, slots=4)
        assert (found.spent_s, found.slot_s) == (10, 2 * 5 + 4 * 5)
        assert found.time_left_s == 590

    def test_its_version_stays(self, scene, search):
        look(scene, search, 1)
        assert look(scene, search, 1).version == search.version

    def test_a_long_absence_counts_as_a_minute(self, scene, search):
        look(scene, search, 1)
        assert look(scene, search, 5000).spent_s == 60

    def test_a_pause_does_not_count(self, scene, search):
        look(scene, search, 1)
        look(scene, search, 10)
        scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.later(1))
        assert look(scene, search, 30).spent_s == 10
        scene.store.searches.move(search.id, SearchState.RUNNING, now=scene.later(1))
        assert look(scene, search, 30).spent_s == 10
        assert look(scene, search, 2).spent_s == 12

    def test_a_clock_that_went_back_takes_nothing_away(self, scene, search):
        look(scene, search, 10)
        assert look(scene, search, -5).spent_s == 0

    def test_only_the_controller_that_drives_it_counts_and_shortens(self, scene, search):
        with pytest.raises(Conflict, match="driven by c"):
            look(scene, search, 1, controller="other")
        with pytest.raises(Conflict, match="driven by c"):
            scene.store.searches.shorten(search.id, "other", trials=3, now=scene.now)

    def test_shortening_is_told_once_and_never_lengthens(self, scene, search):
        for _ in range(2):
            found = scene.store.searches.shorten(search.id, "c", trials=7, now=scene.now)
            assert (found.trials_total, found.version) == (7, search.version + 1)
        assert scene.store.searches.shorten(search.id, "c", trials=9, now=scene.now).trials_total == 7
        told = [each for each in scene.store.events.after(0, search_id=search.id) if "short" in each.kind]
        assert [each.payload for each in told] == [{"trials_total": 7, "spent_s": 0.0}]

    def test_one_that_was_paused_or_extended_meanwhile_is_not_shortened(self, scene, search):
        scene.store.searches.move(search.id, SearchState.PAUSED, now=scene.now)
        assert scene.store.searches.shorten(search.id, "c", trials=7, now=scene.now).trials_total == 1000
        scene.store.searches.move(search.id, SearchState.RUNNING, now=scene.now)
        extended = scene.store.searches.extend(search.id, trials=5, now=scene.now)
        assert not extended.keeps_time
        assert scene.store.searches.shorten(search.id, "c", trials=7, now=scene.now).trials_total == 1005


class TestTimes:
    def train(self, scene, search, seconds, epochs=2.0):
        trial_id = scene.trial(search)
        lease = scene.store.trials.claim(trial_id, "node/0", lease_s=9999, now=scene.now)
        scene.store.trials.start(lease, now=scene.now)
        result = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.5, epochs_done=epochs)
        scene.store.trials.finish(lease, result, now=scene.later(seconds))

    def test_those_of_a_search_newest_first(self, scene, search):
        for seconds in (4, 8, 16):
            self.train(scene, search, seconds, epochs=seconds / 8)
        times = scene.store.statistics.times_of(search.id)
        assert [each.seconds for each in times] == [16, 8, 4]
        assert [each.epochs_done for each in times] == [2, 1, 0.5]
        assert {(each.purpose, each.state) for each in times} == {(Purpose.SEARCH, TrialState.COMPLETED)}
        assert [each.seconds for each in scene.store.statistics.times_of(search.id, limit=2)] == [16, 8]

    def test_those_of_a_setting_over_its_newest_searches(self, scene, search):
        self.train(scene, search, 4)
        scene.later(1)
        other = scene.search("another")
        self.train(scene, other, 8)
        here = setting_id(search.spec.train)
        assert [each.seconds for each in scene.store.statistics.times_in(here)] == [8, 4]
        assert [each.seconds for each in scene.store.statistics.times_in(here, limit=1)] == [8]
        assert scene.store.statistics.times_in("nowhere") == []
