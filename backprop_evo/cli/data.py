"""``backprop-evo data``: which data sets there are, bring one here, check it, look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table

from backprop_evo import data
from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import print_json, standard_output
from backprop_evo.errors import DatasetUnusable

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Data sets: list, fetch, verify, show.",
    epilog="Example: [bold]backprop-evo data fetch cifar10[/bold]",
)

Name = Annotated[
    str, typer.Argument(help="Name in the catalogue, see [bold]data list[/bold].", metavar="NAME")
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the data sets.", envvar="BACKPROP_EVO_DATA_DIR", file_okay=False
    ),
]


@app.command("list", epilog="Example: [bold]backprop-evo data list --json[/bold]")
def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every data set of the catalogue, and whether it is on this machine."""
    rows = [_summary(name, data_dir) for name in data.names()]
    if as_json:
        print_json(rows)
        return
    table = Table()
    for heading in ("name", "state", "images", "classes", "train", "validation", "test"):
        table.add_column(heading, no_wrap=heading == "name")
    for row in rows:
        table.add_row(
            row["name"],
            row["state"],
            "×".join(map(str, row["shape"])),
            str(row["classes"]),
            *(f"{row[part]:,}" for part in ("train", "validation", "test")),
        )
    standard_output().print(table)


@app.command(
    epilog="Examples: [bold]backprop-evo data fetch cifar10[/bold], "
    "[bold]backprop-evo data fetch cifar10 --from ~/cifar-10-batches-py[/bold]"
)
def fetch(
    name: Name,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Take it from this folder or archive instead of the network.", metavar="PATH"
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Bring a data set to this machine, going on after an interruption; nothing is done when it is here."""
    with progress_bar() as report:
        path = data.fetch(name, data_dir, source=source, on_progress=report)
    if as_json:
        print_json({"name": name, "path": str(path), "bytes": path.stat().st_size})
    else:
        typer.echo(f"{name} is ready: {path} ({path.stat().st_size / 1e6:,.1f} MB, verified)")


@app.command(
    epilog="Examples: [bold]backprop-evo data verify[/bold], [bold]backprop-evo data verify cifar10[/bold]"
)
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets; none: all on this machine.", metavar="[NAME]...")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Read data sets from first to last byte and compare checksums; exit code 2 when one is unusable."""
    chosen = names or [name for name in data.names() if _is_here(name, data_dir)]
    problems = {name: _problem(name, data_dir) for name in chosen}
    if as_json:
        rows = {
            name: {"usable": error is None, "problem": str(error or "")} for name, error in problems.items()
        }
        print_json(rows)
    else:
        for name, error in problems.items():
            typer.echo(f"{name}: {error or 'every byte is right'}")
    unusable = [error for error in problems.values() if error is not None]
    if unusable:
        raise unusable[0]


@app.command(epilog="Example: [bold]backprop-evo data show cifar10-mini[/bold]")
def show(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """One data set: shape, classes, images per class of train, validation and test, checksums."""
    details = _details(name, data_dir)
    if as_json:
        print_json(details)
        return
    console = standard_output()
    console.print(f"[bold]{name}[/bold]: {details['title']}", highlight=False)
    console.print(f"shape {'×'.join(map(str, details['shape']))} (C×H×W, uint8), origin: {details['origin']}")
    means = ", ".join(f"{value:.4f}" for value in details["train_channel_mean"])
    deviations = ", ".join(f"{value:.4f}" for value in details["train_channel_std"])
    console.print(f"train part: channel means {means}; standard deviations {deviations} (of 1)")
    table = Table("class", "train", "validation", "test")
    for row in details["class_counts"]:
        table.add_row(row["class"], *(f"{row[part]:,}" for part in ("train", "validation", "test")))
    table.add_row("all", *(f"{details[part]:,}" for part in ("train", "validation", "test")), style="bold")
    console.print(table)
    for array, sha256 in details["sha256"].items():
        console.print(f"{array:13} sha256 {sha256}", highlight=False, soft_wrap=True)


def _problem(name: str, data_dir: Path | None) -> DatasetUnusable | None:
    try:
        data.verify(name, data_dir)
    except DatasetUnusable as error:
        return error
    return None


def _is_here(name: str, data_dir: Path | None) -> bool:
    return data.path_of(name, data_dir).exists()


def _summary(name: str, data_dir: Path | None) -> dict[str, Any]:
    info = data.dataset_info(name)
    here = "here" if _is_here(name, data_dir) else "not fetched"
    return {
        "name": name,
        "title": info.title,
        "state": "bundled" if info.bundled else here,
        "shape": list(info.shape),
        "classes": info.classes,
        "train": info.train_images - info.validation_images,
        "validation": info.validation_images,
        "test": info.test_images,
    }


def _details(name: str, data_dir: Path | None) -> dict[str, Any]:
    found = data.describe(name, data_dir)
    parts = ("train", "validation", "test")
    return _summary(name, data_dir) | {
        "path": str(data.path_of(name, data_dir)),
        "origin": found.origin,
        "class_counts": [
            {"class": class_name} | dict(zip(parts, counts, strict=True))
            for class_name, counts in zip(found.info.class_names, found.class_counts, strict=True)
        ],
        "train_channel_mean": list(found.channel_mean),
        "train_channel_std": list(found.channel_std),
        "sha256": found.sha256,
    }


@contextmanager
def progress_bar() -> Iterator[data.Report]:
    """A bar on standard error, so that standard output stays clean for ``--json``."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with ProgressBar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def report(progress: data.Progress) -> None:
            if progress.total is None and not progress.done:
                bar.console.print(progress.step, highlight=False, markup=False)
                return
            if progress.step not in tasks:
                tasks[progress.step] = bar.add_task(progress.step, total=progress.total)
            bar.update(tasks[progress.step], completed=progress.done, total=progress.total)

        yield report
