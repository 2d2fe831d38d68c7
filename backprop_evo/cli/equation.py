"""``backprop-evo equation``: read, show, draw and vary equations. Needs no service and no torch; ``compare``,
which does, is in ``side_by_side.py``."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

import dsl
from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.equations import language_errors, read_known_or_text, report_on, require_feasible
from backprop_evo.errors import InvalidEquation

app = typer.Typer(no_args_is_help=True, help="Read, show, draw, vary and compare equations of the language.")

EquationText = Annotated[
    str, typer.Argument(help='An equation, as in "g / fro(g)", or the key of a known one, as in a1-sgd-1.')
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same equations.", min=0)]
Count = Annotated[int, typer.Option("--count", "-n", help="So many equations.", min=1, max=1_000_000)]
Operands = Annotated[
    list[str] | None, typer.Option("--operand", help="Permit this operand only; may be repeated: mean(g).")
]
Unaries = Annotated[
    list[str] | None, typer.Option("--unary", help="Permit this unary function only; may be repeated.")
]
Binaries = Annotated[
    list[str] | None, typer.Option("--binary", help="Permit this binary function only; may be repeated.")
]


@app.command(epilog='Example: [bold]backprop-evo equation check "min(g / fro(g), clip(h, 1.0))"[/bold]')
def check(text: EquationText, as_json: AsJson = False) -> None:
    """Whether an equation parses and its shapes can match; exit code 2 where not."""
    equation = read_known_or_text(text)
    if as_json:
        report = report_on(equation)
        feasible = report.infeasible is None
        print_json({"text": report.text, "feasible": feasible, "infeasible": report.infeasible})
        raise typer.Exit(0 if feasible else InvalidEquation.exit_code)
    typer.echo(f"feasible: {dsl.to_text(require_feasible(equation))}")


@app.command(epilog='Example: [bold]backprop-evo equation show "g / row(g, 2) + h" --json[/bold]')
def show(text: EquationText, as_json: AsJson = False) -> None:
    """An equation in every notation, its canonical form, fingerprint and facts."""
    report = report_on(read_known_or_text(text))
    if as_json:
        print_json({**asdict(report), "facts": report.facts or None})
        return
    table = Table(show_header=False, box=None)
    for name in ("text", "latex", "infeasible", "canonical", "fingerprint"):
        value = getattr(report, name)
        if value is not None:
            table.add_row(name, Text(value))
    _add_facts(table, report.facts)
    standard_output().print(table)


@app.command(epilog='Example: [bold]backprop-evo equation facts "b_next_R_dh"[/bold]')
def facts(text: EquationText, as_json: AsJson = False) -> None:
    """What can be said of an equation without training: complexity, transports, behaviour on probes."""
    values = dsl.facts(require_feasible(read_known_or_text(text))).as_json()
    if as_json:
        print_json(values)
        return
    table = Table(show_header=False, box=None)
    _add_facts(table, values)
    standard_output().print(table)


@app.command(
    "random", epilog="Example: [bold]backprop-evo equation random -n 5 --operations 2 --seed 7[/bold]"
)
def random_(
    count: Count = 1,
    operations: Annotated[
        int, typer.Option(help="Binary operations each.", min=1, max=dsl.MAX_OPERATIONS)
    ] = 1,
    seed: Seed = 0,
    operand: Operands = None,
    unary: Unaries = None,
    binary: Binaries = None,
    as_json: AsJson = False,
) -> None:
    """Feasible equations, drawn uniformly."""
    lengths = tuple(float(length == operations) for length in range(1, dsl.MAX_OPERATIONS + 1))
    rng = random.Random(seed)
    with language_errors():
        vocabulary = dsl.vocabulary(operand, unary, binary)
        drawn = [dsl.sample(rng, vocabulary, lengths) for _ in range(count)]
    _print_equations([{"text": dsl.to_text(equation)} for equation in drawn], as_json)


@app.command(epilog='Example: [bold]backprop-evo equation mutate "g / fro(g)" -n 5[/bold]')
def mutate(
    text: EquationText,
    count: Count = 1,
    seed: Seed = 0,
    operand: Operands = None,
    unary: Unaries = None,
    binary: Binaries = None,
    as_json: AsJson = False,
) -> None:
    """Children of an equation, as the paper mutates: one component swapped for another of its category."""
    parent = read_known_or_text(text)
    rng = random.Random(seed)
    with language_errors():
        vocabulary = dsl.vocabulary(operand, unary, binary)
        children = [dsl.mutate(parent, rng, vocabulary) for _ in range(count)]
    _print_equations(
        [{"text": dsl.to_text(child), "mutation": dsl.describe_change(parent, child)} for child in children],
        as_json,
    )


@app.command(epilog="Example: [bold]backprop-evo equation known --json[/bold]")
def known(as_json: AsJson = False) -> None:
    """Equations with a name: backprop, its published alternatives, every row of the paper's Table 1."""
    rows = [
        {
            "key": row.key,
            "title": row.title,
            "text": row.text,
            "latex": dsl.to_latex(row.equation),
            "source": row.source,
            "published": [
                {
                    "setting": entry.setting,
                    "network": entry.network,
                    "epochs": entry.epochs,
                    "optimizer": entry.optimizer,
                    "test_accuracy": entry.test_accuracy,
                    "deviation": entry.deviation,
                }
                for entry in row.published
            ],
        }
        for row in dsl.KNOWN.values()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("key", "equation", "published test accuracy, %")
    for row in dsl.KNOWN.values():
        accuracies = (
            f"{entry.setting} {entry.optimizer} {100 * entry.test_accuracy:.2f} ± {100 * entry.deviation:.2f}"
            for entry in row.published
        )
        table.add_row(row.key, Text(row.text), "\n".join(accuracies))
    standard_output().print(table)


def _add_facts(table: Table, facts: Mapping[str, object]) -> None:
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), Text(_in_words(value)))


def _print_equations(rows: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    for row in rows:
        mutation = row.get("mutation")
        typer.echo(row["text"] if mutation is None else f"{row['text']}    # {mutation}")


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value if value is not None else "undefined")
