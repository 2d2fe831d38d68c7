"""Pruners judge by stored values alone; the median rule against its definition; decisions replay."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.judging import GOES_ON, IntermediateRecord
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.training import IntermediateValue
from backprop_evo.search.pruners import judge_value, pruner, pruners
from backprop_evo.search.replay import replay_pruning

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MEDIAN = PrunerSpec(name="median", rungs=(10, 20), min_trials=3, spared=0.0)


def value(loss, *, rung=0, accuracy=0.1):
    return IntermediateValue(
        rung=rung, step=10 if rung is None else 10 * (rung + 1), validation_accuracy=accuracy, train_loss=loss
    )


def record(order, of, purpose=Purpose.SEARCH, judged=GOES_ON, individual=0):
    return IntermediateRecord(
        trial_id=f"t{order}",
        individual=individual,
        purpose=purpose,
        report_order=order,
        value=of,
        judged=judged,
        at=NOW,
    )


def reason(of, earlier, spec=MEDIAN, purpose=Purpose.SEARCH):
    return judge_value(SearchSpec(name="s", pruner=spec), of, purpose, 1, earlier).pruned


losses = st.floats(0.01, 100, allow_nan=False)


@given(others=st.lists(losses, max_size=12), own=losses)
def test_the_median_rule_is_its_definition(others, own):
    earlier = [record(order, value(loss)) for order, loss in enumerate(others)]
    expected = len(others) >= 3 and own > median(others)
    assert (reason(value(own), earlier) is not None) == expected


@given(others=st.lists(st.floats(0, 1), min_size=3, max_size=12), own=st.floats(0, 1))
def test_by_accuracy_less_is_worse(others, own):
    spec = replace(MEDIAN, signal="validation_accuracy", min_trials=1)
    earlier = [record(order, value(1.0, accuracy=each)) for order, each in enumerate(others)]
    assert (reason(value(1.0, accuracy=own), earlier, spec) is not None) == (own < median(others))


def test_only_the_same_rung_and_the_search_itself_are_compared():
    good = [record(order, value(0.5)) for order in range(5)]
    other_rung = [record(order, value(0.5, rung=1)) for order in range(5)]
    yardsticks = [record(order, value(0.5), Purpose.BASELINE) for order in range(5)]
    assert reason(value(2.0), good) is not None
    assert reason(value(2.0), other_rung) is None
    assert reason(value(2.0), yardsticks) is None


@pytest.mark.parametrize("purpose", [Purpose.BASELINE, Purpose.CONFIRMATION])
def test_a_yardstick_is_never_cut_short(purpose):
    good = [record(order, value(0.5)) for order in range(5)]
    assert reason(value(2.0), good, purpose=purpose) is None


def test_the_end_of_an_epoch_between_rungs_is_not_judged():
    good = [record(order, value(0.5, rung=None)) for order in range(5)]
    assert reason(value(2.0, rung=None), good) is None


def test_the_reason_names_rung_step_and_numbers():
    good = [record(order, value(0.5)) for order in range(5)]
    said = reason(value(2.0), good)
    assert said == ("pruned at rung 0 (step 10): training loss 2.000, the median of 5 trials is 0.500")


def test_none_lets_everything_go_on():
    good = [record(order, value(0.5)) for order in range(5)]
    assert reason(value(1e9), good, PrunerSpec()) is None


@given(arrived=st.lists(st.tuples(losses, st.integers(0, 1)), max_size=25))
def test_decisions_replay_from_the_stored_values(arrived):
    spec = SearchSpec(name="s", pruner=MEDIAN)
    stored = []
    for order, (loss, rung) in enumerate(arrived, start=1):
        now = value(loss, rung=rung)
        judged = judge_value(spec, now, Purpose.SEARCH, order, stored)
        stored.append(record(order, now, judged=judged, individual=order))
    assert replay_pruning(spec, stored) == tuple(each.judged for each in stored)


def test_an_unknown_pruner_is_refused_with_the_known_ones():
    with pytest.raises(InvalidSettings, match="'hyperband'") as caught:
        pruner("hyperband")
    assert caught.value.field == "pruner.name"
    assert "median" in (caught.value.hint or "")


@pytest.mark.parametrize("rungs", [(0,), (5, 5), (9, 3), tuple(range(1, 40))])
def test_rungs_rise_and_are_few(rungs):
    with pytest.raises(InvalidSettings, match=r"pruner\.rungs"):
        SearchSpec(name="s", pruner=PrunerSpec(rungs=rungs))


def test_a_further_pruner_is_one_file(tmp_path, monkeypatch):
    package = "backprop_evo.search.pruners"
    monkeypatch.setattr(sys.modules[package], "__path__", [*sys.modules[package].__path__, str(tmp_path)])
    (tmp_path / "strict.py").write_text(
        dedent("""
        class Strict:
            name, summary, needs_rungs = "strict", "stops everything", True

            def reason(self, value, peers, spec):
                return "because"

        PRUNER = Strict()
        """)
    )
    pruners.cache_clear()
    try:
        said = reason(value(1.0), [], PrunerSpec(name="strict", rungs=(10,), spared=0.0))
        assert said == "pruned at rung 0 (step 10): because"
    finally:
        pruners.cache_clear()
        sys.modules.pop(f"{package}.strict", None)
