"""``backprop-evo trial``: the trainings of a search, one of them with all it reported, and its log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import show
from backprop_evo.cli.tables import moment
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.client.reading import plain
from backprop_evo.errors import NotFound
from backprop_evo.records.logged import LogLine
from backprop_evo.wording import UNKNOWN, duration, percent

Json = Mapping[str, Any]
TrialId = Annotated[str, typer.Argument(help="Id of a trial, see [bold]trial list[/bold].", metavar="TRIAL")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Trials: one training of one child each."
)


@app.command(
    "list",
    epilog="Examples: [bold]backprop-evo trial list 3f0a5c[/bold], "
    "[bold]backprop-evo trial list 3f0a5c --state diverged --limit 5 --json[/bold]",
)
def list_(
    driven_id: Annotated[str, typer.Argument(help="Id of a search or an evaluation.", metavar="SEARCH")],
    state: Annotated[str | None, typer.Option(help="queued, running, completed, diverged, …")] = None,
    purpose: Annotated[str | None, typer.Option(help="search, baseline, remeasurement, …")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """The trials of a search or an evaluation, newest first."""
    with Client(url, api_key=api_key) as client:
        try:
            trials = _trials(client, "/searches", driven_id, limit, state=state, purpose=purpose)
        except NotFound as missing:
            try:
                trials = _trials(client, "/evaluations", driven_id, limit, state=state)
            except NotFound:
                # Most ids are of searches, so that this is the refusal to tell.
                raise missing from None
    show(trials, _trials_table(trials), as_json=as_json)


def _trials(client: Client, path: str, driven_id: str, limit: int, **asked: str | None) -> list[Json]:
    return list(client.items(f"{path}/{driven_id}/trials", limit=limit, **asked))


@app.command("show", epilog="Example: [bold]backprop-evo trial show 3f0a5c.7[/bold]")
def show_(trial_id: TrialId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """One trial with what it reported and every attempt at it."""
    with Client(url, api_key=api_key) as client:
        trial = client.get(f"/trials/{trial_id}")
    show(trial, _trial_table(trial), as_json=as_json)


@app.command(
    epilog="Examples: [bold]backprop-evo trial log 3f0a5c.7[/bold], "
    "[bold]backprop-evo trial log 3f0a5c.7 --follow[/bold]"
)
def log(
    trial_id: TrialId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens, until the trial has ended.")
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """What has happened to a trial, a line each: attempts, what it reported on its way, its end."""
    with Client(url, api_key=api_key) as client:
        for line in client.trial(trial_id).log(follow=follow):
            typer.echo(
                json.dumps(
                    plain(line),
                    ensure_ascii=False,
                )
                if as_json
                else _words(line)
            )


def _words(line: LogLine) -> str:
    return f"{line.at:%Y-%m-%d %H:%M:%S}  {line.text}"


def _trials_table(trials: Sequence[Json]) -> Table:
    table = Table("id", "method", "purpose", "state", "validation %", "took")
    for each in trials:
        table.add_row(
            each["id"],
            Text(each["method"]["text"]),
            each["purpose"],
            f"{each['state']}, spared" if each["spared"] else each["state"],
            percent(each["validation_accuracy"]),
            duration(each["wall_time_s"]),
        )
    return table


def _trial_table(trial: Json) -> Table:
    """A line for each fact, and for each attempt."""
    train, progress = trial["spec"], trial["progress"] or {}
    ended = ": ".join(filter(None, (trial["state"], trial["reason"])))
    rate = trial["learning_rate"]
    table = Table(show_header=False, box=None)
    for name, value in (
        ("id", trial["id"]),
        ("search", trial["search_id"]),
        ("method", trial["method"]["text"]),
        ("purpose", trial["purpose"]),
        ("seed", trial["seed"]),
        ("state", ended),
        *([("spared", trial["spared"])] if trial["spared"] else []),
        ("child", f"{train['model']} on {train['data']}, {train['epochs']:g} epochs, {train['optimizer']}"),
        ("validation", f"{percent(trial['validation_accuracy'])} %"),
        ("test", f"{percent(trial['test_accuracy'])} %"),
        ("learning rate", UNKNOWN if rate is None else f"{rate:g}"),
        ("took", duration(trial["wall_time_s"])),
        *([("now", _now(progress))] if progress and not trial["ended_at"] else []),
        *((f"attempt {each['fence']}", _attempt(each)) for each in trial["attempts"]),
    ):
        table.add_row(f"[dim]{name}[/dim]", Text(str(value)))
    return table


def _now(progress: Json) -> str:
    """Where a running training stands."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}" for name, value in progress.items() if value is not None
    )


def _attempt(attempt: Json) -> str:
    began = f"{attempt['worker']}, {moment(attempt['started_at']):%Y-%m-%d %H:%M:%S}"
    ended = ": ".join(filter(None, (attempt["outcome"] or "running", attempt["reason"])))
    return f"{began}, {ended}"


@app.command(epilog="Example: [bold]backprop-evo trial retry 3f0a5c.12[/bold]")
def retry(
    trial_id: TrialId,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Try a trial again that was lost, failed, or came to a limit; its search runs again for it."""
    with Client(url, api_key=api_key) as client:
        trial = client.post(f"/trials/{trial_id}:retry")
    show(trial, f"trial {trial['id']} is {trial['state']}", as_json=as_json)
