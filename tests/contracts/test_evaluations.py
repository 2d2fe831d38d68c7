"""Evaluations beside searches, over SQLite and PostgreSQL."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from backprop_evo.errors import Conflict, IllegalTransition, InvalidSettings, NotFound, PreconditionFailed
from backprop_evo.evaluation.planning import Plan
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.search.lifecycle import EVALUATION_VERBS

SPEC = EvaluationSpec(
    name="compared",
    methods=(equation_method("g / fro(g)"), MethodSpec("indirect-feedback")),
    settings=(
        Setting(name="one", train=TrainSpec(model="mlp-8")),
        Setting(
            name="two",
            train=TrainSpec(model="mlp-8", learning_rate=RelativeStepGrid(relative_steps=(0.01, 0.1))),
        ),
    ),
    seeds=2,
    in_flight=3,
)


def kinds(scene):
    return [event.kind for event in scene.store.events.after()]


def claimed(scene, **options):
    scene.store.evaluations.add(replace(SPEC, **options), now=scene.now)
    return scene.store.evaluations.claim("c", lease_s=60, now=scene.now)


def decided(scene, evaluation):
    """The first trials, stored."""
    decisions = Plan(evaluation.id, evaluation.spec).decide(evaluation.state, 12, now=scene.now)
    scene.store.individuals.record(evaluation.id, "c", decisions.individuals, decisions.trials, now=scene.now)
    return [trial.id for trial in decisions.trials]


def test_a_spec_comes_back_as_it_was_stored(scene):
    stored = scene.store.evaluations.add(SPEC, now=scene.now)
    assert scene.store.evaluations.get(stored.id) == stored
    assert stored.spec == SPEC
    assert (stored.state, stored.trials_total, stored.trials_done) == (SearchState.QUEUED, 12, 0)
    assert (stored.seeds, stored.extensions) == (2, 0)
    assert kinds(scene) == ["evaluation.queued"]


def test_neither_noun_finds_what_is_the_others(scene):
    search, evaluation = scene.search(), claimed(scene)
    store = scene.store
    assert [each.id for each in store.searches.page().items] == [search.id]
    assert [each.id for each in store.evaluations.page().items] == [evaluation.id]
    for ask in (
        lambda: store.searches.get(evaluation.id),
        lambda: store.searches.extend(evaluation.id, trials=1, now=scene.now),
        lambda: store.searches.move(evaluation.id, SearchState.PAUSED, now=scene.now),
    ):
        with pytest.raises(NotFound, match="no search"):
            ask()
    for ask in (
        lambda: store.evaluations.get(search.id),
        lambda: store.evaluations.extend(search.id, seeds=1, now=scene.now),
        lambda: store.evaluations.apply_verb(EVALUATION_VERBS["pause"], search.id, now=scene.now),
    ):
        with pytest.raises(NotFound, match="no evaluation"):
            ask()
    assert store.evaluations.claim("d", lease_s=60, now=scene.now) is None
    assert store.searches.claim("d", lease_s=60, now=scene.now) is None
    counts = store.statistics.count()
    assert (counts.searches, counts.evaluations) == ({SearchState.RUNNING: 1}, {SearchState.RUNNING: 1})


def test_its_trials_are_leased_and_finished_like_any_and_leave_no_leaderboard(scene):
    evaluation = claimed(scene)
    first, second, third = decided(scene, evaluation)
    scene.finish(first, 0.5)
    scene.finish(second, None)
    now = scene.store.evaluations.get(evaluation.id)
    assert (now.trials_done, now.version > evaluation.version) == (2, True)
    assert scene.store.leaderboard.page(evaluation.id).items == ()
    assert [each.method.name for each in scene.store.individuals.of(evaluation.id)] == [
        "equation",
        "equation",
        "indirect-feedback",
    ]
    finished = scene.store.trials.finished(evaluation.id)
    assert [(each.purpose, each.seed, each.spec) for each in finished] == [
        (Purpose.EVALUATION, 0, SPEC.settings[0].train)
    ] * 2
    assert [each.id for each in scene.store.trials.open(evaluation.id)] == [third]


def test_deciding_the_same_twice_stores_nothing_twice(scene):
    evaluation = claimed(scene)
    decided(scene, evaluation)
    with pytest.raises(Conflict):
        decided(scene, evaluation)
    assert len(scene.store.trials.open(evaluation.id)) == 3


@pytest.mark.parametrize(
    "verb", [each for each in EVALUATION_VERBS.values() if each.to], ids=lambda v: v.name
)
@pytest.mark.parametrize("state", [SearchState.RUNNING, SearchState.PAUSED, SearchState.COMPLETED])
def test_a_verb_acts_where_its_row_says(scene, verb, state):
    evaluation = claimed(scene)
    before = scene.store.evaluations.move(evaluation.id, state, now=scene.now)
    if state in verb.legal_in:
        after = scene.store.evaluations.apply_verb(verb, evaluation.id, now=scene.now)
        assert (after.state, kinds(scene)[-1]) == (verb.to, f"evaluation.{verb.to}")
    elif state in verb.done_in:
        assert scene.store.evaluations.apply_verb(verb, evaluation.id, now=scene.now) == before
    else:
        with pytest.raises(IllegalTransition) as refused:
            scene.store.evaluations.apply_verb(verb, evaluation.id, now=scene.now)
        assert "clone" not in refused.value.legal


def test_added_seeds_are_counted_as_additions_and_set_it_running_again(scene):
    evaluation = claimed(scene)
    ended = scene.store.evaluations.move(evaluation.id, SearchState.COMPLETED, now=scene.now)
    with pytest.raises(PreconditionFailed):
        scene.store.evaluations.extend(
            evaluation.id, seeds=3, now=scene.now, expected_version=ended.version - 1
        )
    more = scene.store.evaluations.extend(evaluation.id, seeds=3, now=scene.now)
    assert (more.state, more.seeds, more.extensions, more.trials_total) == (SearchState.RUNNING, 5, 1, 30)
    assert scene.store.evaluations.extend(evaluation.id, seeds=1, now=scene.now).extensions == 2
    assert kinds(scene)[-1] == "evaluation.extended"
    for seeds in (0, 2000):
        with pytest.raises(InvalidSettings) as refused:
            scene.store.evaluations.extend(evaluation.id, seeds=seeds, now=scene.now)
        assert refused.value.field == "seeds"


def test_cancelling_ends_its_trials_and_a_lost_claim_is_taken_over(scene):
    evaluation = claimed(scene)
    trials = decided(scene, evaluation)
    scene.later(61)
    assert scene.store.evaluations.claim("d", lease_s=60, now=scene.now).id == evaluation.id
    assert not scene.store.evaluations.renew_claim(evaluation.id, "c", lease_s=60, now=scene.now)
    scene.store.evaluations.move(evaluation.id, SearchState.CANCELLED, now=scene.now)
    assert scene.store.trials.open(evaluation.id) == []
    assert scene.store.trials.claim(trials[0], "node/0", lease_s=60, now=scene.now) is None


def test_outcomes_are_what_the_finished_trials_say_without_reading_their_results(scene):
    evaluation = claimed(scene)
    first, second, third = decided(scene, evaluation)
    scene.finish(second, 0.4, test_accuracy=0.35)
    scene.finish(first, None)
    scene.store.evaluations.move(evaluation.id, SearchState.CANCELLED, now=scene.now)
    assert scene.store.trials.get(third).state is TrialState.CANCELLED
    finished = scene.store.trials.finished(evaluation.id)
    with scene.store.database.write() as connection:
        connection.execute(sa.text("UPDATE trials SET result = 'not read'"))
    outcomes = scene.store.evaluations.outcomes(evaluation.id)
    assert [(each.individual, each.spec, each.seed, each.state) for each in outcomes] == [
        (each.individual, each.spec, each.seed, each.state) for each in finished
    ]
    assert [(each.validation_accuracy, each.test_accuracy) for each in outcomes] == [
        (each.result.validation_accuracy, each.result.test_accuracy) for each in finished
    ]
    assert scene.store.evaluations.outcomes("of nothing") == []
