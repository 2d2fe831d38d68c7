"""``backprop-evo equation compare``: two to six equations side by side, by what a service has trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from backprop_evo.cli.options import ApiKey, AsJson, Url
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.cli.tables import accuracies
from backprop_evo.client import DEFAULT_URL, Client
from backprop_evo.wording import UNKNOWN

EPILOG = (
    'Examples: [bold]backprop-evo equation compare g "g / fro(g)"[/bold], '
    "[bold]backprop-evo equation compare backprop 2-a02f1b2e 2-337d417f --json[/bold]"
)
LETTERS = "ABCDEF"

Json = Mapping[str, Any]


def compare(
    equations: Annotated[
        list[str], typer.Argument(help="Two to six: texts, names or fingerprints.", metavar="EQUATION…")
    ],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """What differs between equations, and by how much over trainings of one seed in one setting."""
    with Client(url, api_key=api_key) as client:
        found = client.get("/compare", equation=equations)
    if as_json:
        print_json(found)
        return
    console = standard_output()
    for letter, each in zip(LETTERS, found["equations"], strict=False):
        console.print(f"{letter}  {each['method']['text']}", markup=False, highlight=False)
    if found["places"]:
        console.print(_places(found["places"], len(found["equations"])))
    for block in found["settings"]:
        console.print(_pairs(block))
        console.print(_accuracies(block["equations"]))
    if not found["settings"]:
        console.print("No two of them were trained in one setting: there is nothing to subtract.")


def _places(places: Sequence[Json], count: int) -> Table:
    """Every place; those that differ are marked with a star, for terminals without colours."""
    table = Table("", "place", *LETTERS[:count])
    for each in places:
        shown = [Text(text or UNKNOWN) for text in each["components"]]
        differs = each["differs"]
        table.add_row("*" if differs else "", each["place"], *shown, style="bold" if differs else None)
    return table


def _pairs(block: Json) -> Table:
    table = Table("", "points", "95 %", "pairs", "by", "verdict", title=f"setting {block['setting_id']}")
    for pair in block["pairs"]:
        chose = " (trainings from which a search chose)" if pair["selecting"] else ""
        low, high = _points(pair["low"]), _points(pair["high"])
        table.add_row(
            f"{LETTERS[pair['one']]} − {LETTERS[pair['other']]}",
            _points(pair["difference"]),
            UNKNOWN if pair["low"] is None else f"{low} … {high}",
            str(pair["n"]),
            pair["compared_by"] if pair["n"] else UNKNOWN,
            Text(pair["verdict"] + chose),
        )
    return table


def _accuracies(equations: Sequence[Json | None]) -> Table:
    table = Table("", "validation % (n)", "test % (n)", "failed")
    for letter, each in zip(LETTERS, equations, strict=False):
        told = each or {"validation": None, "test": None, "failures": None}
        table.add_row(
            letter, accuracies(told["validation"]), accuracies(told["test"]), told["failures"] or UNKNOWN
        )
    return table


def _points(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:+.1f}".replace("-", "−")
