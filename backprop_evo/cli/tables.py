"""Searches, trials and leaderboards as tables for people; accuracies in per cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from backprop_evo.records.searching import AUTOMATIC
from backprop_evo.wording import UNKNOWN, duration, percent, spread

Json = Mapping[str, Any]


def accuracies(found: Json | None) -> str:
    """``41.2 ± 0.8 (3)``: mean, sample standard deviation, n; no deviation for n = 1."""
    return UNKNOWN if found is None else f"{spread(found['mean'], found['std'])} ({found['n']})"


def leaderboard_table(rows: Sequence[Json], title: str | None = None) -> Table:
    """Equations fold rather than being cut: a cut one cannot be tried."""
    table = Table(title=title, title_justify="left", caption_justify="left", expand=False)
    table.add_column("rank", justify="right")
    table.add_column("equation", overflow="fold", min_width=16)
    table.add_column("validation % (n)", justify="right", no_wrap=True)
    table.add_column("test % (n)", justify="right", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("", min_width=9)
    for row in rows:
        table.add_row(
            str(row["rank"]) if row["rank"] is not None else UNKNOWN,
            Text(row["method"]["text"]),
            accuracies(row["validation"]),
            accuracies(row["test"]),
            f"{row['learning_rate']:g}" if row["learning_rate"] is not None else UNKNOWN,
            _marks(row),
            style=_style(row),
        )
    if verdicts := [f"{row['method']['text']}: {row['verdict']}" for row in rows if row.get("verdict")]:
        table.caption = Text("Against plain backprop, on new seeds:\n" + "\n".join(verdicts))
    return table


def setting_line(setting: Json) -> str:
    """What may be compared with what, above a leaderboard."""
    return f"setting {setting['id']}: {setting['description']}"


def settings_table(settings: Sequence[Json]) -> Table:
    """One line a setting: the best there, and plain backprop as it was confirmed."""
    table = Table(expand=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("description", overflow="fold", min_width=20)
    table.add_column("results", justify="right")
    table.add_column("best", overflow="fold", min_width=16)
    table.add_column("validation % (n)", justify="right", no_wrap=True)
    table.add_column("backprop % (n)", justify="right", no_wrap=True)
    for each in settings:
        best = each["best"]
        table.add_row(
            each["id"],
            Text(each["description"]),
            str(each["results"]),
            Text(best["method"]["text"]),
            accuracies(best["validation"]),
            accuracies(each["baseline"]),
        )
    return table


def _marks(row: Json) -> str:
    marks = [
        ("backprop", row["is_baseline"]),
        ("yardstick", row["is_yardstick"]),
        ("control", row["is_control"]),
        ("confirmed", row["confirmed"]),
        ("starred", row["starred"]),
    ]
    return ", ".join(mark for mark, holds in marks if holds)


def _style(row: Json) -> str:
    if row["is_baseline"] or row["is_yardstick"] or row["is_control"]:
        return "cyan"
    return "bold green" if row["confirmed"] else ""


def searches_table(searches: Sequence[Json]) -> Table:
    """One line a search, in the order given."""
    table = Table("id", "name", "state", "trials", "best %", "created", "took")
    for search in searches:
        table.add_row(
            search["id"],
            Text(search["spec"]["name"]),
            search["state"],
            f"{search['trials_done']}/{search['trials_total']}",
            percent(search["best_fitness"]),
            moment(search["created_at"]).strftime("%Y-%m-%d %H:%M"),
            duration(seconds_taken(search)),
        )
    return table


def search_table(search: Json, stages: Sequence[Json] = ()) -> Table:
    """One search, a line for each fact, and for each of the ``stages`` of its funnel."""
    spec, train = search["spec"], search["spec"]["train"]
    table = Table(show_header=False, box=None)
    for name, value in (
        ("id", search["id"]),
        ("name", spec["name"]),
        ("state", ": ".join(filter(None, (search["state"], search["end_reason"] or search["notice"])))),
        ("possible now", ", ".join(search["verbs"])),
        ("trials", f"{search['trials_done']} of {search['trials_total']}"),
        ("in flight", str(spec["in_flight"] or AUTOMATIC)),
        ("screened out", f"{search['screened_out']} before any training"),
        *((stage["role"], _stage(stage)) for stage in stages),
        ("best fitness", f"{percent(search['best_fitness'])} %"),
        ("child", f"{train['model']} on {train['data']}, {train['epochs']:g} epochs, {train['optimizer']}"),
        ("learning rate", _rate(train["learning_rate"])),
        ("setting", search["setting"]["id"]),
        ("counterpart", search["counterpart"] or UNKNOWN),
        ("seed", str(spec["seed"])),
        ("priority", str(search["priority"])),
        *([("tags", ", ".join(search["tags"]))] if search["tags"] else []),
        *([("note", search["note"])] if search["note"] else []),
        *([("archived", "yes")] if search["archived"] else []),
        *((each["equation"], each["outcome"]) for each in search.get("injected", ())),
        ("time", duration(seconds_taken(search))),
        *([("time left", duration(search["time_left_s"]))] if search["time_left_s"] is not None else []),
    ):
        table.add_row(f"[dim]{name}[/dim]", Text(str(value)))
    return table


def _stage(stage: Json) -> str:
    if stage["evaluation"] is None:
        return f"to come, {stage['seeds']} seeds"
    done = f"{stage['state']}: {stage['trials_done']} of {stage['trials_total']} trainings"
    return f"{done}, {stage['through']} of {stage['equations']} equations came through"


def _rate(rate: Any) -> str:
    if isinstance(rate, float | int):
        return f"{rate:g}"
    if "relative_steps" in rate:
        return f"best of the relative steps {rate['relative_steps']}"
    return f"best of {rate['rates']}"


def moment(text: str) -> datetime:
    """A time of the REST API, with its zone."""
    return datetime.fromisoformat(text)


def seconds_taken(search: Json, now: datetime | None = None) -> float:
    """From start to end, or until now."""
    if search["started_at"] is None:
        return 0.0
    started = moment(search["started_at"])
    ended = moment(search["ended_at"]) if search["ended_at"] else now or datetime.now(started.tzinfo)
    return max(0.0, (ended - started).total_seconds())
