"""The contract of what controllers decide, over SQLite and PostgreSQL (``database_url``)."""

from dataclasses import replace

import pytest

from backprop_evo.errors import Conflict
from backprop_evo.records.states import SearchState, TrialState


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
        events = scene.kinds()
        with pytest.raises(Conflict):
            scene.store.individuals.record(search.id, "c", [another, individual], [], now=scene.now)
        assert len(scene.store.individuals.of(search.id)) == 1
        assert scene.kinds() == events

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

    def test_individuals_are_counted_by_search(self, scene):
        search, other = scene.search(), scene.search()
        assert scene.store.individuals.count(search.id) == 0
        for _ in range(3):
            scene.trial(search)
        scene.trial(other)
        assert [scene.store.individuals.count(each.id) for each in (search, other)] == [3, 1]
