"""``backprop-evo discover``: from random equations alone to a verdict, on this machine, in a given time.

The stack is the one of ``backprop-evo up``. All that a discovery has come to is in its home folder: whoever
calls it again goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console

from backprop_evo import data
from backprop_evo.cli.data import progress_bar
from backprop_evo.cli.demo import IDLE_S, watched
from backprop_evo.cli.discovery import QUICK, SUBSET, WHOLE, Wish
from backprop_evo.cli.discovery_progress import ProgressLine
from backprop_evo.cli.output import write_text
from backprop_evo.cli.stack import Stack, free_port
from backprop_evo.cli.up import Home, Slots, chosen_settings, ending_on_sigterm
from backprop_evo.cli.watching import Watch
from backprop_evo.client import Client
from backprop_evo.errors import BackpropEvoError, Conflict, DatasetUnusable, InvalidSettings, Unavailable
from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS
from backprop_evo.logs import configure_logs
from backprop_evo.records.states import SearchState
from backprop_evo.settings import Settings
from backprop_evo.wording import duration, read_time

Json = Mapping[str, Any]

NODE_TIMEOUT_S = 90.0
"""A node starts its worker processes, which import torch, well within this; its slots decide the plan."""

WRITTEN = ("html", "markdown")

EPILOG = (
    "Examples: [bold]backprop-evo discover[/bold], [bold]backprop-evo discover --quick[/bold], "
    "[bold]backprop-evo discover --budget 1h --start-from g --seed 3[/bold]"
)


def discover(
    quick: Annotated[
        bool, typer.Option("--quick", help="In a quarter of an hour, on the bundled images.")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(help=f"Time in all, such as 90m; {WHOLE.budget}, with --quick {QUICK.budget}."),
    ] = None,
    home: Home = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the search; 0.", min=0)] = None,
    start_from: Annotated[
        list[str] | None,
        typer.Option(
            help="An equation to start from, such as g; may be repeated. Without: from chance alone."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help=f"The child, such as mlp-64-64-sigmoid; {WHOLE.model}.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help=f"Steps of the confirmation, all other lengths in proportion; {WHOLE.confirmation.steps}, "
            f"with --quick {QUICK.confirmation.steps}.",
            min=20,
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port while it runs; a free one by default.", min=1)
    ] = None,
    slots: Slots = None,
) -> None:
    """Search, confirm, try elsewhere, compare with random search, and write a report. Called again after it
    was interrupted, it goes on."""
    wish = Wish(
        quick=quick,
        seed=seed,
        budget_s=_seconds(budget),
        start=tuple(start_from) if start_from else None,
        model=model,
        steps=steps,
    )
    console = Console(stderr=True, soft_wrap=True)
    configure_logs(level=logging.WARNING)
    options = chosen_settings(home, port or free_port(), slots)
    dataset = dataset_here(wish.size.data, console)
    with ending_on_sigterm():
        try:
            console.print(f"Starting SQLite, Redis, a node, the controller and the API in {options.home} …")
            with Stack(options) as stack, Client(stack.url) as client:
                console.print(f"[bold green]{stack.url}[/bold green]  (pages; Ctrl-C interrupts)")
                headline = Discovery(client, stack, options, console).carry_out(wish, dataset)
        except KeyboardInterrupt:
            console.print("Interrupted; the same command goes on where it ended.")
            raise
    typer.echo(headline)


def _seconds(budget: str | None) -> float | None:
    if budget is None:
        return None
    try:
        return read_time(budget)
    except ValueError:
        raise InvalidSettings(
            f"{budget[:40]!r} is no time", field="budget", hint="write it like 2h30m, 90m or 45s"
        ) from None


def dataset_here(name: str, console: Console) -> str:
    """The data set, fetched where it is not here; the bundled subset where it cannot be had."""
    if name == SUBSET:
        return name
    try:
        with progress_bar() as report:
            data.fetch(name, on_progress=report)
    except (DatasetUnusable, Unavailable, OSError) as error:
        console.print(
            f"{name} cannot be had here ({error}). The discovery goes on with {SUBSET}, 5,500 of its images "
            "that come with the package: what it finds holds for those. "
            f"For all of them: backprop-evo data fetch {name}",
            style="yellow",
            markup=False,
        )
        return SUBSET
    return name


@dataclass(slots=True)
class Discovery:
    """One discovery over a running stack."""

    client: Client
    stack: Stack
    options: Settings
    console: Console

    def carry_out(self, wish: Wish, dataset: str) -> str:
        """From where it stands to its report; the verdict. Raises ``Conflict`` where another one is
        unfinished, ``BackpropEvoError`` where a search fails."""
        search = self.begun(wish)
        if search is None:
            self._wait_for_slots()
            search = self.client.post("/searches", wish.document(dataset))
            for warning in search.get("warnings", ()):
                self.console.print(f"warning: {warning}", markup=False)
        else:
            self.console.print(f"Going on with {_described(search)}.", markup=False)
        each = duration(search["spec"]["budget"])
        self.console.print(f"Two searches of {each} each: the search, then its random counterpart.")
        search = self._followed(search, still_to_come_s=search["spec"]["budget"])
        self._write_report(search)
        if search["state"] == SearchState.COMPLETED:
            other = self._counterpart(search)
            self._followed(other, still_to_come_s=0.0)
            self._write_report(search)
        report = self.client.get(f"/searches/{search['id']}/report", format="json")
        return "\n".join([report["headline"], *report["remarks"]])

    def begun(self, wish: Wish) -> dict[str, Any] | None:
        """The discovery of this folder to go on with: one that has not ended, else one that is the same.
        Raises ``Conflict`` where another than the one that is asked for has not ended."""
        found = [each for each in discoveries(self.client) if each["state"] not in GIVEN_UP]
        unfinished = next((each for each in found if not self._has_ended(each)), None)
        if unfinished is None:
            return next((each for each in found if wish.filled_in.is_of(each)), None)
        if told := wish.contradictions(unfinished):
            raise Conflict(
                f"{_described(unfinished)} of {self.options.home} has not ended, and {'; '.join(told)}",
                hint="go on with it (backprop-evo discover), or choose another folder with --home",
            )
        return unfinished

    def _has_ended(self, search: Json) -> bool:
        """With its counterpart, unless somebody stopped it."""
        if search["state"] != SearchState.COMPLETED:
            return SearchState(search["state"]).is_terminal
        other = search["counterpart"]
        if other is None:
            return False
        return SearchState(self.client.get(f"/searches/{other}")["state"]).is_terminal

    def _counterpart(self, search: Json) -> dict[str, Any]:
        """Ordered, unless it was before."""
        if search["counterpart"] is not None:
            return self.client.get(f"/searches/{search['counterpart']}")
        return self.client.post(f"/searches/{search['id']}:challenge")

    def _followed(self, search: Json, *, still_to_come_s: float) -> dict[str, Any]:
        line = ProgressLine(self.client, still_to_come_s)
        watch = Watch(
            self.client,
            search["id"],
            self.console,
            on_interval=self.stack.restart_crashed,
            line=line,
            idle_s=IDLE_S,
        )
        ended = watched(watch, self.options)
        if ended["state"] in GIVEN_UP:
            raise BackpropEvoError(
                f"{_described(ended)} ended as {ended['state']}: {ended.get('end_reason')}",
                hint=f"the logs are in {self.options.home / 'logs'}",
            )
        return ended

    def _wait_for_slots(self) -> None:
        deadline = time.monotonic() + NODE_TIMEOUT_S
        while not self.client.get("/nodes")["items"]:
            self.stack.restart_crashed()
            if time.monotonic() > deadline:
                raise Unavailable(
                    "no node came to life", hint=f"the logs are in {self.options.home / 'logs'}"
                )
            time.sleep(0.2)

    def _write_report(self, search: Json) -> None:
        for name in WRITTEN:
            file = self.options.home / f"report.{REPORT_FORMATS[name].suffix}"
            write_text(self.client.text(f"/searches/{search['id']}/report", format=name), file)
            self.console.print(f"Report: {file}", markup=False, highlight=False)


GIVEN_UP = (SearchState.CANCELLED, SearchState.FAILED)


def discoveries(client: Client) -> Iterator[dict[str, Any]]:
    """Those of this folder, the newest first."""
    names = (WHOLE.name, QUICK.name)
    return (each for each in client.items("/searches", limit=1000) if each["spec"]["name"] in names)


def _described(search: Json) -> str:
    return f"{search['spec']['name']} with seed {search['spec']['seed']} ({search['id']})"
