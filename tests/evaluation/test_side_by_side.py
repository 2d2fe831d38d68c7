"""Equations over trainings of one seed in one setting, against intervals written out by hand."""

import math
from dataclasses import replace
from statistics import mean, stdev

import pytest

from backprop_evo.evaluation.side_by_side import Trained, compare_equations
from backprop_evo.records.comparing import TrainingRecord
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Role
from backprop_evo.records.training import TrainSpec

QUICK, LONGER = TrainSpec(epochs=1.0), TrainSpec(epochs=2.0)
T_975 = {2: 12.706204736, 3: 4.302652730, 4: 3.182446305, 5: 2.776445105}
"""Student's t for n pairs, n − 1 degrees of freedom, from a printed table."""


def training(
    text: str, seed: int, validation: float | None, test: float | None = None, **rest: object
) -> TrainingRecord:
    given = TrainingRecord(
        trial_id=f"{text}-{seed}",
        fingerprint=text,
        method=equation_method(text),
        purpose=Purpose.EVALUATION,
        train=QUICK,
        role=Role.CONFIRMATION,
        measured_on="finalists",
        seed=seed,
        state=TrialState.DIVERGED if validation is None else TrialState.COMPLETED,
        validation_accuracy=validation,
        test_accuracy=test,
    )
    return replace(given, **rest)


def trained(text: str, *trainings: TrainingRecord) -> Trained:
    return Trained(fingerprint=text, trainings=trainings)


def of(text: str, *accuracies: float | None, **rest: object) -> Trained:
    return trained(text, *(training(text, seed, each, **rest) for seed, each in enumerate(accuracies)))


def by_hand(ones: list[float], others: list[float]) -> tuple[float, float, float]:
    apart = [one - other for one, other in zip(ones, others, strict=True)]
    reach = T_975[len(apart)] * stdev(apart) / math.sqrt(len(apart))
    return mean(apart), mean(apart) - reach, mean(apart) + reach


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_the_interval_is_that_of_the_pairs(n: int) -> None:
    ones, others = [0.41, 0.44, 0.40, 0.47, 0.42][:n], [0.36, 0.37, 0.39, 0.36, 0.40][:n]
    (block,) = compare_equations([of("g / fro(g)", *ones), of("g", *others)]).blocks
    (pair,) = block.pairs
    assert (pair.difference, pair.low, pair.high) == pytest.approx(by_hand(ones, others))
    assert (pair.n, pair.compared_by, pair.selecting) == (n, "validation", False)


def test_only_seeds_that_both_have_make_pairs() -> None:
    one = trained("h", *(training("h", seed, 0.5) for seed in (3, 4, 5)))
    other = trained("g", *(training("g", seed, 0.4 + seed / 100) for seed in (4, 5, 6)))
    (pair,) = compare_equations([one, other]).blocks[0].pairs
    assert (pair.n, pair.difference) == (2, pytest.approx((0.06 + 0.05) / 2))


def test_the_test_split_compares_where_all_pairs_have_read_it() -> None:
    both = [of("h", 0.5, 0.6, test=0.3), of("g", 0.5, 0.6, test=0.2)]
    (pair,) = compare_equations(both).blocks[0].pairs
    assert (pair.compared_by, pair.difference) == ("test", pytest.approx(0.1))
    some = [of("h", 0.5, 0.6, test=0.3), trained("g", training("g", 0, 0.4, 0.2), training("g", 1, 0.4))]
    (pair,) = compare_equations(some).blocks[0].pairs
    assert (pair.compared_by, pair.difference, pair.n) == ("validation", pytest.approx(0.15), 2)


