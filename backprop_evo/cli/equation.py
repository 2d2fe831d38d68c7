"""``backprop-evo equation``: read, show, draw and vary equations. Needs no service and no torch."""

from __future__ import annotations

import random
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

import dsl
from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.errors import InvalidEquation, InvalidInput

app = typer.Typer(no_args_is_help=True, help="Read, show, draw and vary equations of the language.")

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


def read(text: str) -> dsl.Equation:
    """The equation that ``text`` writes or names. Raises InvalidEquation with a caret under the column."""
    known = dsl.KNOWN.get(text.strip())
    if known is not None:
        return known.equation
    try:
        return dsl.parse(text)
    except dsl.EquationSyntaxError as error:
        pointing = error.pointing_at(text)
        raise InvalidEquation(pointing, column=error.column, hint=error.hint) from None


@app.command(epilog='Example: [bold]backprop-evo equation check "min(g / fro(g), clip(h, 1.0))"[/bold]')
def check(text: EquationText, as_json: AsJson = False) -> None:
    """Whether an equation parses and its shapes can match; exit code 2 where not."""
    equation = read(text)
    reason = dsl.infeasibility(equation)
    if as_json:
        print_json({"text": dsl.to_text(equation), "feasible": reason is None, "infeasible": reason})
    if reason is not None:
        if as_json:
            raise typer.Exit(InvalidEquation.exit_code)
        raise InvalidEquation(f"infeasible: {reason}", hint="a signal has the shape of the operation's input")
    if not as_json:
        typer.echo(f"feasible: {dsl.to_text(equation)}")


@app.command(epilog='Example: [bold]backprop-evo equation show "g / row(g, 2) + h" --json[/bold]')
def show(text: EquationText, as_json: AsJson = False) -> None:
    """An equation in every notation, its canonical form, fingerprint and facts."""
    equation = read(text)
    described = describe(equation)
    if as_json:
        print_json(described)
        return
    table = Table(show_header=False, box=None)
    for name in ("text", "latex", "infeasible", "canonical", "fingerprint"):
        if described[name] is not None:
            table.add_row(name, Text(described[name]))
    for name, value in (described["facts"] or {}).items():
        table.add_row(name.replace("_", " "), Text(_in_words(value)))
    standard_output().print(table)


@app.command(epilog='Example: [bold]backprop-evo equation facts "b_next_R_dh"[/bold]')
def facts(text: EquationText, as_json: AsJson = False) -> None:
    """What can be said of an equation without training: complexity, transports, behaviour on probes."""
    equation = read(text)
    reason = dsl.infeasibility(equation)
    if reason is not None:
        raise InvalidEquation(f"infeasible: {reason}", hint="facts exist for equations that can be computed")
    values = dsl.facts(equation).as_json()
    if as_json:
        print_json(values)
        return
    table = Table(show_header=False, box=None)
    for name, value in values.items():
        table.add_row(name.replace("_", " "), Text(_in_words(value)))
    standard_output().print(table)


@app.command(
    "random", epilog="Example: [bold]backprop-evo equation random -n 5 --operations 2 --seed 7[/bold]"
)
def random_(
    count: Count = 1,
    operations: Annotated[int, typer.Option(help="Binary operations each.", min=1, max=3)] = 1,
    seed: Seed = 0,
    operand: Operands = None,
    unary: Unaries = None,
    binary: Binaries = None,
    as_json: AsJson = False,
) -> None:
    """Feasible equations, drawn uniformly."""
    vocabulary = _vocabulary(operand, unary, binary)
    lengths = tuple(float(length == operations) for length in (1, 2, 3))
    rng = random.Random(seed)
    drawn = [_feasible(lambda: dsl.sample(rng, vocabulary, lengths)) for _ in range(count)]
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
    parent = read(text)
    vocabulary = _vocabulary(operand, unary, binary)
    rng = random.Random(seed)
    children = [_feasible(lambda: dsl.mutate(parent, rng, vocabulary)) for _ in range(count)]
    _print_equations(
        [{"text": dsl.to_text(child), "mutation": dsl.describe_change(parent, child)} for child in children],
        as_json,
    )


@app.command(epilog="Example: [bold]backprop-evo equation known --json[/bold]")
def known(as_json: AsJson = False) -> None:
    """Equations with a name: learning rules and every row of the paper's Table 1."""
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
                    "optimiser": entry.optimiser,
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
            f"{entry.setting} {entry.optimiser} {100 * entry.test_accuracy:.2f} ± {100 * entry.deviation:.2f}"
            for entry in row.published
        )
        table.add_row(row.key, Text(row.text), "\n".join(accuracies))
    standard_output().print(table)


def describe(equation: dsl.Equation) -> dict[str, Any]:
    """Everything that is known of an equation, JSON-ready; None where it takes a feasible one."""
    reason = dsl.infeasibility(equation)
    feasible = reason is None
    return {
        "text": dsl.to_text(equation),
        "latex": dsl.to_latex(equation),
        "mathml": dsl.to_mathml(equation),
        "json": dsl.to_json(equation),
        "infeasible": reason,
        "canonical": dsl.to_text(dsl.canonical(equation)) if feasible else None,
        "fingerprint": dsl.fingerprint(equation) if feasible else None,
        "facts": dsl.facts(equation).as_json() if feasible else None,
    }


def _vocabulary(
    operands: list[str] | None, unaries: list[str] | None, binaries: list[str] | None
) -> dsl.Vocabulary:
    try:
        return dsl.language(operands, unaries, binaries)
    except dsl.EquationError as error:
        raise InvalidInput(error.message, hint=error.hint) from None


def _feasible(draw: Any) -> dsl.Equation:
    try:
        drawn: dsl.Equation = draw()
    except dsl.EquationError as error:
        raise InvalidInput(error.message, hint=error.hint) from None
    return drawn


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
