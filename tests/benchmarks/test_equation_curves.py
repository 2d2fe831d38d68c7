"""The script that makes the table of curves, and the table that was made by it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import dsl
from backprop_evo.records.training import IntermediateValue
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.images import Images, load_images
from tests.benchmarks.curves import row, script

curves, curve_table = script("equation_curves"), script("curve_table")
FEW = {"mutants": 6, "twice": 5, "random": 7}
PACKED = curve_table.PACKED


@pytest.fixture(scope="module")
def images() -> Images:
    capability = choose("cpu", precision="float32", images=True)
    return load_images(replace(curves.SPEC, data="cifar10-mini", validation_images=20), capability, None)


@pytest.fixture(scope="module")
def table() -> Any:
    return curve_table.unpack()


def trained(equation: str, images: Images, relative_step: float = 0.01) -> dict[str, Any]:
    with torch.random.fork_rng():
        return curves.train(curves.Task(curves.Drawn(equation, "known"), 0, relative_step, (2, 4)), images)


def test_equations_are_drawn_the_same_every_time_and_no_two_are_twins() -> None:
    drawn = curves.draw_equations(**FEW)
    assert drawn == curves.draw_equations(**FEW)
    assert Counter(each.origin for each in drawn) == {
        "known": 25,
        "mutant": 6,
        "twice mutated": 5,
        "random": 7,
    }
    marks = {dsl.fingerprint(dsl.canonical(dsl.parse(each.text))) for each in drawn}
    assert len(marks) == len(drawn)


def test_a_mutant_has_a_parent_of_the_origin_before() -> None:
    drawn = {each.text: each for each in curves.draw_equations(**FEW)}
    before = {"mutant": "known", "twice mutated": "mutant"}
    for each in drawn.values():
        assert (each.parent is None) == (each.origin not in before)
        if each.parent is not None:
            assert drawn[each.parent].origin == before[each.origin]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g", True),
        ("left(b_top_R_L_dh, h)", True),
        ("mean(g) * h", True),
        ("h", False),
        ("left(h, g)", False),
    ],
)
def test_what_carries_the_error(text: str, expected: bool) -> None:
    assert curves.carries_error(text) is expected


def test_the_first_seed_of_all_equations_comes_first() -> None:
    drawn = curves.draw_equations(**FEW)
    tasks = curves.grid(drawn, (0, 1))
    assert len(tasks) == len(set(task.key for task in tasks)) == 2 * 3 * len(drawn)
    half = len(tasks) // 2
    assert {task.seed for task in tasks[:half]} == {0}
    assert {task.equation for task in tasks[:half]} == set(drawn)
    assert [task.equation for task in tasks[:half:3]] != drawn


def test_a_training_is_a_curve_with_its_costs(images: Images) -> None:
    whole, again = trained("g", images), trained("g", images)
    assert (whole["outcome"], whole["steps"], whole["until"]) == ("completed", 4, 4)
    assert [value[0] for value in whole["values"]] == [2, 4]
    assert [value[:3] for value in whole["values"]] == [value[:3] for value in again["values"]]
    (_, _, _, first_trained, first_measured), (_, _, _, trained_s, measured_s) = whole["values"]
    assert 0 < first_trained < trained_s <= whole["seconds"][0]
    assert 0 < first_measured < measured_s == whole["seconds"][1]
    assert whole["learning_rate"] > 0
    assert whole["set_up_s"] > 0


@pytest.mark.parametrize(
    ("equation", "relative_step", "outcome", "steps"),
    [("g - g", 0.01, "pruned", 0), ("g", 1e12, "diverged", 2)],
)
def test_what_dies_ends_at_once(
    equation: str, relative_step: float, outcome: str, steps: int, images: Images
) -> None:
    ended = trained(equation, images, relative_step)
    assert (ended["outcome"], ended["steps"], ended["values"]) == (outcome, steps, [])
    assert ended["reason"]


def test_losses_are_means_since_the_rung_before_whatever_epoch_ends_between() -> None:
    class Timed:
        measuring_s = 0.0

    curve = curves.Curve(run=Timed())
    for step, rung, loss in ((5, 0, 3.0), (7, None, 2.0), (10, 1, 1.0)):
        value = IntermediateValue(step=step, rung=rung, validation_accuracy=0.3, train_loss=loss)
        assert curve.judge(value) is None
    assert [value[:3] for value in curve.values] == [[5, 3.0, 0.3], [10, (2 * 2.0 + 3 * 1.0) / 5, 0.3]]


@pytest.mark.parametrize(
    ("step", "loss", "accuracy", "ends"),
    [(80, 2.302, 0.1, True), (40, 2.302, 0.1, False), (80, 2.2, 0.1, False), (80, 2.302, 0.2, False)],
)
def test_what_stands_at_guessing_ends(step: int, loss: float, accuracy: float, ends: bool) -> None:
    class Timed:
        measuring_s = 0.0

    value = IntermediateValue(step=step, rung=0, validation_accuracy=accuracy, train_loss=loss)
    reason = curves.Curve(run=Timed()).judge(value)
    assert (reason is not None) is ends
    assert reason is None or reason.startswith(curve_table.AT_GUESSING)


def test_the_best_and_some_by_lot_are_carried_on() -> None:
    drawn = [curves.Drawn(f"e{number}", "random") for number in range(100)]
    rows = [
        {"equation": f"e{number}", "seed": 0, "relative_step": step, "until": 320, "outcome": "completed",
         "values": [[320, 2.0, 0.1 + number / 1000 + (step == 0.03) / 10, 1.0, 1.0]]}
        for number in range(100)
        for step in (0.01, 0.03)
    ]  # fmt: skip
    tasks = curves.carried_on(drawn, rows)
    texts = [task.equation.text for task in tasks]
    assert texts[:10] == [f"e{number}" for number in range(99, 89, -1)]
    assert 10 < len(texts) <= 15
    assert {(task.seed, task.relative_step, task.rungs[-1]) for task in tasks} == {(0, 0.03, 3200)}


def test_a_second_call_continues_where_the_first_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Any] = []

    def train(task: Any) -> dict[str, Any]:
        trained.append(task.key)
        return row(task.equation.text, 0.5, task.seed, task.relative_step)

    class InThisProcess:
        def imap_unordered(self, function: Any, tasks: Any) -> Any:
            return map(function, tasks)

    monkeypatch.setattr(curves, "_train", train)
    tasks, results = curves.grid(curves.draw_equations(**FEW), (0, 1)), tmp_path / "curves.jsonl"
    curves.carry_out(tasks[:7], results, InThisProcess())
    curves.carry_out(tasks, results, InThisProcess())
    assert trained == [task.key for task in tasks]
    assert [curves.key_of(each) for each in curves.read(results)] == trained


class TestThePackedTable:
    """What anybody studies schedulers on."""

    def test_it_says_how_it_was_made(self, table: Any) -> None:
        header = table.header
        for name in ("command", "made", "environment", "model", "data", "batch_size", "validation_images"):
            assert header[name], name
        assert {"python", "torch", "cpu"} <= set(header["environment"])
        assert header["equations"] == len(table.equations) <= header["equations_drawn"]
        assert PACKED.stat().st_size < 3_000_000

    def test_it_holds_what_the_script_draws(self, table: Any) -> None:
        drawn = {each.text: each for each in curves.draw_equations()}
        assert table.header["equations_drawn"] == len(drawn)
        for each in table.equations:
            parent = None if each.parent is None else table.equations[each.parent].text
            assert drawn[each.text].origin == each.origin
            assert parent in (drawn[each.text].parent, None)
            assert curves.carries_error(each.text) is each.carries_error

    def test_every_training_is_there_and_makes_sense(self, table: Any) -> None:
        places = {
            (n, s, r) for n in range(len(table.equations)) for s in table.seeds for r in table.relative_steps
        }
        assert set(table.trainings) == places
        for training in (*table.trainings.values(), *table.further):
            steps = [value.step for value in training.values]
            seconds = [value.trained_s for value in training.values]
            assert steps == sorted(set(steps))
            assert seconds == sorted(seconds)
            assert all(0 <= value.accuracy <= 1 for value in training.values)
            assert training.steps >= max(steps, default=0)
            assert (training.outcome == "completed") == (training.reason is None)

    def test_one_seed_starts_from_the_same_weights_whatever_the_relative_step(self, table: Any) -> None:
        """Learning rates of one equation and seed go as its relative steps: one calibration for all."""
        for (number, seed, step), training in table.trainings.items():
            first = table.trainings[number, seed, table.relative_steps[0]]
            if training.learning_rate is not None:
                ratio = training.learning_rate / first.learning_rate
                assert ratio == pytest.approx(step / table.relative_steps[0], rel=1e-3)


def test_the_table_lies_where_the_scripts_look() -> None:
    assert Path(curves.__file__).parent / "data" / "equation_curves.json.xz" == PACKED
