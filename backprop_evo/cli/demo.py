"""``backprop-evo demo``: a whole search on real CIFAR-10 images, through the real parts, in a few minutes.

The stack is the one of ``backprop-evo up``, and the search is submitted through REST like any other. It
stays in the home folder's database, beside those of earlier runs.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
from rich.console import Console

from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.cli.stack import Stack, free_port
from backprop_evo.cli.tables import leaderboard_table, setting_line
from backprop_evo.cli.up import Home, Slots, chosen_settings, ending_on_sigterm
from backprop_evo.cli.watching import Watch
from backprop_evo.client import Client
from backprop_evo.errors import BackpropEvoError, Unavailable
from backprop_evo.logs import configure_logs
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import FAIR_STEPS
from backprop_evo.settings import Settings
from backprop_evo.wording import duration

ALL = 10_000
"""More trials than the demo has, those that were screened out included."""

SHOWN = 20
"""Rows of the leaderboard; ``backprop-evo up`` shows all."""

IDLE_S = 120.0
"""Workers that start on a busy machine take their first trial well within this."""

EPILOG = (
    "Examples: [bold]backprop-evo demo[/bold], [bold]backprop-evo demo --tiny[/bold], "
    "[bold]backprop-evo demo --json --seed 3[/bold]"
)

DEMO: Mapping[str, Any] = {
    "name": "demo",
    "trials": 110,
    "population_size": 8,
    "start": ["g / fro(g)", "min(g / fro(g), clip(h, 1.0))"],
    "start_random": 20,
    "in_flight": 4,
    "screening": True,
    "rates": "inherited",
    "pruner": {"name": "asha", "rungs": [8, 24], "reduction": 4.0, "min_trials": 4},
    "train": {
        "model": "wrn-10-1",
        "data": "cifar10-mini",
        "epochs": 0.75,
        "batch_size": 64,
        "learning_rate": {"relative_steps": list(FAIR_STEPS), "probe_epochs": 0.13, "extra_probes": 1},
        "reestimate_batches": 16,
    },
    "confirmation": {"best": 1, "seeds": 3},
}
"""Every method, plain backprop included, has the same protocol: three relative steps are probed, the best one
is continued. One absolute rate for all would decide the ranking: normalised gradients want one about thirty
times smaller than plain backprop. BatchNorm's statistics are estimated anew before each evaluation, because
its running averages are half-grown after so short a training.

The cascade makes so many equations possible: what cannot learn is screened out, and of those whose loss was
measured after 8 steps, and again after 24, the best quarter goes on. The probes are 8 steps long too."""

TINY: Mapping[str, Any] = {
    **DEMO,
    "name": "tiny demo",
    "trials": 3,
    "start_random": 1,
    "pruner": {**DEMO["pruner"], "rungs": [4], "min_trials": 2},
    "train": {
        **DEMO["train"],
        "model": "mlp-16",
        "epochs": 0.2,
        "learning_rate": {**DEMO["train"]["learning_rate"], "probe_epochs": 0.06, "extra_probes": 0},
        "reestimate_batches": 0,
    },
    "confirmation": {"best": 1, "seeds": 1},
}
"""Every part of the demo, with hardly any training in it: its numbers say nothing about equations."""


def demo(
    home: Home = None,
    port: Annotated[
        int | None, typer.Option(help="Port while it runs; a free one by default.", min=1)
    ] = None,
    slots: Slots = None,
    seed: Annotated[int, typer.Option(help="Seed of the search.", min=0)] = 0,
    tiny: Annotated[
        bool,
        typer.Option(
            "--tiny", help="Only see that everything works here, in a minute: a small network, few trials."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search for a few minutes, print the leaderboard, stop everything."""
    began = time.monotonic()
    # Standard output belongs to the JSON.
    console = Console(stderr=as_json, soft_wrap=True)
    configure_logs(level=logging.WARNING)
    options = chosen_settings(home, port or free_port(), slots)
    with ending_on_sigterm():
        console.print(f"Starting SQLite, Redis, a node, the controller and the API in {options.home} …")
        with Stack(options) as stack, Client(stack.url) as client:
            console.print(
                f"{stack.url} is ready after {duration(time.monotonic() - began)}; submitting the search"
            )
            _warn_of_other_searches(client, console)
            search = client.post("/searches", {**(TINY if tiny else DEMO), "seed": seed})
            with _cancelled_on_interrupt(client, search["id"]):
                search = watched(
                    Watch(client, search["id"], console, on_interval=stack.restart_crashed, idle_s=IDLE_S),
                    options,
                )
            rows = list(client.items(f"/searches/{search['id']}/leaderboard", limit=100))
            ends = Counter(
                each["state"]
                for each in client.items(f"/searches/{search['id']}/trials", limit=ALL, purpose="search")
            )
            console.print("Stopping what was started …")
    report(search, rows, ends, time.monotonic() - began, as_json=as_json)
    if search["state"] != SearchState.COMPLETED:
        raise BackpropEvoError(
            f"the demo search ended as {search['state']}: {search.get('end_reason')}",
            hint=f"the logs are in {options.home / 'logs'}",
        )


