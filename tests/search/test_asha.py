"""Asynchronous successive halving against ten lines that say what it is; lots; and that it halves."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.judging import IntermediateRecord, Judged
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.training import IntermediateValue
from backprop_evo.search.pruners import judge_value
from backprop_evo.search.replay import replay_pruning

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNGS = (10, 40, 160)


def goes_on(own, before, reduction, min_trials):
    """The rule, as ten lines: among all that were measured at this rung so far, one of the best 1/η."""
    if len(before) < min_trials:
        return True
    measured = sorted([*before, own])
    places = max(1, math.floor(len(measured) / reduction))
    return own <= measured[places - 1]


def asha(reduction=3.0, min_trials=1, spared=0.0, signal="train_loss", seed=0):
    pruner = PrunerSpec(
        name="asha", rungs=RUNGS, reduction=reduction, min_trials=min_trials, spared=spared, signal=signal
    )
    return SearchSpec(name="s", seed=seed, pruner=pruner)


def value(loss, rung=0, accuracy=None):
    return IntermediateValue(step=RUNGS[rung], rung=rung, validation_accuracy=accuracy, train_loss=loss)


def report(spec, rows, of, individual=1, purpose=Purpose.SEARCH):
    """Judge a value by the rows before it, and add its own."""
    judged = judge_value(spec, of, purpose, individual, rows)
    rows.append(
        IntermediateRecord(
            trial_id=f"s.{individual}",
            individual=individual,
            purpose=purpose,
            report_order=len(rows) + 1,
            value=of,
            judged=judged,
            at=NOW,
        )
    )
    return judged


losses = st.floats(0.01, 100, allow_nan=False)


@given(
    arriving=st.lists(losses, max_size=40),
    reduction=st.sampled_from([1.5, 2.0, 3.0, 4.0, 10.0]),
    min_trials=st.integers(1, 8),
)
def test_every_decision_is_that_of_the_rule(arriving, reduction, min_trials):
    spec, rows = asha(reduction, min_trials), []
    for place, loss in enumerate(arriving):
        judged = report(spec, rows, value(loss), place)
        assert (judged.pruned is None) == goes_on(loss, arriving[:place], reduction, min_trials)
        assert judged.spared is None


@given(accuracies=st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_by_accuracy_more_is_better(accuracies):
    spec, rows = asha(signal="validation_accuracy"), []
    for place, accuracy in enumerate(accuracies):
        judged = report(spec, rows, value(1.0, accuracy=accuracy), place)
        expected = goes_on(-accuracy, [-each for each in accuracies[:place]], 3.0, 1)
        assert (judged.pruned is None) == expected


@given(arriving=st.lists(losses, min_size=1, max_size=60), reduction=st.sampled_from([2.0, 3.0, 4.0]))
def test_the_best_so_far_always_goes_on_so_that_no_rung_dies(arriving, reduction):
    spec, rows = asha(reduction), []
    for place, loss in enumerate(arriving):
        judged = report(spec, rows, value(loss), place)
        if loss <= min(arriving[: place + 1]):
            assert judged == Judged()


def test_of_random_arrivals_a_third_goes_on():
    spec, rows = asha(3.0, min_trials=5), []
    arriving = [(7919 * place) % 600 for place in range(600)]
    kept = sum(report(spec, rows, value(1.0 + each), each).pruned is None for each in arriving)
    assert 180 <= kept <= 240


def test_rungs_are_judged_apart():
    spec, rows = asha(2.0), []
    for loss in (1.0, 2.0, 3.0):
        report(spec, rows, value(loss, rung=0))
    assert report(spec, rows, value(9.0, rung=1)).pruned is None
    assert report(spec, rows, value(9.5, rung=1)).pruned is not None


@pytest.mark.parametrize("purpose", [Purpose.BASELINE, Purpose.YARDSTICK, Purpose.CONFIRMATION])
def test_what_others_are_measured_by_neither_ends_nor_competes(purpose):
    spec, rows = asha(2.0), []
    for loss in (1.0, 1.0, 1.0):
        report(spec, rows, value(loss), purpose=purpose)
    assert report(spec, rows, value(2.0)) == Judged()
    assert report(spec, rows, value(9.0), purpose=purpose) == Judged()


def test_the_reason_says_where_it_stands():
    spec, rows = asha(3.0), []
    for loss in (1.0, 1.1, 1.2, 1.3, 1.4):
        report(spec, rows, value(loss))
    assert report(spec, rows, value(2.0)).pruned == (
        "pruned at rung 0 (step 10): training loss 2.000 is number 6 of 6, the best 2 go on"
    )


class TestLots:
    @given(seed=st.integers(0, 2**63 - 1), individual=st.integers(0, 10**6))
    def test_a_lot_holds_at_every_rung(self, seed, individual):
        spec = asha(2.0, spared=0.5, seed=seed)
        judged = []
        for rung in range(3):
            rows = []
            for _ in range(3):
                report(spec, rows, value(1.0, rung=rung))
            judged.append(report(spec, rows, value(5.0, rung=rung), individual))
        assert len({each.pruned is None for each in judged}) == 1
        assert all((each.pruned is None) != (each.spared is None) for each in judged)

    def test_the_share_is_that_asked_for_and_recorded(self):
        spec, rows = asha(2.0, spared=0.1), []
        report(spec, rows, value(0.5))
        judged = [report(spec, rows, value(1.0 + number), number) for number in range(2000)]
        assert 150 <= sum(each.spared is not None for each in judged) <= 250
        (said, *_) = [each.spared for each in judged if each.spared is not None]
        assert said.startswith("spared by lot at rung 0 (step 10): training loss")

    def test_another_seed_draws_other_lots(self):
        def spared(seed):
            spec, rows = asha(2.0, spared=0.2, seed=seed), []
            report(spec, rows, value(0.5))
            return {n for n in range(200) if report(spec, rows, value(1.0 + n), n).spared}

        assert spared(1) == spared(1)
        assert spared(1) != spared(2)

    def test_who_is_good_enough_needs_no_lot(self):
        spec, rows = asha(2.0, spared=0.99), []
        assert [report(spec, rows, value(loss), 1) for loss in (3.0, 2.0, 1.0)] == [Judged()] * 3


@given(
    arriving=st.lists(st.tuples(losses, st.integers(0, 2), st.sampled_from(list(Purpose))), max_size=40),
    seed=st.integers(0, 2**40),
)
def test_decisions_replay_from_the_rows(arriving, seed):
    spec, rows = asha(2.0, spared=0.3, seed=seed), []
    for number, (loss, rung, purpose) in enumerate(arriving):
        report(spec, rows, value(loss, rung), number, purpose)
    assert replay_pruning(spec, rows) == tuple(each.judged for each in rows)


@pytest.mark.parametrize("reduction", [1.0, 0.5, -3.0, float("nan"), float("inf")])
def test_a_reduction_that_reduces_nothing_is_refused(reduction):
    with pytest.raises(InvalidSettings, match=r"pruner\.reduction must be above 1"):
        asha(reduction)


@pytest.mark.parametrize("share", [1.0, -0.1, 2.0])
def test_not_all_can_be_spared(share):
    with pytest.raises(InvalidSettings, match=r"pruner\.spared"):
        asha(spared=share)
