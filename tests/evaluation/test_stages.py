"""The stages of a funnel as functions of rows: what enters one, with which seeds, and which is next."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.evaluation.elsewhere import ELSEWHERE
from backprop_evo.evaluation.stages import (
    STAGE_OF,
    STAGES,
    Candidates,
    Step,
    candidates_of,
    next_step,
    stage_spec,
    stages_of,
    survivors,
)
from backprop_evo.evaluation.table import make_table
from backprop_evo.records.evaluating import MAX_SEEDS
from backprop_evo.records.funnel import Confirmation, Finalists, Transfer
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import EvaluationRecord, Role, stage_id
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.randomness import training_seed

YARDSTICK = MethodSpec("indirect-feedback")
A, B, C, D = (equation_method(text) for text in ("h * g", "g / max(h, 1.0)", "g * dh", "h + g"))


def search(**options):
    given = {
        "name": "s",
        "train": TrainSpec(model="mlp-8", epochs=2, time_limit_s=60.0),
        "finalists": Finalists(best=3, epochs=4),
        "confirmation": Confirmation(best=2, seeds=3, controls="none"),
        "transfer": Transfer(best=1, seeds=2),
    }
    return SearchSpec(**given | options)


def spec_of(role, asked, *equations, **options):
    return stage_spec(STAGE_OF[role], asked, Candidates(equations=equations), **options)


def record(role, spec, state=SearchState.COMPLETED, reason=None):
    return EvaluationRecord(
        id=stage_id("s", role),
        spec=spec,
        state=state,
        version=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        end_reason=reason,
        trials_total=spec.trials,
        search_id="s",
        role=role,
    )


@given(seed=st.integers(0, 2**63 - 1))
def test_no_two_stages_share_a_seed_with_each_other_or_with_the_search(seed):
    ranges = [
        range(first, first + MAX_SEEDS)
        for first in (spec_of(each.role, search(seed=seed), A).first_seed for each in STAGES)
    ]
    for one, other in combinations([range(used := training_seed(seed), used + 1), *ranges], 2):
        assert max(one.start, other.start) >= min(one.stop, other.stop)


def test_a_search_of_before_has_one_stage():
    assert [each.role for each in stages_of(SearchSpec(name="x"))] == [Role.CONFIRMATION]
    assert stages_of(SearchSpec(name="x", confirmation=Confirmation(best=0))) == ()
    assert [each.role for each in stages_of(search())] == list(Role)


def test_finalists_are_trained_longer_on_their_images_without_controls_or_test():
    spec = spec_of(Role.FINALISTS, search(), A, B, C, D)
    (setting,) = spec.settings
    assert (spec.methods, spec.controls, spec.seeds, spec.test) == ((A, B, C), (), 3, False)
    assert (setting.train.epochs, setting.train.time_limit_s) == (4, 120.0)
    assert setting.train.validation_part == "finalists"
    assert setting.name == "mlp-8 on cifar10-mini, 4 epochs"


def test_yardsticks_wait_for_the_confirmation():
    asked = search(yardsticks=(YARDSTICK,))
    candidates = candidates_of(asked, (A, B, YARDSTICK))
    assert candidates == Candidates(equations=(A, B), yardsticks=(YARDSTICK,))
    both = [stage_spec(STAGE_OF[role], asked, candidates).methods for role in Role]
    assert both == [(A, B), (A, B, YARDSTICK), (A,)]


def test_somebody_else_may_size_a_stage():
    for role in Role:
        spec = spec_of(role, search(), A, B, C, D, best=4, seeds=7)
        assert (spec.methods, spec.seeds) == ((A, B, C, D), 7)


@pytest.mark.parametrize(
    ("asked", "name", "differs"),
    [
        ({"train": TrainSpec()}, "other-model", {"model": "cnn"}),
        ({"train": TrainSpec(model="cnn")}, "other-model", {"model": "wrn-16-1"}),
        ({"train": TrainSpec()}, "other-data", {"data": "fashion-mnist", "train_images": 4000}),
        (
            {"train": TrainSpec(train_images=70)},
            "other-data",
            {"data": "fashion-mnist"},
        ),
        (
            {"train": TrainSpec(data="fashion-mnist")},
            "other-data",
            {"data": "cifar10-mini", "train_images": 54_000},
        ),
        ({"train": TrainSpec()}, "other-optimizer", {"optimizer": "momentum"}),
        ({"train": TrainSpec(optimizer="momentum")}, "other-optimizer", {"optimizer": "sgd"}),
        ({"train": TrainSpec(time_limit_s=5.0)}, "longer", {"epochs": 8.0, "time_limit_s": 20.0}),
    ],
)
def test_a_transfer_changes_one_thing(asked, name, differs):
    spec = spec_of(Role.TRANSFER, search(**asked, transfer=Transfer(best=1, settings=(name,))), A)
    (setting,) = spec.settings
    assert setting.train == replace(asked["train"], validation_part="finalists", **differs)
    assert spec.test


def test_all_settings_elsewhere_differ_and_have_the_length_that_was_asked_for():
    asked = search(transfer=Transfer(best=1, epochs=3, settings=tuple(ELSEWHERE)))
    spec = spec_of(Role.TRANSFER, asked, A)
    assert [each.train.epochs for each in spec.settings] == [3, 3, 3, 12]
    assert [each.name for each in spec.settings] == [
        "cnn on cifar10-mini",
        "mlp-8 on fashion-mnist",
        "mlp-8 on cifar10-mini, momentum",
        "mlp-8 on cifar10-mini, 12 epochs",
    ]
    assert [each.train.time_limit_s for each in spec.settings] == [None, None, 90.0, 360.0]


def table_of_finalists(scene, *columns, asked=None):
    """Its spec, and its table with these accuracies of plain backprop, A, B and C."""
    _, trained = scene
    spec = spec_of(Role.FINALISTS, asked or search(), A, B, C)
    outcomes = trained(spec, *columns, setting=spec.settings[0])
    return spec, make_table(spec, outcomes, seeds=spec.seeds)


DIVERGED = TrialState.DIVERGED
GOOD, BETTER, LUCKY = (0.3, 0.3, 0.3), (0.4, 0.4, 0.4), (0.9, 0.9, DIVERGED)


def test_those_that_completed_everything_survive_the_best_first(scene):
    _, table = table_of_finalists(scene, (0.2, 0.2, DIVERGED), GOOD, BETTER, LUCKY)
    assert survivors(table, search()) == (B, A)


def test_yardsticks_and_controls_are_not_chosen_among(scene):
    compared, trained = scene
    placebo = MethodSpec("placebo")
    spec = replace(compared("h * g", seeds=1), methods=(A, YARDSTICK, placebo), controls=(placebo,))
    table = make_table(spec, trained(spec, (0.1,), (0.2,), (0.3,), (0.4,)), seeds=1)
    assert survivors(table, search(yardsticks=(YARDSTICK,))) == (A,)


class TestNext:
    """``next_step``: one stage after the other."""

    def test_the_first_stage_is_ordered_and_waited_for(self):
        asked = search()
        wanted = spec_of(Role.FINALISTS, asked, A, B, C)
        ordered = next_step(asked, (A, B, C, D), {}, None)
        assert ordered == Step(order=(STAGE_OF[Role.FINALISTS], wanted))
        running = {Role.FINALISTS: record(Role.FINALISTS, wanted, SearchState.RUNNING)}
        assert next_step(asked, (A, B, C, D), running, None) == Step(open=STAGE_OF[Role.FINALISTS])

    def test_what_survived_is_confirmed_then_transferred_then_it_is_over(self, scene):
        asked = search()
        first, table = table_of_finalists(scene, GOOD, GOOD, BETTER, LUCKY)
        rows = {Role.FINALISTS: record(Role.FINALISTS, first)}
        stage, second = next_step(asked, (A, B, C), rows, lambda _row: table).order
        assert (stage.role, second.methods, second.test) == (Role.CONFIRMATION, (B, A), True)
        rows[Role.CONFIRMATION] = record(Role.CONFIRMATION, second)
        stage, third = next_step(asked, (A, B, C), rows, lambda _row: table).order
        assert (stage.role, third.methods, len(third.settings)) == (Role.TRANSFER, (B,), 2)
        rows[Role.TRANSFER] = record(Role.TRANSFER, third)
        assert next_step(asked, (A, B, C), rows, lambda _row: table) == Step()

    def test_nothing_follows_where_nothing_survived(self, scene):
        asked = search()
        first, table = table_of_finalists(scene, GOOD, LUCKY, LUCKY, LUCKY)
        rows = {Role.FINALISTS: record(Role.FINALISTS, first)}
        step = next_step(asked, (A, B, C), rows, lambda _row: table)
        assert step == Step(reason="no equation completed all its trainings in the choice of finalists")

    @pytest.mark.parametrize(
        ("state", "reason", "says"),
        [
            (SearchState.CANCELLED, None, "the choice of finalists was cancelled"),
            (SearchState.STOPPED, None, "the choice of finalists was stopped"),
            (SearchState.FAILED, "no memory", "the choice of finalists failed: no memory"),
        ],
    )
    def test_a_stage_that_ended_early_ends_the_funnel(self, state, reason, says):
        wanted = spec_of(Role.FINALISTS, search(), A, B, C)
        rows = {Role.FINALISTS: record(Role.FINALISTS, wanted, state, reason)}
        assert next_step(search(), (A, B, C), rows, None) == Step(reason=says)

    def test_a_search_that_went_on_adds_its_new_best_to_each_stage(self, scene):
        asked = search()
        first, table = table_of_finalists(scene, GOOD, GOOD, BETTER, LUCKY)
        rows = {
            Role.FINALISTS: record(Role.FINALISTS, first),
            Role.CONFIRMATION: record(Role.CONFIRMATION, spec_of(Role.CONFIRMATION, asked, C)),
        }
        stage, wider = next_step(asked, (D, A, B), rows, lambda _row: table).order
        assert (stage.role, wider.methods) == (Role.FINALISTS, (A, B, C, D))
        stage, wider = next_step(asked, (A, B), rows, lambda _row: table).order
        assert (stage.role, wider.methods) == (Role.CONFIRMATION, (C, B, A))
        rows[Role.FINALISTS] = record(Role.FINALISTS, first, SearchState.CANCELLED)
        assert next_step(asked, (D, A, B), rows, None).reason == "the choice of finalists was cancelled"

    def test_a_search_that_found_nothing_orders_nothing(self):
        assert next_step(search(), (), {}, None) == Step()
