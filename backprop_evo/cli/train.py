"""``backprop-evo train``: one method, in the foreground, without any service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json
from backprop_evo.cli.training_report import as_json as report_as_json
from backprop_evo.cli.training_report import print_report
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.training import (
    LearningRate,
    LearningRateGrid,
    RelativeStepGrid,
    TrainProgress,
    TrainResult,
    TrainSpec,
)
from backprop_evo.training.methods import as_method, declared, method_of
from backprop_evo.wording import read_rates

Report = Callable[[TrainProgress], None]

_EPILOG = (
    'Examples: [bold]backprop-evo train "g / fro(g)" --preset quick --compare backprop[/bold], '
    '[bold]backprop-evo train "g" --model wrn-16-2 --data cifar10 --epochs 20 --learning-rate 0.01,0.1[/bold]'
    ", [bold]backprop-evo train indirect-feedback --model mlp-64-32 --compare backprop[/bold]"
    ", [bold]backprop-evo train feedback-alignment --model mlp-64-16-tanh --learning-rate 0.3 --epochs 20 "
    "--alignment-every 20[/bold]"
)


def train(
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
    preset: Annotated[
        str, typer.Option(help="Start from A1, A2, A3, B1 or quick (each also with -momentum).")
    ] = "quick",
    model: Annotated[str | None, typer.Option(help="wrn-D-K, cnn or mlp-W[-W…][-tanh|-sigmoid].")] = None,
    data: Annotated[str | None, typer.Option(help="A data set of the catalogue.")] = None,
    epochs: Annotated[float | None, typer.Option(help="May be fractional.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd or momentum.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="L2 coefficient.")] = None,
    learning_rate: Annotated[
        str | None,
        typer.Option(help="One rate, or a grid such as 0.01,0.1,1: each is probed, the best continued."),
    ] = None,
    relative_step: Annotated[
        str | None,
        typer.Option(
            help="The rate by the size of its first update against the weights (median over layers): one, "
            "or a grid such as 0.01,0.03,0.1, which grows where its edge wins."
        ),
    ] = None,
    probe_epochs: Annotated[float | None, typer.Option(help="Length of a probe of the grid.")] = None,
    schedule: Annotated[str | None, typer.Option(help="auto, constant or cosine.")] = None,
    feedback: Annotated[
        str | None, typer.Option(help="What R is: gaussian, uniform, usf, brsf or frsf (tied to W's signs).")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bf16.")] = None,
    augment: Annotated[bool | None, typer.Option(help="Mirror and shift the training images.")] = None,
    train_images: Annotated[int | None, typer.Option(help="Use so many training images.")] = None,
    reestimate_batches: Annotated[
        int | None,
        typer.Option(
            help="Estimate BatchNorm's statistics on so many training batches before an evaluation."
        ),
    ] = None,
    test: Annotated[bool, typer.Option("--test", help="Read the test split at the end.")] = False,
    alignment_every: Annotated[
        int | None, typer.Option(help="Measure the angle to the true gradient every n steps.")
    ] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds for each training.")] = None,
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
    changes = {
        "model": model,
        "data": data,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "feedback": feedback,
        "precision": precision,
        "augment": augment,
        "train_images": train_images,
        "reestimate_batches": reestimate_batches,
        "alignment_every": alignment_every,
        "time_limit_s": time_limit,
    }
    spec = build_spec(
        preset, changes, learning_rate, probe_epochs, relative_step=relative_step, evaluate_test=test
    )
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


def build_spec(
    preset: str,
    changes: dict[str, Any],
    learning_rate: str | None,
    probe_epochs: float | None,
    *,
    relative_step: str | None = None,
    evaluate_test: bool,
) -> TrainSpec:
    """The preset with what was asked for instead. Raises InvalidSettings."""
    from backprop_evo.records import presets

    spec = presets.preset(preset)
    rate = spec.learning_rate
    if learning_rate is not None and relative_step is not None:
        raise InvalidSettings(
            "a rate is either absolute or relative", field="relative_step", hint="leave --learning-rate out"
        )
    if learning_rate is not None:
        rates = read_rates(learning_rate)
        rate = rates[0] if len(rates) == 1 else replace(_grid(rate), rates=rates)
    if relative_step is not None:
        rate = RelativeStepGrid(
            relative_steps=read_rates(relative_step), probe_epochs=_grid(rate).probe_epochs
        )
    if probe_epochs is not None:
        rate = replace(rate if isinstance(rate, RelativeStepGrid) else _grid(rate), probe_epochs=probe_epochs)
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(spec, learning_rate=rate, evaluate_test=evaluate_test, **given)


def _grid(rate: LearningRate) -> LearningRateGrid:
    return rate if isinstance(rate, LearningRateGrid) else LearningRateGrid()


def read_method(text: str, settings: Sequence[str] = ()) -> MethodSpec:
    """The method that ``text`` names or writes, with settings as ``name=value``; checked.

    Raises InvalidSettings and InvalidEquation.
    """
    pairs = [each.partition("=") for each in settings]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise InvalidSettings(
            f"{wrong[0]!r} is no setting", field="method.settings", hint="a setting is name=value"
        )
    spec = as_method(text)
    rows = {row.name: row for row in declared()[spec.name].rows()}
    given = {
        name.strip(): rows[name.strip()].from_text(value.strip()) if name.strip() in rows else value
        for name, _, value in pairs
    }
    return method_of(as_method(spec, given)).spec


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
