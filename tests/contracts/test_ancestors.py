"""The contract of what is read of an ancestry and of a behaviour, over SQLite and PostgreSQL."""

from dataclasses import replace

import pytest

from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import IndividualRecord, Origin


def individual(scene, search, number, parent=None, **rest):
    given = IndividualRecord(
        search_id=search.id,
        number=number,
        origin=Origin.RANDOM if parent is None else Origin.MUTATION,
        method=equation_method(f"{number}.0 * g"),
        canonical=None,
        fingerprint=f"behaviour {number}",
        parent=parent,
        twin=None,
        mutation=None,
        finishes_known=0,
        created_at=scene.now,
    )
    return replace(given, **rest)


def tell(scene, search, *individuals):
    scene.store.individuals.record(search.id, "c", individuals, [], now=scene.now)


def numbers(scene, search, *asked, **options):
    return [each.number for each in scene.store.individuals.ancestors(search.id, asked, **options)]


class TestAncestors:
    def test_parents_twins_and_measurements_are_followed_nearest_first(self, scene):
        search, other = scene.search(), scene.search("other")
        tell(
            scene,
            search,
            individual(scene, search, 0),
            individual(scene, search, 1, 0),
            individual(scene, search, 2),
            individual(scene, search, 3, 1, twin=2),
            individual(scene, search, 4, remeasures=3),
            individual(scene, search, 5, 1),
        )
        tell(scene, other, *(individual(scene, other, number) for number in range(6)))
        assert numbers(scene, search, 4) == [4, 3, 2, 1, 0]
        assert numbers(scene, search, 5) == [5, 1, 0]
        assert numbers(scene, other, 5) == [5]

    def test_of_several_each_comes_once(self, scene):
        search = scene.search()
        tell(scene, search, individual(scene, search, 0), *(individual(scene, search, n, 0) for n in (1, 2)))
        assert numbers(scene, search, 1, 2) == [2, 1, 0]

    def test_no_more_than_asked_for_and_no_further(self, scene):
        search = scene.search()
        chain = [individual(scene, search, n, n - 1 if n else None) for n in range(8)]
        tell(scene, search, *chain)
        assert numbers(scene, search, 7, limit=3) == [7, 6, 5]
        assert numbers(scene, search, 7, steps=1) == [7, 6]
        assert numbers(scene, search, 2, 5, steps=0) == [5, 2]

    def test_whatever_was_stored_it_ends(self, scene):
        search = scene.search()
        tell(
            scene,
            search,
            individual(scene, search, 0, 1),
            individual(scene, search, 1, 0),
            individual(scene, search, 2, 2),
        )
        assert numbers(scene, search, 1) == [1, 0]
        assert numbers(scene, search, 2) == [2]
        assert numbers(scene, search, 99) == []


class TestBehaviours:
    def test_the_first_of_each_behaviour_in_its_search(self, scene):
        search, other = scene.search(), scene.search("other")
        same = {"fingerprint": "same"}
        tell(
            scene,
            search,
            individual(scene, search, 0, **same),
            individual(scene, search, 1, twin=0, **same),
            individual(scene, search, 2, remeasures=0, **same),
        )
        tell(scene, other, individual(scene, other, 0), individual(scene, other, 1, **same))
        first = scene.store.individuals.first_of(search.id, {"same", "unknown"})
        assert {name: each.number for name, each in first.items()} == {"same": 0}
        assert scene.store.individuals.first_of(search.id, set()) == {}
        found = scene.store.individuals.of_behaviour("same")
        assert {(each.search_id, each.number) for each in found} == {(search.id, 0), (other.id, 1)}
        assert len(scene.store.individuals.of_behaviour("same", limit=1)) == 1

    def test_a_method_of_an_evaluation_was_not_proposed(self, scene):
        search = scene.search()
        tell(scene, search, individual(scene, search, 0, origin=Origin.EVALUATED))
        assert scene.store.individuals.of_behaviour("behaviour 0") == []

    def test_fitnesses_are_of_those_that_have_one(self, scene):
        search, other = scene.search(), scene.search("other")
        scene.finish(scene.trial(search), 0.25)
        scene.finish(scene.trial(search), None)
        scene.finish(scene.trial(other), 0.75)
        found = scene.store.individuals.fitnesses(search.id, [0, 1, 2])
        assert {number: (each.mean, each.n) for number, each in found.items()} == {0: (0.25, 1)}

    def test_trainings_of_a_behaviour_newest_first_with_the_setting_of_their_search(self, scene):
        search, other = scene.search(), scene.search("other")
        narrow = replace(search.spec.train, learning_rate=0.7)  # as where a rate is inherited
        scene.finish(scene.trial(search, spec=narrow), 0.25)
        scene.finish(scene.trial(other, purpose=Purpose.BASELINE), None)
        scene.trial(scene.search("third"))  # has not ended
        newest, oldest = scene.store.statistics.trainings_of("behaviour 0")
        assert (newest.purpose, newest.validation_accuracy, str(newest.state)) == (
            "baseline",
            None,
            "diverged",
        )
        assert (oldest.validation_accuracy, oldest.train, oldest.role) == (0.25, search.spec.train, None)
        assert oldest.is_selecting
        assert [each.trial_id for each in scene.store.statistics.trainings_of("behaviour 0", limit=1)] == [
            newest.trial_id
        ]
        assert scene.store.statistics.trainings_of("unknown") == []

    def test_results_are_of_those_that_have_ended(self, scene):
        search = scene.search()
        done, waiting = scene.trial(search), scene.trial(search)
        scene.finish(done, 0.5)
        found = scene.store.statistics.results([done, waiting, "unknown"])
        assert {trial: each.validation_accuracy for trial, each in found.items()} == {done: 0.5}
        assert found[done].curve[-1].validation_accuracy == pytest.approx(0.5)
