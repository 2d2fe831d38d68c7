"""Schedulers replayed over tables whose answers are known."""

import math
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.curves import BENCHMARKS, HEADER, RUNGS, grid, script

curve_table, rules, schedulers = script("curve_table"), script("scheduler_rules"), script("schedulers")

COUNT = 60
SCRIPT = BENCHMARKS / "schedulers.py"
FULL_S = 3 * (0.2 + 3.2 + 0.1)
"""All relative steps of one equation to the end: set up, trained, measured once."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory):
    """Equation n of 60 is the n-th best from the beginning on; the last ten die, every seventh is a mutant of
    the one before."""
    rows = []
    for number in range(COUNT):
        dead = {"died_after": 3} if number >= 50 else {}
        parent = f"e{number - 1}" if number % 7 == 6 else None
        rows += grid(f"e{number}", 1 - number / COUNT, parent=parent, carries_error=number != 40, **dead)
    path = tmp_path_factory.mktemp("curves") / "curves.json.xz"
    curve_table.pack(rows, HEADER, path)
    return curve_table.unpack(path)


def replayed(table, scheduler, orders=3):
    return schedulers.replay(scheduler, table, schedulers.Truth.of(table), orders)


def test_the_trainer_charges_what_was_not_done_yet(table) -> None:
    trainer = rules.Trainer(table, 0)
    assert trainer.loss(0, 0.01, 20) == pytest.approx(2.3 - 20 / 320)
    assert (trainer.steps, trainer.seconds) == (20, pytest.approx(0.2 + 0.2))
    trainer.loss(0, 0.01, 10)
    trainer.loss(0, 0.01, 20)
    assert (trainer.steps, trainer.seconds) == (20, pytest.approx(0.4))
    assert trainer.accuracy(0, 0.01, 40) == pytest.approx(0.1 + 0.3 * 40 / 320)
    trainer.accuracy(0, 0.01, 40)
    assert (trainer.steps, trainer.seconds) == (40, pytest.approx(0.7))


def test_of_a_training_that_died_only_what_it_did_is_charged(table) -> None:
    trainer = rules.Trainer(table, 0)
    assert trainer.loss(55, 0.01, 20) == math.inf
    assert trainer.accuracy(55, 0.01, 320) == 0.0
    assert (trainer.steps, trainer.seconds) == (3, pytest.approx(0.2 + 0.03))


def test_full_training_of_a_table_without_noise_finds_all_and_costs_all(table) -> None:
    replays = replayed(table, rules.full)
    assert len(replays) == 6
    for each in replays:
        assert (each.recall, each.regret) == (1.0, 0.0)
        assert each.steps == pytest.approx((50 * 3 * 320 + 10 * 3 * 3) / COUNT)
        assert each.seconds == pytest.approx((50 * FULL_S + 10 * 3 * 0.23) / COUNT)


def test_without_the_guard_a_training_at_guessing_costs_as_much_as_any_other(tmp_path: Path) -> None:
    rows = grid("g", 1.0) + grid("h", 0.1, died_after=80) + grid("h / h", 0.1, died_after=80)
    for each in rows[6:12]:
        each["reason"] = "no better than guessing after 80 steps"
    curve_table.pack(rows, HEADER, tmp_path / "curves.json.xz")
    trainer = rules.Trainer(curve_table.unpack(tmp_path / "curves.json.xz"), 0)
    rules.full_guessing_too((0, 1, 2), trainer)
    assert trainer.steps == 3 * (320 + 320 + 80)
    assert trainer.seconds == pytest.approx(FULL_S + 3 * (0.2 + 3.2) + 3 * (0.2 + 0.8))


def test_halving_at_once_keeps_exactly_the_best_share(table) -> None:
    """One of four of the 150 trainings that live, by a signal without noise: 37 go to the end."""
    (each, *_) = replayed(table, rules.HalvingAtOnce((20,), 4))
    assert each.steps == pytest.approx((113 * 20 + 37 * 320 + 30 * 3) / COUNT)
    assert each.recall == 1.0


def test_halving_finds_the_best_for_less(table) -> None:
    reference = replayed(table, rules.full)
    replays = replayed(table, rules.Halving((20,), 3))
    assert all(each.regret == 0.0 for each in replays)
    assert schedulers.is_equal(replays, reference)
    # No cheaper than the share that goes on, and the first twenty steps of the rest.
    assert 1.5 < schedulers.saving(replays, reference) < 3
    assert schedulers.found_for_a_core_hour(replays, reference) <= schedulers.saving(replays, reference)


def test_halving_by_the_book(table) -> None:
    """Arriving from the worst to the best every training goes on; from the best on, what is not among the
    best quarter ends, once five were measured."""
    scheduler = rules.Halving((20,), 4, together=False)
    worst_first, best_first = rules.Trainer(table, 0), rules.Trainer(table, 0)
    scheduler(range(39, -1, -1), worst_first)
    assert worst_first.steps == 40 * (2 * 20 + 320)
    scheduler(range(40), best_first)
    # The five before any judgement, of which none is pushed out later: numbers 6, 7, … are behind them all.
    assert best_first.steps == 40 * 3 * 20 + 300 * (5 + sum(n - 1 < n // 4 for n in range(6, 41)))


def test_screening_leaves_out_what_does_not_carry_the_error(table) -> None:
    trainer = rules.Trainer(table, 0)
    assert 40 not in rules.Halving((20,), 3, screened=True)(range(COUNT), trainer)
    assert rules.Halving((20,), 3, screened=True)((40,), untouched := rules.Trainer(table, 0)) == []
    assert (untouched.steps, untouched.seconds) == (0, 0.0)


def test_a_mutant_tries_its_parents_relative_step_alone(table) -> None:
    trainer = rules.Trainer(table, 0)
    rules.Halving((20,), 3, inherited=0)((5, 6), trainer)
    assert trainer.steps == 3 * 320 + 320
    trainer = rules.Trainer(table, 0)
    rules.Halving((20,), 3, inherited=0)((6, 5), trainer)
    assert trainer.steps == 3 * 320 + 2 * 320 + 20, "without a parent yet the whole grid"


def test_what_died_ranks_behind_all(table) -> None:
    for scheduler in (rules.Halving((20, 80), 2), rules.MedianRule((20,)), rules.HalvingAtOnce((20,), 2)):
        ranking = scheduler(list(range(COUNT)), rules.Trainer(table, 0))
        alive = [number for number in ranking if number < 50]
        assert set(ranking[: len(alive)]) == set(range(50))


def test_arrivals_are_every_equation_once_and_parents_first(table) -> None:
    orders = [schedulers.arrivals(table, Random(seed)) for seed in range(5)]
    assert orders[0] != orders[1]
    assert orders[0] == schedulers.arrivals(table, Random(0))
    for order in orders:
        assert sorted(order) == list(range(COUNT))
        for number, equation in enumerate(table.equations):
            assert equation.parent is None or order.index(equation.parent) < order.index(number)


@pytest.mark.parametrize("name", rules.tabled())
def test_every_scheduler_costs_no_more_than_full_training_and_ranks_each_once(table, name: str) -> None:
    (reference, *_) = replayed(table, rules.full, orders=1)
    for each in replayed(table, rules.tabled()[name], orders=1):
        assert each.steps <= reference.steps
        assert 0 <= each.recall <= 1
        assert each.regret >= 0


def test_each_rung_may_have_a_reduction_and_a_signal_of_its_own(table) -> None:
    def spent(*given) -> tuple[list[int], int, float]:
        trainer = rules.Trainer(table, 0)
        return list(rules.Halving(*given)(range(COUNT), trainer)), trainer.steps, trainer.seconds

    assert spent((20, 80), (2.0, 2.0), ("loss", "loss")) == spent((20, 80), 2.0, "loss")
    milder = spent((20, 80), (2.0, 1.5))
    assert spent((20, 80), 2.0)[1] < milder[1] < spent((20, 80), 1.5)[1]
    # An accuracy has to be measured, a loss comes with the steps.
    by_loss, measured = spent((20, 80), 2.0), spent((20, 80), 2.0, ("accuracy", "loss"))
    assert measured[2] > by_loss[2]


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.floats(1.1, 10))
def test_of_n_at_a_rung_at_least_one_share_goes_on(merits: list[float], reduction: float) -> None:
    halving, ascending = rules.Halving((20,), reduction), []
    went_on = [halving._goes_on(merit, ascending, reduction) for merit in merits]
    assert ascending == sorted(merits)
    assert all(went_on[:5])
    best_so_far = [merit == max(merits[: place + 1]) for place, merit in enumerate(merits)]
    assert all(goes for goes, best in zip(went_on, best_so_far, strict=True) if best)


def test_an_own_scheduler_is_one_function(table, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text("SCHEDULERS = {'as they came': lambda arrivals, trainer: arrivals}")
    curves = tmp_path / "curves.json.xz"
    curve_table.pack(grid("g", 1.0) + grid("h", 0.5), HEADER, curves)
    done = subprocess.run(
        [sys.executable, SCRIPT, "--table", curves, "--orders", "2", "--own", own],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| as they came | 0 ± 0 | 0.00 ± 0.00 |" in done.stdout


@pytest.mark.parametrize("wrong", [[0, 0], [COUNT]])
def test_a_ranking_that_is_none_is_refused(table, wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="at most once"):
        replayed(table, lambda *_: wrong)


def test_the_table_of_schedulers(table) -> None:
    results = {
        name: replayed(table, scheduler)
        for name, scheduler in {
            schedulers.REFERENCE: rules.full,
            "cheap": rules.Halving((20,), 3),
            "blind": lambda arrivals, trainer: [trainer.loss(n, 0.01, 5) and n for n in arrivals],
        }.items()
    }
    text = schedulers.scheduler_table(results)
    assert "| full training at the full grid | 802 ± 0 |" in text
    assert "| **1.0×** | 1.00 ± 0.00 | 0.0 ± 0.0 | 1.0× |" in text
    assert "The most of these: cheap" in text.replace("the most", "The most")
    assert "n = 6 replays" in text
    assert "| blind | 5 ± 0 |" in text
    assert "**" not in next(line for line in text.splitlines() if line.startswith("| blind"))


def test_a_page_is_changed_between_its_marks_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{schedulers.BEGIN}\nold\n{schedulers.END}\nafter\n")
    schedulers.into_document(page, "new")
    assert page.read_text() == f"before\n{schedulers.BEGIN}\n\nnew\n\n{schedulers.END}\nafter\n"
    page.write_text("none")
    with pytest.raises(ValueError, match="has no"):
        schedulers.into_document(page, "new")


def test_rungs_are_those_of_the_table() -> None:
    assert rules.RUNGS == RUNGS
