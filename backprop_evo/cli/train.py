"""``backprop-evo train``: one equation, in the foreground, without any service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import dsl
from backprop_evo.cli.training_report import as_json as report_as_json
from backprop_evo.cli.training_report import print_report
from backprop_evo.errors import InvalidEquation, InvalidSettings
from backprop_evo.records.training import (
    LearningRate,
    LearningRateGrid,
    RelativeStepGrid,
    TrainProgress,
    TrainResult,
    TrainSpec,
)
from dsl.equation import Equation

Report = Callable[[TrainProgress], None]

_EPILOG = (
    'Examples: [bold]backprop-evo train "g / fro(g)" --preset quick --compare backprop[/bold], '
    '[bold]backprop-evo train "g" --model wrn-16-2 --data cifar10 --epochs 20 --learning-rate 0.01,0.1[/bold]'
    ", [bold]backprop-evo train feedback-alignment --model mlp-64-16-tanh --learning-rate 0.3 --epochs 20 "
    "--alignment-every 20[/bold]"
)


def train(
    equation: Annotated[
        str, typer.Argument(help="The equation, or the name of a known one.", metavar="EQUATION")
    ],
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
        str | None, typer.Option(help="Train this equation too (such as backprop) and print the difference.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; the best there is when left out.")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the data sets.", envvar="BACKPROP_EVO_DATA_DIR", file_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Train a network by an equation and say how well it learnt."""
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
    texts = [equation] + ([compare] if compare is not None else [])
    parsed = {text: _equation(text) for text in texts}
    results: dict[str, list[TrainResult]] = {}
    for text in texts:
        results[text] = []
        for number in range(seed, seed + seeds):
            with _bar(f"{text}  seed {number}", hidden=as_json) as report:
                results[text].append(_train(parsed[text], spec, number, data_dir, device, report))
    if as_json:
        typer.echo(json.dumps(report_as_json(results, spec, seed), indent=2, default=str, allow_nan=False))
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
        rates = _rates(learning_rate)
        rate = rates[0] if len(rates) == 1 else replace(_grid(rate), rates=rates)
    if relative_step is not None:
        rate = RelativeStepGrid(relative_steps=_rates(relative_step), probe_epochs=_grid(rate).probe_epochs)
    if probe_epochs is not None:
        rate = replace(rate if isinstance(rate, RelativeStepGrid) else _grid(rate), probe_epochs=probe_epochs)
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(spec, learning_rate=rate, evaluate_test=evaluate_test, **given)


def _grid(rate: LearningRate) -> LearningRateGrid:
    return rate if isinstance(rate, LearningRateGrid) else LearningRateGrid()


def _rates(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidSettings(
            f"{text!r} is no learning rate", field="learning_rate", hint="one number, or several: 0.01,0.1,1"
        ) from error


def _equation(text: str) -> Equation:
    if text in dsl.KNOWN:
        return dsl.KNOWN[text].equation
    try:
        return dsl.parse(text)
    except dsl.EquationError as error:
        column = getattr(error, "column", None)
        raise InvalidEquation(error.message, column=column, hint=error.hint) from error


def _train(
    equation: Equation,
    spec: TrainSpec,
    seed: int,
    data_dir: Path | None,
    device: str | None,
    report: Report,
) -> TrainResult:
    from backprop_evo.training import train_child

    return train_child(equation, spec, seed=seed, data_dir=data_dir, device=device, on_progress=report)


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
app = typer.Typer(rich_markup_mode="rich", help="Train a network by an equation, in the foreground.")
app.command("train", epilog=EPILOG)(train)