def _warn_of_other_searches(client: Client, console: Console) -> None:
    running = list(client.items("/searches", limit=100, state=SearchState.RUNNING))
    if running:
        console.print(
            f"{len(running)} unfinished searches of this folder go on beside the demo, which takes longer; "
            "--home chooses another folder.",
            style="yellow",
        )


@contextmanager
def _cancelled_on_interrupt(client: Client, search_id: str) -> Iterator[None]:
    """An interrupted demo must not go on by itself, and slow down the next one."""
    try:
        yield
    except KeyboardInterrupt:
        with suppress(BackpropEvoError):
            client.search(search_id).cancel()
        raise


def watched(watch: Watch, options: Settings) -> dict[str, Any]:
    """The search at its end. Raises ``Unavailable`` when the stack is up but nothing happens in it."""
    try:
        return watch.until_end()
    except Unavailable as error:
        raise Unavailable(error.message, hint=f"the logs are in {options.home / 'logs'}") from error


def report(
    search: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    ends: Mapping[str, int],
    took_s: float,
    *,
    as_json: bool,
) -> None:
    """The leaderboard, how the equations ended (``ends`` counts trials by state), what the columns mean, and
    how long it took."""
    if as_json:
        print_json({"search": search, "leaderboard": list(rows), "ends": ends, "took_s": took_s})
        return
    train = search["spec"]["train"]
    console = standard_output()
    console.print(leaderboard_table(rows[:SHOWN], setting_line(search["setting"])))
    console.print(how_they_ended(search, ends))
    console.print(
        f"Validation accuracy as mean ± standard deviation (n seeds) after {train['epochs']:g} epochs; "
        "plain backprop had the same budget and the same choice of learning rates. Only confirmed equations, "
        "trained again with new seeds, are measured on the test split.",
        style="dim",
    )
    console.print(
        f"The demo took {duration(took_s)}. [bold]backprop-evo up[/bold] serves its results in the browser."
    )


def how_they_ended(search: Mapping[str, Any], ends: Mapping[str, int]) -> str:
    """What became of all that were proposed, but for twins, in words and numbers."""
    trained, whole = search["trials_done"], ends.get(TrialState.COMPLETED, 0)
    stopped = ends.get(TrialState.PRUNED, 0)
    steps = " and ".join(map(str, search["spec"]["pruner"]["rungs"]))
    return (
        f"{trained + search['screened_out']} equations judged: {search['screened_out']} screened out before "
        f"any training; {trained} trained, of which {stopped} were stopped early (the rungs are at steps "
        f"{steps}), {trained - stopped - whole} diverged or failed, and {whole} reached the end and have a "
        "fitness."
    )
