"""The plan of a search with a budget, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from backprop_evo.wording import MINUTE_S, UNKNOWN, duration

Json = Mapping[str, Any]


def plan_table(plan: Json) -> Table:
    """A row for each stage; times count from the start."""
    slots = "1 slot" if plan["slots"] == 1 else f"{plan['slots']} slots"
    told = [f"plan for {_time(plan['minutes'])} on {slots}", plan["stands_on"]]
    if plan["rungs"]:
        told.append(f"rungs at steps {', '.join(map(str, plan['rungs']))}")
    table = Table(title="; ".join(told), title_justify="left", title_style="dim", box=None)
    for name in ("stage", "methods × seeds", "trainings", "steps each", "takes", "ends after"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for each in plan["stages"]:
        table.add_row(
            each["stage"],
            UNKNOWN if each["best"] is None else f"{each['best']} × {each['seeds']}",
            str(each["trainings"]),
            f"{each['steps']:g}",
            _time(each["minutes"]),
            _time(each["ends_after_minutes"]),
        )
    return table


def _time(minutes: float) -> str:
    return duration(minutes * MINUTE_S)
