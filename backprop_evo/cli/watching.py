"""A search while it runs: one screen that is drawn anew about once a second until the search ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backprop_evo.cli.tables import seconds_taken
from backprop_evo.client import Client
from backprop_evo.errors import Unavailable
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.wording import duration, percent

Json = Mapping[str, Any]

MAX_RUNNING_SHOWN = 8


@dataclass(frozen=True, slots=True)
class SearchSnapshot:
    """A search at one moment; ``stages`` are those of its funnel that it has ordered so far."""

    search: dict[str, Any]
    running: Sequence[Json]
    best: Sequence[Json]
    stages: Sequence[Json] = ()

    @property
    def has_ended(self) -> bool:
        """Completed, stopped, cancelled or failed."""
        return SearchState(self.search["state"]).is_terminal

    @property
    def staged(self) -> tuple[int, int]:
        """Trainings of the stages: those done, and all of them."""
        return sum(each["trials_done"] for each in self.stages), sum(e["trials_total"] for e in self.stages)


def take_snapshot(client: Client, search_id: str) -> SearchSnapshot:
    """Raises what ``Client`` raises."""
    path = f"/searches/{search_id}"
    search = client.get(path)
    stages = [each for each in client.get(f"{path}/stages")["items"] if each["evaluation"] is not None]
    driven = [path, *(f"/evaluations/{each['evaluation']}" for each in stages)]
    return SearchSnapshot(
        search,
        [
            trial
            for each in driven
            for trial in client.items(f"{each}/trials", limit=MAX_RUNNING_SHOWN, state=TrialState.RUNNING)
        ],
        client.get(f"{path}/leaderboard", limit=5)["items"],
        stages,
    )


@dataclass(slots=True)
class Watch:
    """Takes snapshots of a search until it ends. ``on_interval`` is called before each, for whoever runs the
    stack; ``line`` says how far the search is.

    Nobody training for ``idle_s`` is an error; None waits for ever, as for workers that come tomorrow.
    """

    client: Client
    search_id: str
    console: Console
    on_interval: Callable[[], None] = lambda: None
    line: Callable[[SearchSnapshot], str] = field(default=lambda snapshot: headline(snapshot))
    interval_s: float = 0.7
    patience_s: float = 60.0
    idle_s: float | None = None
    _last_lines: set[str] = field(default_factory=set)

    def until_end(self) -> dict[str, Any]:
        """Draws until the search ends and returns it; a service that does not answer is asked again for
        ``patience_s``. Raises ``Unavailable`` in the end."""
        with self._display() as show:
            answered = trained = time.monotonic()
            while True:
                self.on_interval()
                try:
                    snapshot = take_snapshot(self.client, self.search_id)
                except Unavailable:
                    if time.monotonic() - answered > self.patience_s:
                        raise
                else:
                    answered = time.monotonic()
                    show(snapshot)
                    if snapshot.has_ended:
                        return snapshot.search
                    # A search that waits for its workers looks the same as one whose workers are gone; only
                    # time tells.
                    trained = answered if snapshot.running else trained
                    if self.idle_s is not None and answered - trained > self.idle_s:
                        raise Unavailable(f"no worker has trained anything for {duration(self.idle_s)}")
                time.sleep(self.interval_s)

    @contextmanager
    def _display(self) -> Iterator[Callable[[SearchSnapshot], None]]:
        """A live screen on a terminal; elsewhere a line whenever something has finished."""
        if self.console.is_terminal:
            with Live(console=self.console, auto_refresh=False, transient=True) as live:
                yield lambda snapshot: live.update(render(snapshot, self.line(snapshot)), refresh=True)
        else:
            yield self._print_line

    def _print_line(self, snapshot: SearchSnapshot) -> None:
        line = self.line(snapshot)
        if line not in self._last_lines:
            self._last_lines.add(line)
            self.console.print(f"{duration(seconds_taken(snapshot.search)):>12}  {line}", highlight=False)


def headline(snapshot: SearchSnapshot) -> str:
    """``running: 7 of 24 trials, best 34.1 % by g / fro(g)``."""
    search = snapshot.search
    # Of a search that has time left the number of trials is but a bound.
    most = f" of {search['trials_total']}" if search["time_left_s"] is None else ""
    text = f"{search['state']}: {search['trials_done']}{most} trials"
    if search["screened_out"]:
        text += f", {search['screened_out']} more screened out"
    for stage in snapshot.stages:
        text += f", {stage['role']} {stage['trials_done']} of {stage['trials_total']}"
    if search["notice"]:
        text += f"; {search['notice']}"
    if snapshot.best:
        best = snapshot.best[0]
        text += f", best {percent(best['validation']['mean'])} % by {best['method']['text']}"
    return text


def time_left_s(snapshot: SearchSnapshot) -> float | None:
    """Of its budget, else by the pace so far; None until two trials have finished."""
    if (left_s := snapshot.search["time_left_s"]) is not None:
        return float(left_s)
    done, total = snapshot.search["trials_done"], snapshot.search["trials_total"]
    staged, planned = snapshot.staged
    if done + staged < 2:
        return None
    pace: float = seconds_taken(snapshot.search) / (done + staged)
    return pace * float(max(0, total - done) + max(0, planned - staged))


def render(snapshot: SearchSnapshot, line: str | None = None) -> Group:
    """Progress in a ``line`` and a bar, running trials with their live numbers, the best so far."""
    search = snapshot.search
    left = time_left_s(snapshot)
    lines: list[Any] = [
        Text.assemble((search["spec"]["name"], "bold"), f"  {headline(snapshot) if line is None else line}"),
        _progress(snapshot),
        Text(
            f"{duration(seconds_taken(search))} gone" + (f", about {duration(left)} left" if left else ""),
            style="dim",
        ),
    ]
    if snapshot.running:
        lines.append(_running_table(snapshot.running))
    if snapshot.best:
        lines.append(_best_table(snapshot.best))
    return Group(*lines)


def _progress(snapshot: SearchSnapshot) -> ProgressBar:
    """Of the budget where time decides, else of the trainings."""
    search = snapshot.search
    if search["time_left_s"] is not None:
        return ProgressBar(total=search["spec"]["budget"], completed=search["spent_s"], width=60)
    done, planned = snapshot.staged
    return ProgressBar(
        total=search["trials_total"] + planned, completed=search["trials_done"] + done, width=60
    )


def _running_table(trials: Sequence[Json]) -> Table:
    table = Table("training now", "for", "epoch", "accuracy %", "images/s", box=None, header_style="dim")
    for trial in trials:
        live = trial["progress"] or {}
        purpose = "rate probe" if live.get("probing") else trial["purpose"]
        table.add_row(
            Text(trial["method"]["text"], overflow="ellipsis", no_wrap=True),
            purpose,
            f"{live['epoch']:.1f}/{live['epochs']:.1f}" if "epoch" in live else "–",
            percent(live.get("validation_accuracy")),
            f"{live['images_per_s']:.0f}" if "images_per_s" in live else "–",
        )
    return table


def _best_table(rows: Sequence[Json]) -> Table:
    table = Table("best so far", "validation %", "", box=None, header_style="dim")
    for row in rows:
        table.add_row(
            Text(row["method"]["text"], overflow="ellipsis", no_wrap=True),
            percent(row["validation"]["mean"]),
            "plain backprop" if row["is_baseline"] else "",
        )
    return table
