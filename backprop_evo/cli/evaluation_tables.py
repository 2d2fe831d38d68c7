"""Evaluations as tables for people; accuracies in per cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from backprop_evo.cli.output import standard_output
from backprop_evo.cli.tables import accuracies, moment, seconds_taken
from backprop_evo.wording import UNKNOWN, duration

Json = Mapping[str, Any]


def print_table(table: Json) -> None:
    """A block for each setting, then what belongs below it."""
    console = standard_output()
    for block in table["blocks"]:
        console.print(_block(block, tested=table["compared_by"] == "test"))
        if block["noise_floor"]:
            console.print(block["noise_floor"], style="cyan", markup=False, highlight=False)
    for remark in table["remarks"]:
        console.print(remark, style="yellow", markup=False, highlight=False)
    console.print(
        f"Mean ± standard deviation (n seeds); differences are of {table['compared_by']} accuracy, paired by "
        "seed, with 95 % intervals.",
        style="dim",
    )


def _block(block: Json, *, tested: bool) -> Table:
    table = Table(title=block["setting"], title_justify="left", expand=False)
    table.add_column("method", overflow="fold", min_width=16)
    table.add_column("validation % (n)", justify="right", no_wrap=True)
    if tested:
        table.add_column("test % (n)", justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold", min_width=24)
    for row in block["rows"]:
        control = " (control)" if row["is_control"] else ""
        cells: list[Text | str] = [Text(row["text"] + control), accuracies(row["validation"])]
        cells += [accuracies(row["test"])] if tested else []
        verdict = "baseline" if row["is_baseline"] else row["verdict"]
        is_measure = row["is_baseline"] or row["is_control"]
        table.add_row(*cells, Text(verdict), style="cyan" if is_measure else "")
    return table


def _belonging(evaluation: Json) -> str:
    if evaluation["search_id"] is None:
        return UNKNOWN
    return f"{evaluation['role']} of {evaluation['search_id']}"


def evaluations_table(evaluations: Sequence[Json]) -> Table:
    """Several, a line each."""
    table = Table("id", "name", "state", "trainings", "seeds", "created", "took")
    for each in evaluations:
        table.add_row(
            each["id"],
            Text(each["spec"]["name"]),
            each["state"],
            f"{each['trials_done']}/{each['trials_total']}",
            str(each["seeds"]),
            moment(each["created_at"]).strftime("%Y-%m-%d %H:%M"),
            duration(seconds_taken(each)),
        )
    return table


def evaluation_table(evaluation: Json) -> Table:
    """One evaluation, a line for each fact."""
    spec = evaluation["spec"]
    reason = f": {evaluation['end_reason']}" if evaluation["end_reason"] else ""
    table = Table(show_header=False, box=None)
    for name, value in (
        ("id", evaluation["id"]),
        ("name", spec["name"]),
        ("state", evaluation["state"] + reason),
        ("possible now", ", ".join(evaluation["verbs"])),
        ("trainings", f"{evaluation['trials_done']} of {evaluation['trials_total']}"),
        ("methods", f"{len(spec['methods'])}, of them {len(spec['controls'])} controls"),
        ("search", _belonging(evaluation)),
        ("settings", "; ".join(each["name"] for each in spec["settings"])),
        ("seeds", f"{evaluation['seeds']}, from {spec['first_seed']}"),
        ("time", duration(seconds_taken(evaluation))),
    ):
        table.add_row(f"[dim]{name}[/dim]", Text(value))
    return table
