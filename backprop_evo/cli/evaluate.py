"""``backprop-evo evaluate``: methods × settings × seeds compared, by a service or here in the foreground."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup
from typing_extensions import override

from backprop_evo.cli.evaluation_tables import evaluation_table, evaluations_table, print_table
from backprop_evo.cli.options import ApiKey, AsJson, EvaluationId, Output, Url
from backprop_evo.cli.output import print_json, show, write_text
from backprop_evo.cli.search import read_document
from backprop_evo.cli.spec_options import with_options
from backprop_evo.cli.steering import add_changes
from backprop_evo.cli.verbs import Noun, add_verbs
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.records.states import SearchState
from backprop_evo.search.lifecycle import EVALUATION_VERBS
from backprop_evo.service.documents import train_document, train_spec
from backprop_evo.service.spec_fields import train_fields

Json = dict[str, Any]
POLL_S = 1.0
FIELDS = tuple(each for each in train_fields() if each.path[-1] != "evaluate_test")
"""What options change in every setting. The test split is read by all trainings or by none."""


Controls = Annotated[
    str | None, typer.Option(help="Trained beside the methods, to be beaten: all, few or none.")
]
InMomentum = Annotated[
    bool,
    typer.Option("--in-momentum", help="Each setting by SGD once more, in momentum, at rates of its grid."),
]
Test = Annotated[bool, typer.Option("--test", help="Read the test split, and compare by it.")]


class MethodsOrCommand(TyperGroup):
    """``evaluate g …`` is ``evaluate run g …``: what is no command here is a method."""

    default_command = "run"

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [self.default_command, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=MethodsOrCommand,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Compare methods: each trained in every setting with the same seeds, without evolution.",
)


@app.command(
    epilog='Examples: [bold]backprop-evo evaluate "g / fro(g)" --against g --seeds 10 --local[/bold], '
    "[bold]backprop-evo evaluate table-1 --preset A1 --seeds 5 --watch[/bold]"
)
@with_options(FIELDS)
def run(
    texts: dict[str, str],
    methods: Annotated[
        list[str] | None,
        typer.Argument(
            help="Equations, names of methods or known equations, or the groups table-1, known, controls.",
            metavar="[METHOD]…",
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="The method that the others are compared with; plain backprop.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="So many, the same for all methods.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="The first seed.", min=0)] = None,
    preset: Annotated[
        list[str] | None, typer.Option(help="A setting: A1, A2, A3, B1, quick, …; may be repeated.")
    ] = None,
    controls: Controls = None,
    in_momentum: InMomentum = False,
    test: Test = False,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    in_flight: Annotated[
        int | None, typer.Option(help="Trials out with workers at a time; twice the slots that live.", min=1)
    ] = None,
    priority: Annotated[
        int | None, typer.Option(help="Share of the slots beside others: 2 gets twice what 1 gets.", min=1)
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Only nodes that carry all of these run it, with commas between.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="An evaluation as JSON; methods and options go over it.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Train here, one after the other, without a service.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="With --local: cpu or cuda.")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="With --local: folder of the data sets.", envvar="BACKPROP_EVO_DATA_DIR", file_okay=False
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Compare methods with a baseline."""
    document = read_document(file)
    if preset or texts or "settings" not in document:
        document["settings"] = [setting(each, texts) for each in preset or ["quick"]]
    wanted = {
        "name": name,
        "methods": methods,
        "baseline": against,
        "seeds": seeds,
        "first_seed": seed,
        "in_flight": in_flight,
        "priority": priority,
        "labels": [each.strip() for each in labels.split(",")] if labels else None,
        "controls": controls,
        "in_momentum": in_momentum or None,
        "test": test or None,
    }
    document |= {key: value for key, value in wanted.items() if value is not None}
    document.setdefault("name", ", ".join(methods or ["evaluation"])[:200])
    if local:
        _run_here(document, device, data_dir, as_json=as_json)
        return
    with Client(url, api_key=api_key) as client:
        evaluation = client.post("/evaluations", document)
        for warning in evaluation.get("warnings", ()):
            typer.echo(f"warning: {warning}", err=True)
        if watch:
            follow(client, evaluation["id"], as_json=as_json)
        else:
            show(evaluation, evaluation_table(evaluation), as_json=as_json)


