"""Two searches side by side: by pairs where seeds are equal, in words, refused across settings."""

from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean

import pytest
from scipy import stats

from backprop_evo.errors import InvalidSettings
from backprop_evo.evaluation.comparison import Read, compare
from backprop_evo.evaluation.stages import STAGE_OF, Candidates, stage_spec
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import EvaluationRecord, OutcomeRecord, Role, SearchRecord
from backprop_evo.records.training import TrainSpec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = SearchSpec(name="first", train=TrainSpec(), confirmation=Confirmation(best=2, seeds=3, controls="few"))


def read(search_id="a", columns=(), *, fitness=(0.2,), test=0.01, state=SearchState.COMPLETED, **options):
    """A search whose finalists, ``1.0 * g``, ``2.0 * g`` …, have these validation accuracies; the test
    accuracy is ``test`` less. None: no result for that seed."""
    spec = replace(SPEC, **{"strategy": "evolution" if search_id == "a" else "random"} | options)
    known = {"version": 1, "created_at": NOW, "trials_total": spec.trials}
    search = SearchRecord(id=search_id, spec=spec, state=state, **known)
    ends = [
        EndRecord(
            individual=number,
            purpose=Purpose.SEARCH,
            state=TrialState.COMPLETED,
            validation_accuracy=accuracy,
            wall_time_s=2.0,
        )
        for number, accuracy in enumerate(fitness)
    ]
    confirmation, outcomes = None, []
    if columns:
        texts = [equation_method(f"{number}.0 * g") for number in range(1, len(columns) + 1)]
        ordered = stage_spec(STAGE_OF[Role.CONFIRMATION], spec, Candidates(equations=tuple(texts)))
        confirmation = EvaluationRecord(
            id=f"{search_id}-confirmation",
            spec=ordered,
            state=state,
            **known | {"trials_total": ordered.trials},
        )
        every = [(0.9,) * 3, *columns, *((0.99,) * 3 for _ in ordered.controls)]
        outcomes = [
            OutcomeRecord(
                individual=row,
                spec=ordered.settings[0].train,
                seed=ordered.first_seed + place,
                state=TrialState.COMPLETED if accuracy is not None else TrialState.DIVERGED,
                validation_accuracy=accuracy,
                test_accuracy=None if accuracy is None else accuracy - test,
            )
            for row, column in enumerate(every)
            for place, accuracy in enumerate(column)
        ]
    return Read(search=search, individuals=[], ends=ends, confirmation=confirmation, outcomes=outcomes)


ONES, OTHERS = (0.40, 0.42, 0.41), (0.37, 0.40, 0.38)


def test_the_best_are_compared_by_pairs_of_one_seed():
    found = compare(read("a", [(0.3, 0.3, 0.3), ONES]), read("b", [OTHERS]))
    expected = stats.ttest_rel(ONES, OTHERS)
    interval = expected.confidence_interval(0.95)
    assert found.paired
    assert (found.n, found.compared_by) == (3, "test")
    assert found.difference == pytest.approx(fmean(ONES) - fmean(OTHERS))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(expected.pvalue)
    assert found.one.best.text == "2.0 * g", "the better of two finalists, and no measure"
    assert found.one.best.accuracies.mean == pytest.approx(fmean(ONES) - 0.01), "of the test split"
    assert found.sentence == (
        "Evolution's best stands 2.7 points above random search's on new seeds, 1.2 … 4.1, n = 3."
    )


def test_the_other_way_round_it_says_the_same():
    one, other = read("a", [OTHERS]), read("b", [ONES])
    found, turned = compare(one, other), compare(other, one)
    assert found.difference == pytest.approx(-turned.difference)
    assert found.sentence == turned.sentence
    assert found.sentence.startswith("Random search's best stands 2.7 points above evolution's")