def test_what_a_search_chose_by_is_read_only_where_there_is_nothing_else() -> None:
    chose = {"purpose": Purpose.SEARCH, "role": None}
    lucky = training("h", 9, 0.9, **chose)
    one = trained("h", lucky, *of("h", 0.5, 0.5).trainings)
    other = trained("g", training("g", 9, 0.1, **chose), *of("g", 0.4, 0.4).trainings)
    (pair,) = compare_equations([one, other]).blocks[0].pairs
    assert (pair.difference, pair.n, pair.selecting) == (pytest.approx(0.1), 2, False)
    (alone,) = compare_equations([trained("h", lucky), other]).blocks[0].pairs
    assert (alone.difference, alone.n, alone.selecting) == (pytest.approx(0.8), 1, True)


def test_the_stage_that_chooses_finalists_has_chosen_too() -> None:
    both = [of(text, 0.5, 0.6, role=Role.FINALISTS) for text in ("g", "h")]
    (block,) = compare_equations(both).blocks
    assert [each and (each.validation, each.selecting) for each in block.equations] == [(None, 2)] * 2
    assert block.pairs[0].selecting


def test_accuracies_of_other_images_make_no_pair() -> None:
    both = [of("h", 0.5, 0.6), of("g", 0.4, 0.4, measured_on="whole")]
    (pair,) = compare_equations(both).blocks[0].pairs
    assert (pair.n, pair.difference, pair.verdict) == (0, None, "never trained with the same seed")


def test_each_setting_for_itself_the_one_with_most_pairs_first() -> None:
    longer = [
        training(text, seed, value, train=LONGER)
        for text, value in (("g", 0.5), ("h", 0.7))
        for seed in (1, 2, 3)
    ]
    one = trained("g", *of("g", 0.4, 0.4).trainings, *longer[:3])
    other = trained("h", *of("h", 0.3, 0.3).trainings, *longer[3:])
    found = compare_equations([one, other]).blocks
    assert [block.setting_id for block in found] == [setting_id(LONGER), setting_id(QUICK)]
    assert [block.pairs[0].difference for block in found] == [pytest.approx(-0.2), pytest.approx(0.1)]


def test_a_setting_of_one_alone_is_none_to_compare_in() -> None:
    assert compare_equations([of("g", 0.4), of("h", 0.5, train=LONGER)]).blocks == ()


def test_a_training_that_failed_is_named_and_makes_no_pair() -> None:
    (block,) = compare_equations([of("h", 0.5, None, 0.6), of("g", 0.4, 0.4, 0.4)]).blocks
    assert block.equations[0] is not None
    assert block.equations[0].failures == "1 of 3 seeds diverged"
    assert block.pairs[0].n == 2


def test_a_training_that_was_repeated_counts_once_and_the_newest_does() -> None:
    repeated = trained("h", training("h", 0, 0.6), training("h", 0, 0.1))
    (block,) = compare_equations([repeated, of("g", 0.5)]).blocks
    assert (block.pairs[0].n, block.pairs[0].difference) == (1, pytest.approx(0.1))
    assert block.pairs[0].low is None
    assert block.pairs[0].verdict == "too few seeds: n = 1"


def test_verdicts_are_adjusted_for_how_many_pairs_there_are() -> None:
    values = {"g": [0.40, 0.41, 0.43], "h": [0.47, 0.455, 0.515], "dh": [0.40, 0.43, 0.40]}
    alone = compare_equations([of("h", *values["h"]), of("g", *values["g"])]).blocks[0].pairs[0]
    among = compare_equations([of(text, *accuracies) for text, accuracies in values.items()]).blocks[0]
    same = next(pair for pair in among.pairs if (pair.one, pair.other) == (0, 1))
    assert alone.p == pytest.approx(same.p)
    assert alone.p_adjusted == pytest.approx(alone.p)
    assert same.p_adjusted is not None
    assert same.p is not None
    assert same.p_adjusted > same.p
    assert str(alone.finding) == "better"
    assert "after adjusting for 3 comparisons" in same.verdict


def test_methods_of_another_kind_have_no_places() -> None:
    placebo = MethodSpec("placebo")
    other = trained("p", training("p", 0, 0.5, method=placebo))
    found = compare_equations([of("g", 0.4), other])
    assert found.places == ()
    assert found.blocks[0].pairs[0].difference == pytest.approx(-0.1)