def setting(preset: str, texts: dict[str, str]) -> Json:
    """The preset with what was asked for instead, which its name tells."""
    name = ", ".join([preset, *(f"{field} {text}" for field, text in texts.items())])
    return {"name": name[:100], "train": train_document(train_spec(preset, texts))}


def _run_here(document: Json, device: str | None, data_dir: Path | None, *, as_json: bool) -> None:
    from backprop_evo.evaluation.local import carry_out
    from backprop_evo.evaluation.table import make_table
    from backprop_evo.records.methods import MethodSpec
    from backprop_evo.records.training import TrainResult, TrainSpec
    from backprop_evo.service import parse_evaluation_spec
    from backprop_evo.service.evaluation_specs import check_evaluation_spec
    from backprop_evo.training import train_child

    spec = parse_evaluation_spec(document)
    check_evaluation_spec(spec)

    def train(method: MethodSpec, train_spec: TrainSpec, seed: int) -> TrainResult:
        return train_child(method, train_spec, seed=seed, data_dir=data_dir, device=device)

    outcomes = []
    with _bar(hidden=as_json) as bar:
        task = bar.add_task(spec.name, total=spec.trials)
        for outcome in carry_out(spec, train):
            outcomes.append(outcome)
            bar.advance(task)
    table = make_table(spec, outcomes, seeds=spec.seeds)
    if as_json:
        print_json(asdict(table))
    else:
        print_table(asdict(table))


def _bar(*, hidden: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=hidden)


def follow(client: Client, evaluation_id: str, *, as_json: bool) -> None:
    """Until it ends; then its table."""
    with _bar(hidden=as_json) as bar:
        task = bar.add_task("", total=None)
        while True:
            found = client.get(f"/evaluations/{evaluation_id}")
            bar.update(
                task,
                description=f"{found['spec']['name']}: {found['state']}",
                total=found["trials_total"],
                completed=found["trials_done"],
            )
            if SearchState(found["state"]).is_terminal:
                break
            time.sleep(POLL_S)
    _show_table(client, evaluation_id, as_json=as_json)


def _show_table(client: Client, evaluation_id: str, *, as_json: bool) -> None:
    table = client.get(f"/evaluations/{evaluation_id}/table")
    if as_json:
        print_json(table)
    else:
        print_table(table)


@app.command("list", epilog="Example: [bold]backprop-evo evaluate list[/bold]")
def list_(
    state: Annotated[str | None, typer.Option(help="queued, running, paused, completed, …")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 20,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Evaluations, newest first."""
    with Client(url, api_key=api_key) as client:
        found = list(client.items("/evaluations", limit=limit, state=state))
    show(found, evaluations_table(found), as_json=as_json)


@app.command("show", epilog="Example: [bold]backprop-evo evaluate show 3f0a5c[/bold]")
def show_(
    evaluation_id: EvaluationId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """The table of what has ended so far, with its verdicts."""
    with Client(url, api_key=api_key) as client:
        _show_table(client, evaluation_id, as_json=as_json)


@app.command("watch", epilog="Example: [bold]backprop-evo evaluate watch 3f0a5c[/bold]")
def watch_(
    evaluation_id: EvaluationId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Follow an evaluation until it ends, then print its table."""
    with Client(url, api_key=api_key) as client:
        follow(client, evaluation_id, as_json=as_json)


@app.command(epilog="Example: [bold]backprop-evo evaluate export 3f0a5c --format html -o table.html[/bold]")
def export(
    evaluation_id: EvaluationId,
    format: Annotated[str, typer.Option("--format", help="json, csv, latex or html.")] = "csv",
    output: Output = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Take the table away as a file."""
    with Client(url, api_key=api_key) as client:
        text = client.text(f"/evaluations/{evaluation_id}/table", format=format)
    write_text(text, output)


EVALUATION = Noun(
    command="evaluate", name="evaluation", path="/evaluations", id=EvaluationId, table=evaluation_table
)
add_verbs(app, EVALUATION_VERBS, EVALUATION)
add_changes(app, EVALUATION)