def test_by_validation_it_says_that_choosing_made_both_too_good():
    asked = replace(SPEC.confirmation, test=False)
    found = compare(read("a", [ONES], confirmation=asked), read("b", [OTHERS], confirmation=asked))
    assert found.compared_by == "validation"
    assert found.one.best.accuracies.mean == pytest.approx(fmean(ONES))
    assert any("a little high" in remark for remark in found.remarks)


def test_searches_of_different_seeds_are_compared_by_means():
    found = compare(read("a", [ONES]), read("b", [OTHERS], seed=5))
    expected = stats.ttest_ind(ONES, OTHERS, equal_var=False)
    assert not found.paired
    assert found.p == pytest.approx(expected.pvalue)
    assert any("Welch" in remark for remark in found.remarks)


def test_what_shows_nothing_says_so():
    found = compare(read("a", [(0.40, 0.30, 0.35)]), read("b", [(0.30, 0.41, 0.33)]))
    assert found.finding == "no difference shown"
    assert found.sentence.startswith("No difference shown: ")
    same = compare(read("a", [ONES]), read("b", [ONES]))
    assert "stand level" in same.sentence


def test_an_equation_that_failed_on_one_seed_is_no_best():
    found = compare(read("a", [(0.9, 0.9, None), ONES]), read("b", [(0.9, None, 0.9)]))
    assert found.one.best.text == "2.0 * g"
    assert (found.other.best, found.difference, found.n) == (None, None, 0)


def test_before_anything_is_confirmed_fitness_is_compared_after_as_many_trainings():
    one = read("a", fitness=(0.2, 0.3, 0.5), state=SearchState.RUNNING)
    found = compare(one, read("b", fitness=(0.25, 0.1)))
    assert (found.trainings, found.worker_s) == (2, 4.0)
    assert (found.one.fitness, found.one.fitness_alike, found.one.fitness_alike_s) == (0.5, 0.3, 0.3)
    assert found.sentence == (
        "Evolution's best stands 5.0 points above random search's after 2 trainings each, by fitness, "
        "not on new seeds."
    )
    assert found.remarks == ("Not ended: a.",)
    assert compare(read(fitness=()), read("b")).sentence == "There is nothing to compare yet."


def test_one_seed_has_no_interval():
    asked = replace(SPEC.confirmation, seeds=1)
    found = compare(read("a", [(0.4,)], confirmation=asked), read("b", [(0.3,)], confirmation=asked))
    assert (found.n, found.low) == (1, None)
    assert "too few seeds for an interval" in found.sentence


def test_searches_of_one_strategy_go_by_their_names():
    found = compare(read("a"), read("b", strategy="evolution", name="second"))
    assert (found.one.called, found.other.called) == ("“first”", "“second”")


def test_what_was_not_equal_is_remarked():
    found = compare(read("a", start=("g",)), read("b", trials=7))
    assert "Different budgets: 100 and 7 trainings." in found.remarks
    assert any(remark.startswith("a was given 1 start equation,") for remark in found.remarks)


def test_different_settings_are_refused_in_words():
    with pytest.raises(
        InvalidSettings, match=r"one setting.*a trains .*2 epochs.*b trains .*3 epochs"
    ) as refused:
        compare(read("a"), read("b", train=TrainSpec(epochs=3.0)))
    assert refused.value.field == "with"
    with pytest.raises(InvalidSettings, match="not with itself"):
        compare(read("a"), read("a"))


def test_a_limit_is_no_other_setting():
    compare(read("a"), read("b", train=TrainSpec(time_limit_s=9.0)))


def test_confirmations_in_different_settings_are_not_compared():
    longer = replace(SPEC.confirmation, epochs=5.0)
    found = compare(read("a", [ONES]), read("b", [OTHERS], confirmation=longer))
    assert found.one.best is not None
    assert found.other.best is not None
    assert (found.difference, found.n) == (None, 0)
    assert any("Confirmed in different settings" in remark for remark in found.remarks)
    assert "by fitness, not on new seeds" in found.sentence
