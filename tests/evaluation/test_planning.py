"""The plan as a story: seeds first, slots filled, slow trials waited for, seeds added, a crash survived."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.evaluation.planning import Plan, trainings
from backprop_evo.records.evaluating import EvaluationSpec, Setting, setting_id
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import FinishRecord, Origin
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = Setting(name="small", train=TrainSpec(model="mlp-8", epochs=1))
WIDE = Setting(name="wide", train=TrainSpec(model="mlp-16", epochs=1))


def spec(**options):
    methods = (equation_method("g / fro(g)"), MethodSpec("indirect-feedback"))
    known = {"name": "two", "methods": methods, "settings": (SMALL, WIDE), "seeds": 2, "in_flight": 4}
    return EvaluationSpec(**(known | options))


class Story:
    """A plan and its finishes, in the order in which they were heard."""

    def __init__(self, of, **options):
        self.spec, self.plan, self.total = of, Plan("e", of, **options), of.trials
        self.sent, self.finished = [], []

    def decide(self, state=SearchState.RUNNING):
        decisions = self.plan.decide(state, self.total, now=NOW)
        self.sent += decisions.trials
        return decisions

    def finish(self, trial, state=TrialState.COMPLETED):
        self.finished.append(trial)
        self.plan.observe(
            FinishRecord(
                trial_id=trial.id,
                individual=trial.individual,
                purpose=trial.purpose,
                state=state,
                finish_order=len(self.finished),
                validation_accuracy=0.5,
            )
        )

    def to_the_end(self):
        while (decisions := self.decide()).end is None:
            for trial in decisions.trials or self.sent:
                if trial not in self.finished:
                    self.finish(trial)
        return decisions.end


def test_the_first_seed_of_everything_comes_before_the_second():
    story = Story(spec())
    assert story.to_the_end() is SearchState.COMPLETED
    told = [(trial.seed, trial.spec.model, trial.individual) for trial in story.sent]
    assert told == [
        (seed, model, row) for seed in (0, 1) for model in ("mlp-8", "mlp-16") for row in range(3)
    ]
    assert {trial.purpose for trial in story.sent} == {Purpose.EVALUATION}
    assert len({trial.id for trial in story.sent}) == story.spec.trials == 12


def test_methods_are_stored_once_the_baseline_first_and_slots_are_never_overfilled():
    story = Story(spec())
    first = story.decide()
    assert [each.number for each in first.individuals] == [0, 1, 2]
    assert {each.origin for each in first.individuals} == {Origin.EVALUATED}
    assert first.individuals[0].method.equation == "g"
    assert len(first.trials) == 4
    assert story.decide().is_empty
    story.finish(first.trials[2], TrialState.DIVERGED)
    second = story.decide()
    assert (len(second.individuals), len(second.trials)) == (0, 1)
    assert second.trials[0].id not in {trial.id for trial in first.trials}


def test_it_ends_when_the_slowest_has_ended_and_not_before():
    story = Story(spec(seeds=1, in_flight=6))
    *quick, slow = story.decide().trials
    for trial in quick:
        story.finish(trial)
        assert story.decide().end is None
    story.finish(slow)
    assert story.decide().end is SearchState.COMPLETED


def test_added_seeds_are_trained_after_those_that_were_there():
    story = Story(spec())
    story.to_the_end()
    before = len(story.sent)
    story.total += 3 * story.spec.trainings_a_seed
    assert story.to_the_end() is SearchState.COMPLETED
    assert [trial.seed for trial in story.sent[before::6]] == [2, 3, 4]


def test_methods_that_came_later_are_stored_and_trained_behind_the_others():
    story = Story(spec())
    story.to_the_end()
    wider = replace(story.spec, methods=(*story.spec.methods, equation_method("g * dh")))
    known = [trial.id for trial in story.sent]
    again = Plan("e", wider, methods=len(story.spec.rows), known=known)
    for order, trial_id in enumerate(known, start=1):
        finish = FinishRecord(
            trial_id=trial_id,
            individual=0,
            purpose=Purpose.EVALUATION,
            state=TrialState.COMPLETED,
            finish_order=order,
            validation_accuracy=0.1,
        )
        again.observe(finish)
    decided = again.decide(SearchState.RUNNING, wider.trials, now=NOW)
    assert [each.method for each in decided.individuals] == [equation_method("g * dh")]
    assert {trial.individual for trial in decided.trials} == {len(story.spec.rows)}
    assert {trial.id for trial in decided.trials}.isdisjoint(known)


def test_a_plan_rebuilt_from_rows_sends_what_is_left_and_nothing_twice():
    story = Story(spec())
    out = story.decide().trials
    again = Plan("e", story.spec, methods=len(story.spec.rows), known=[trial.id for trial in out])
    assert again.decide(SearchState.RUNNING, story.total, now=NOW).is_empty
    for order, trial in enumerate(out, start=1):
        again.observe(
            FinishRecord(
                trial_id=trial.id,
                individual=trial.individual,
                purpose=trial.purpose,
                state=TrialState.COMPLETED,
                finish_order=order,
                validation_accuracy=0.1,
            )
        )
    decided = again.decide(SearchState.RUNNING, story.total, now=NOW)
    assert not decided.individuals
    assert not {trial.id for trial in decided.trials} & {trial.id for trial in out}
    with pytest.raises(ValueError, match="finish 9 after 4"):
        again.observe(
            FinishRecord(
                trial_id="x",
                individual=0,
                purpose=Purpose.EVALUATION,
                state=TrialState.LOST,
                finish_order=9,
                validation_accuracy=None,
            )
        )


def test_paused_it_decides_nothing_and_stopping_it_waits_for_what_is_out():
    story = Story(spec())
    out = story.decide().trials
    assert story.decide(SearchState.PAUSED).is_empty
    assert story.decide(SearchState.STOPPING).end is None
    for trial in out:
        story.finish(trial)
    assert story.decide(SearchState.STOPPING).end is SearchState.STOPPED


def test_the_test_split_is_read_where_the_evaluation_says_so():
    assert {each.train.evaluate_test for each in trainings(spec(), 2)} == {False}
    assert {each.train.evaluate_test for each in trainings(spec(test=True), 2)} == {True}


def test_the_baseline_is_a_row_once():
    own, g = equation_method("g / fro(g)"), equation_method("g")
    assert spec(methods=(own, g)).rows == (g, own)
    assert spec(methods=(own,)).rows == (g, own)
    assert spec(methods=(own,), baseline=own).rows == (own,)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"methods": ()}, "methods"),
        ({"methods": (equation_method("g"),) * 2}, "methods"),
        ({"methods": tuple(equation_method(f"g * {k}.0") for k in range(201))}, "methods"),
        ({"settings": ()}, "settings"),
        ({"settings": (SMALL, replace(WIDE, name="small"))}, "settings"),
        ({"settings": (SMALL, replace(SMALL, name="again"))}, "settings"),
        ({"settings": (Setting(name="t", train=TrainSpec(evaluate_test=True)),)}, "settings"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": 1001}, "seeds"),
        ({"methods": tuple(equation_method(f"g * {k}.0") for k in range(150)), "seeds": 999}, "seeds"),
        ({"first_seed": 2**31}, "first_seed"),
        ({"in_flight": 0}, "in_flight"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(change, field):
    with pytest.raises(InvalidSettings) as refused:
        spec(**change)
    assert refused.value.field == field


def test_a_setting_is_known_by_what_changes_a_result():
    train = TrainSpec(model="mlp-8", epochs=20)
    same = [
        replace(train, epochs=20.0),
        replace(train, time_limit_s=9.0),
        replace(train, memory_limit_mib=100.0),
        replace(train, evaluate_test=True),
    ]
    assert {setting_id(each) for each in same} == {setting_id(train)}
    other = [
        replace(train, model="mlp-9"),
        replace(train, batch_size=64),
        replace(train, reestimate_batches=3),
        replace(train, learning_rate=LearningRateGrid(rates=(0.1, 1.0))),
        replace(train, learning_rate=RelativeStepGrid(relative_steps=(0.1, 1.0))),
    ]
    assert len({setting_id(each) for each in (train, *other)}) == 6


def test_an_id_of_before_still_names_its_setting():
    """Stored tables are compared by it: a field that is added must not change it."""
    before = TrainSpec(
        model="mlp-8", epochs=1, learning_rate=0.1, reestimate_batches=0, validation_part="whole"
    )
    assert setting_id(before) == "6154b65db7b7"


def test_the_images_that_measure_are_no_part_of_a_setting_but_their_parting_is():
    """Rates are chosen on all images or on some: another training. Who is measured where is not."""
    fitness, finalists, whole = (
        setting_id(TrainSpec(validation_part=part)) for part in ("fitness", "finalists", "whole")
    )
    assert fitness == finalists != whole
