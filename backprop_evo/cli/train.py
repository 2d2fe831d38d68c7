"""``backprop-evo train``: one method, in the foreground, without any service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json
from backprop_evo.cli.spec_options import Preset, with_options
from backprop_evo.cli.training_report import as_json as report_as_json
from backprop_evo.cli.training_report import print_report
from backprop_evo.records import presets
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.training import TrainProgress, TrainResult, TrainSpec
from backprop_evo.service import field_texts
from backprop_evo.service.documents import texts_of, train_document, train_spec
from backprop_evo.service.spec_fields import train_fields
from backprop_evo.training.methods import method_of
from backprop_evo.training.sequences.spec import refuse_sequences

Report = Callable[[TrainProgress], None]

_EPILOG = (
    'Examples: [bold]backprop-evo train "g / fro(g)" --preset quick --compare backprop[/bold], '
    '[bold]backprop-evo train "g" --model wrn-16-2 --data cifar10 --epochs 20 --learning-rate 0.01,0.1[/bold]'
    ", [bold]backprop-evo train indirect-feedback --model mlp-64-32 --compare backprop[/bold]"
    ", [bold]backprop-evo train feedback-alignment --model mlp-64-16-tanh --learning-rate 0.3 --epochs 20 "
    "--alignment-every 20[/bold]"
)


@with_options(train_fields(), texts_of({"train": train_document(presets.QUICK)}))
def train(
    texts: dict[str, str],
    method: Annotated[
        str,
        typer.Argument(
            help="The name of a method (indirect-feedback), the name of a known equation "
            "(feedback-alignment), or an equation.",
            metavar="METHOD",
        ),
    ],
    setting: Annotated[
        list[str] | None, typer.Option(help="A setting of METHOD, as name=value; may be repeated.")
    ] = None,
    preset: Preset = "quick",
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option(help="Train with so many seeds.", min=1)] = 1,
    compare: Annotated[
        str | None, typer.Option(help="Train by this method too (such as backprop) and print the difference.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; the best there is when left out.")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the data sets.", envvar="BACKPROP_EVO_DATA_DIR", file_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network by an equation or another method and say how well it learnt."""
    for given in (method, compare):
        refuse_sequences(given or "", texts.get("data"))
    spec = train_spec(preset or "quick", texts)
    methods = {" ".join([method, *(setting or ())]): read_method(method, setting or ())}
    if compare is not None:
        methods.setdefault(compare, read_method(compare))
    for each in methods.values():
        method_of(each).check_fit(spec)
    results: dict[str, list[TrainResult]] = {}
    for text, each in methods.items():
        results[text] = []
        for number in range(seed, seed + seeds):
            with _bar(f"{text}  seed {number}", hidden=as_json) as report:
                results[text].append(_train(each, spec, number, data_dir, device, report))
    if as_json:
        print_json(report_as_json(results, methods, spec, seed))
    else:
        print_report(results, spec)


def read_method(text: str, settings: Sequence[str] = ()) -> MethodSpec:
    """The method that ``text`` names or writes, with settings as ``name=value``; checked.

    Raises InvalidSettings and InvalidEquation.
    """
    return method_of(field_texts.read_method(text, settings)).spec


def _train(
    method: MethodSpec,
    spec: TrainSpec,
    seed: int,
    data_dir: Path | None,
    device: str | None,
    report: Report,
) -> TrainResult:
    from backprop_evo.training import train_child

    return train_child(method, spec, seed=seed, data_dir=data_dir, device=device, on_progress=report)


@contextmanager
def _bar(title: str, *, hidden: bool) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[phase]} {task.fields[epoch]}"),
        TextColumn("loss {task.fields[loss]}  val {task.fields[accuracy]}  {task.fields[speed]} images/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as bar:
        task = bar.add_task(title, total=1.0, phase="", epoch="", loss="–", accuracy="–", speed="–")

        def report(progress: TrainProgress) -> None:
            accuracy = progress.validation_accuracy
            bar.update(
                task,
                total=progress.epochs,
                completed=progress.epoch,
                phase=progress.phase,
                epoch=f"{progress.epoch:.2f}/{progress.epochs:g}",
                loss=f"{progress.train_loss:.3f}",
                accuracy="–" if accuracy is None else f"{accuracy:.1%}",
                speed=f"{progress.images_per_s:.0f}",
            )

        yield report


EPILOG = _EPILOG
app = typer.Typer(rich_markup_mode="rich", help="Train a network by a method, in the foreground.")
app.command("train", epilog=EPILOG)(train)
