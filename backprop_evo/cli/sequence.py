"""``backprop-evo sequence``: an LSTM on sequences, trained in truncated windows, in the foreground."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from statistics import mean, stdev
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.cli.spec_options import with_options
from backprop_evo.service.spec_fields import SpecField, fields_of
from backprop_evo.training.sequences.report import SequencePoint, SequenceResult
from backprop_evo.training.sequences.spec import (
    METHODS,
    SequenceMethod,
    SequenceSpec,
    refuse_images,
    sequence_method,
)

Results = Mapping[SequenceMethod, Sequence[SequenceResult]]
Report = Callable[[SequencePoint], None]

EPILOG = (
    "Examples: [bold]backprop-evo sequence dni --task copy --truncation 3 --compare bptt[/bold], "
    "[bold]backprop-evo sequence dni --task repeat-copy --steps 20000 --seeds 3[/bold], "
    "[bold]backprop-evo sequence bptt --task text --truncation 20 --test --json[/bold]"
)
FIELDS = fields_of(SequenceSpec, "sequence")


@with_options(FIELDS)
def sequence(
    texts: dict[str, str],
    method: Annotated[
        str,
        typer.Argument(
            help="; ".join(f"{name}: {told}" for name, told in METHODS.items()) + ".", metavar="METHOD"
        ),
    ],
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option(help="Train with so many seeds.", min=1)] = 1,
    compare: Annotated[str | None, typer.Option(help="Train by this method too (such as bptt).")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; the best there is when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train an LSTM on sequences, in windows, and say how far it came.

    On copy and repeat-copy, sequences become longer as they are solved, and the longest solved counts. On
    text, the bits that predicting a character costs.
    """
    methods = list(dict.fromkeys(sequence_method(each) for each in (method, compare) if each is not None))
    spec = read_spec(texts)
    results: dict[SequenceMethod, list[SequenceResult]] = {}
    for each in methods:
        results[each] = []
        for number in range(seed, seed + seeds):
            with _bar(f"{each}  seed {number}", spec.steps, hidden=as_json) as report:
                results[each].append(_train(each, spec, number, device, report))
    if as_json:
        print_json(_as_json(results, spec, seed))
        return
    console = standard_output()
    console.print(_table(results))
    for name, runs in results.items():
        for reason in dict.fromkeys(run.reason for run in runs if run.reason):
            console.print(f"{name}: {reason}", markup=False, highlight=False)


def read_spec(texts: Mapping[str, str], fields: Sequence[SpecField] = FIELDS) -> SequenceSpec:
    """The spec with the fields that were given. Raises InvalidSettings."""
    refuse_images(texts.get("task", ""))
    values = {each.path[-1]: each.read(texts[each.name]) for each in fields if each.name in texts}
    return SequenceSpec(**values)


def _train(
    method: SequenceMethod, spec: SequenceSpec, seed: int, device: str | None, report: Report
) -> SequenceResult:
    from backprop_evo.training.sequences.run import train_sequence

    return train_sequence(method, spec, seed=seed, device=device, on_progress=report)


def _table(results: Results) -> Table:
    table = Table("method", "outcome", "length", "train bits", "validation bits", "test bits", "n", "seconds")
    for name, runs in results.items():
        table.add_row(
            name,
            ", ".join(sorted({run.outcome for run in runs})),
            _spread([run.length for run in runs], 1),
            _spread([run.curve[-1].train_bits if run.curve else None for run in runs], 3),
            _spread([run.validation_bits for run in runs], 3),
            _spread([run.test_bits for run in runs], 3),
            str(len(runs)),
            f"{sum(run.seconds for run in runs):.0f}",
        )
    return table


def _spread(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    if len(known) == 1:
        return f"{known[0]:.{digits}f}".removesuffix(".0")
    return f"{mean(known):.{digits}f} ± {stdev(known):.{digits}f}"


def _as_json(results: Results, spec: SequenceSpec, seed: int) -> dict[str, Any]:
    count = len(next(iter(results.values())))
    return {
        "spec": asdict(spec),
        "seeds": list(range(seed, seed + count)),
        "methods": [
            {
                "method": name,
                "results": [
                    asdict(run) | {"length": run.length, "validation_bits": run.validation_bits}
                    for run in runs
                ],
            }
            for name, runs in results.items()
        ],
    }


@contextmanager
def _bar(title: str, steps: int, *, hidden: bool) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("window {task.completed}/{task.total}  {task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as bar:
        task = bar.add_task(title, total=steps, told="")

        def report(point: SequencePoint) -> None:
            told = f"train {point.train_bits:.3f} bits"
            if point.validation_bits is not None:
                told += f"  validation {point.validation_bits:.3f} bits"
            if point.length is not None:
                told += f"  length {point.length}"
            bar.update(task, completed=point.step, told=told)

        yield report
