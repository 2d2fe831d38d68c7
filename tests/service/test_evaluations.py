"""Driving an evaluation from rows: to the end, through crashes, past other controllers."""

import pytest

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.table import table_of
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.states import SearchState
from backprop_evo.records.training import TrainSpec
from backprop_evo.service import Service, drive_once
from tests.service.lives import CrashingStore, run_to_the_end

SMALL = Setting(name="small", train=TrainSpec(model="mlp-8", epochs=1))


def spec(**options):
    methods = (equation_method("g / fro(g)"), equation_method("g * dh"))
    return EvaluationSpec(**({"name": "e", "methods": methods, "settings": (SMALL,), "seeds": 3} | options))


def drive_to_the_end(store, clock, evaluation_id, train, *, forget):
    """``forget``: a new controller after every step."""
    progress = None
    while not (evaluation := store.evaluations.get(evaluation_id)).state.is_terminal:
        evaluation = store.evaluations.claim("c", lease_s=60, now=clock()) or evaluation
        progress, _ = drive_once(store, evaluation, "c", None if forget else progress, now=clock())
        if forget:
            store.evaluations.release_claim(evaluation.id, "c")
        train(store, evaluation_id, clock())


@pytest.mark.parametrize("forget", [False, True])
def test_it_runs_to_its_end_with_every_training_once(store, clock, train, forget):
    evaluation = store.evaluations.add(spec(), now=clock())
    drive_to_the_end(store, clock, evaluation.id, train, forget=forget)
    ended = store.evaluations.get(evaluation.id)
    assert (ended.state, ended.trials_done, ended.trials_total) == (SearchState.COMPLETED, 9, 9)
    trials = store.trials.finished(evaluation.id)
    assert [trial.seed for trial in trials] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    table = table_of(ended, trials)
    assert Service(store).evaluation_table(ended) == table, "without reading curves"
    (block,) = table.blocks
    assert [(row.n, row.pairs) for row in block.rows] == [(3, 0), (3, 3), (3, 3)]


@pytest.mark.slow
def test_a_controller_may_die_at_every_call(store, clock, train):
    """As for a search: every training once, whatever call was the last."""

    def evaluated(at):
        evaluation = store.evaluations.add(spec(seeds=2), now=clock())
        crashing = CrashingStore(store, at)
        run_to_the_end(crashing, clock, "evaluations", evaluation.id, train)
        ended = store.evaluations.get(evaluation.id)
        trials = store.trials.page(evaluation.id, limit=100).items
        assert (ended.state, ended.trials_done) == (SearchState.COMPLETED, 6)
        assert sorted((trial.individual, trial.seed) for trial in trials) == [
            (row, seed) for row in range(3) for seed in range(2)
        ]
        assert len(store.individuals.of(evaluation.id)) == 3
        return crashing

    alive = evaluated(at=None)
    assert alive.calls > 30
    assert len(alive.writing) > 20
    for at in alive.writing:
        evaluated(at)


def test_seeds_that_are_added_are_trained_and_told_as_a_second_look(store, clock, train):
    evaluation = store.evaluations.add(spec(), now=clock())
    drive_to_the_end(store, clock, evaluation.id, train, forget=False)
    store.evaluations.extend(evaluation.id, seeds=2, now=clock())
    drive_to_the_end(store, clock, evaluation.id, train, forget=False)
    ended = store.evaluations.get(evaluation.id)
    table = table_of(ended, store.trials.finished(evaluation.id))
    assert (table.seeds, table.looks, table.ended) == (5, 2, 15)
    assert any(remark.startswith("Second look: seeds were added once, 2 in all") for remark in table.remarks)


def test_one_that_cannot_be_carried_out_fails_with_the_reason(store, clock, train):
    evaluation = store.evaluations.add(spec(methods=(MethodSpec("of-a-later-version"),)), now=clock())
    claimed = store.evaluations.claim("c", lease_s=60, now=clock())
    with pytest.raises(InvalidInput, match="of-a-later-version"):
        drive_once(store, claimed, "c", None, now=clock())
    failed = store.evaluations.get(evaluation.id)
    assert failed.state is SearchState.FAILED
    assert "of-a-later-version" in failed.failure
