"""``backprop-evo search``: submit searches to a service, follow them, move them; all through REST."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from backprop_evo.cli import exporting
from backprop_evo.cli.comparison_table import print_comparison
from backprop_evo.cli.evaluation_tables import evaluations_table
from backprop_evo.cli.options import ApiKey, AsJson, Output, SearchId, Url
from backprop_evo.cli.output import print_json, show, standard_output, write_text
from backprop_evo.cli.plan_table import plan_table
from backprop_evo.cli.spec_options import Preset, with_options
from backprop_evo.cli.steering import add_changes
from backprop_evo.cli.tables import leaderboard_table, search_table, searches_table, setting_line
from backprop_evo.cli.verbs import SEARCH, add_verbs
from backprop_evo.cli.watching import Watch
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.errors import InvalidInput, Unavailable
from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS
from backprop_evo.service import parse_search_spec
from backprop_evo.service.comparing import checked_counterpart
from backprop_evo.service.documents import curl_of, search_document
from backprop_evo.service.spec_fields import search_fields
from backprop_evo.service.specs import check_search_spec
from backprop_evo.service.timing import plan_document, planned

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Submit searches, follow them, move them."
)


@app.command(
    epilog="Examples: [bold]backprop-evo search submit my-search.json --watch[/bold], "
    "[bold]backprop-evo search submit --name first --trials 50 --preset quick --epochs 1[/bold], "
    "[bold]backprop-evo search submit --name second --with-counterpart[/bold], "
    "[bold]backprop-evo search submit --name chance --strategy random --dry-run[/bold], "
    "[bold]backprop-evo search submit --name evening --budget 2h --preset quick --dry-run[/bold]"
)
@with_options(search_fields())
def submit(
    texts: dict[str, str],
    file: Annotated[
        Path | None,
        typer.Argument(help="A search as JSON; goes over a preset, options over both.", metavar="[FILE]"),
    ] = None,
    preset: Preset = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check it and print it, and how curl submits it; with a budget its plan. Start nothing.",
        ),
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    with_counterpart: Annotated[
        bool,
        typer.Option(
            "--with-counterpart", help="Also order random search under the same budget and seeds, beside it."
        ),
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Queue a search. What is given by no option, file or preset has the default shown."""
    document = search_document(texts, preset_name=preset, file=read_document(file))
    if dry_run:
        spec = parse_search_spec(document)
        check_search_spec(spec)
        if with_counterpart:
            checked_counterpart(spec, spec.trials)
        plan = None if spec.budget is None else _plan(document, url, api_key)
        print_json(document if plan is None else {"search": document, **plan})
        if not as_json:
            if plan is not None:
                standard_output().print(plan_table(plan["plan"]))
            with_key = api_key is not None
            curl = curl_of(document, url, with_key=with_key, with_counterpart=with_counterpart)
            typer.echo("\n" + curl)
        return
    with Client(url, api_key=api_key) as client:
        # Left out where it is not asked for, as a document that curl submits leaves it out.
        search = client.post("/searches", document, with_counterpart=with_counterpart or None)
        for warning in search.get("warnings", ()):
            typer.echo(f"warning: {warning}", err=True)
        if watch:
            search = Watch(client, search["id"], Console(stderr=as_json)).until_end()
        show(search, search_table(search), as_json=as_json)


def _plan(document: dict[str, Any], url: str, api_key: str | None) -> dict[str, Any]:
    """The plan by the service's pool, with what to know of it; where no service answers, for one slot."""
    try:
        with Client(url, api_key=api_key) as client:
            answer = client.post("/searches:check", document)
            found: dict[str, Any] = {"plan": answer["plan"], "warnings": list(answer["warnings"])}
    except Unavailable:
        alone = planned(lambda _setting: (), parse_search_spec(document), ())
        warnings = [f"no service answers at {url}", *alone.remarks]
        found = {"plan": plan_document(alone.plan), "warnings": warnings}
    for warning in found["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    return found


def read_document(file: Path | None) -> dict[str, Any]:
    """Raises ``InvalidInput`` for a file that cannot be read or is no JSON object."""
    if file is None:
        return {}
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidInput(f"{file}: no JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f'{file}: a search is a JSON object, like {{"name": "first"}}')
    return document


@app.command("list", epilog="Example: [bold]backprop-evo search list --state running[/bold]")
def list_(
    state: Annotated[str | None, typer.Option(help="queued, running, paused, completed, …")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 20,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Also those that are archived.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Searches, newest first."""
    chosen = {"state": state, "tag": tag, "archived": archived or None}
    with Client(url, api_key=api_key) as client:
        searches = list(client.items("/searches", limit=limit, **chosen))
    show(searches, searches_table(searches), as_json=as_json)


@app.command("show", epilog="Example: [bold]backprop-evo search show 3f0a5c[/bold]")
def show_(
    search_id: SearchId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """One search with the stages of its funnel, and the evaluations that belong to it."""
    with Client(url, api_key=api_key) as client:
        search = client.get(f"/searches/{search_id}")
        stages = client.get(f"/searches/{search_id}/stages")["items"]
        evaluations = client.get(f"/searches/{search_id}/evaluations")["items"]
    show({**search, "stages": stages}, search_table(search, stages), as_json=as_json)
    if evaluations and not as_json:
        standard_output().print(evaluations_table(evaluations))


@app.command(epilog="Example: [bold]backprop-evo search watch 3f0a5c[/bold]")
def watch(
    search_id: SearchId, url: Url = DEFAULT_URL, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Follow a search until it ends, then print its leaderboard."""
    with Client(url, api_key=api_key) as client:
        search = Watch(client, search_id, Console(stderr=as_json)).until_end()
        rows = client.get(f"/searches/{search_id}/leaderboard", limit=20)["items"]
    show(rows, leaderboard_table(rows, setting_line(search["setting"])), as_json=as_json)


@app.command(
    epilog="Examples: [bold]backprop-evo search report 3f0a5c --output report.html[/bold], "
    "[bold]backprop-evo search report 3f0a5c --format markdown[/bold]"
)
def report(
    search_id: SearchId,
    format: Annotated[
        str | None,
        typer.Option("--format", help="html, markdown or json; by the ending of the file, or html."),
    ] = None,
    output: Output = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """What a search has found so far, in one document to read, to print or to pass on."""
    with Client(url, api_key=api_key) as client:
        text = client.text(f"/searches/{search_id}/report", format=format or format_of(output))
    write_text(text, output)


def format_of(file: Path | None) -> str:
    """As the ending of the file's name says."""
    known = {f".{each.suffix}": each.name for each in REPORT_FORMATS.values()}
    return known.get(file.suffix if file else "", "html")


@app.command(
    epilog="Examples: [bold]backprop-evo search compare 3f0a5c[/bold], "
    "[bold]backprop-evo search compare 3f0a5c 9b1d2e --json[/bold]"
)
def compare(
    search_id: SearchId,
    with_id: Annotated[
        str | None,
        typer.Argument(help="Another search of its setting; else its counterpart.", metavar="[WITH]"),
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """A search beside another: their best on new seeds, and how they came there."""
    with Client(url, api_key=api_key) as client:
        comparison = client.get(f"/searches/{search_id}/comparison", **{"with": with_id})
    if as_json:
        print_json(comparison)
    else:
        print_comparison(comparison)


add_verbs(app)
add_changes(app, SEARCH)
app.command("export", epilog=exporting.EPILOG)(exporting.export)
