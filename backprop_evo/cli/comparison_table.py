"""Two searches side by side as a table for people; accuracies in per cent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from backprop_evo.cli.output import standard_output
from backprop_evo.cli.tables import accuracies
from backprop_evo.wording import UNKNOWN, duration, percent

Json = Mapping[str, Any]


def print_comparison(comparison: Json) -> None:
    """A line for each fact, a column for each search; below them the sentence and what belongs to it."""
    console = standard_output()
    console.print(_table(comparison))
    console.print(comparison["sentence"], style="bold", markup=False, highlight=False)
    for remark in comparison["remarks"]:
        console.print(remark, style="yellow", markup=False, highlight=False)


def _table(comparison: Json) -> Table:
    sides = (comparison["one"], comparison["other"])
    table = Table("", expand=False)
    for each in sides:
        table.add_column(Text(each["called"]), overflow="fold")
    for fact, values in (
        ("search", [each["search_id"] for each in sides]),
        ("trainings", [f"{each['course']['trainings']} of {each['budget']}" for each in sides]),
        ("trained for", [duration(each["course"]["worker_s"]) for each in sides]),
        ("proposals that learn %", [_learning(each["course"]) for each in sides]),
        ("best fitness %", [percent(each["fitness"]) for each in sides]),
        (
            f"after {comparison['trainings']} trainings %",
            [percent(each["fitness_alike"]) for each in sides],
        ),
        (
            f"after {duration(comparison['worker_s'])} of a worker %",
            [percent(each["fitness_alike_s"]) for each in sides],
        ),
        ("best, confirmed", [each["best"]["method"]["text"] if each["best"] else UNKNOWN for each in sides]),
        (f"{comparison['compared_by']} % (n)", [_confirmed(each["best"]) for each in sides]),
        ("95 % of its mean", [_interval(each["best"]) for each in sides]),
    ):
        table.add_row(fact, *(Text(value) for value in values))
    return table


def _learning(course: Json) -> str:
    return f"{percent(course['learning_share'])} ({course['learning']} of {course['judged']})"


def _confirmed(best: Json | None) -> str:
    return UNKNOWN if best is None else accuracies(best["accuracies"])


def _interval(best: Json | None) -> str:
    if best is None or best["low"] is None:
        return UNKNOWN
    return f"{percent(best['low'])} … {percent(best['high'])}"
