"""``backprop-evo up``: the whole service on this machine, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from backprop_evo.cli.stack import Stack
from backprop_evo.logs import configure_logs
from backprop_evo.settings import Settings, settings

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of database, Redis and logs.", envvar="BACKPROP_EVO_HOME", file_okay=False),
]
Slots = Annotated[
    int | None, typer.Option(help="Worker processes; 0: one per GPU, else one per core.", min=0)
]
EPILOG = "Examples: [bold]backprop-evo up[/bold], [bold]backprop-evo up --home ~/searches --port 8080[/bold]"


def chosen_settings(home: Path | None, port: int | None, slots: int | None) -> Settings:
    """The environment's settings with the options of a command over them. Raises ``InvalidSettings``."""
    options = {"HOME": home, "API_PORT": port, "SLOTS": slots}
    for name, value in options.items():
        if value is not None:
            # Into the environment, because the processes we start read theirs from it.
            os.environ[f"BACKPROP_EVO_{name}"] = str(value)
    settings.cache_clear()
    return settings()


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that what was started is stopped; both are deaf while that
    happens."""

    def interrupt(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            # A second Ctrl-C would interrupt the stopping, and leave processes behind.
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def up(
    home: Home = None,
    port: Annotated[int | None, typer.Option(help="Port of API and pages; 8000 by default.", min=1)] = None,
    slots: Slots = None,
) -> None:
    """Serve API and pages, drive searches and train, on this machine, until Ctrl-C."""
    options = chosen_settings(home, port, slots)
    console = Console(stderr=True, soft_wrap=True)
    configure_logs(options.log_format, logging.WARNING)
    with ending_on_sigterm():
        try:
            console.print(f"starting in {options.home} …")
            with Stack(options) as stack:
                console.print(f"[bold green]{stack.url}[/bold green]  (logs in {stack.logs}; Ctrl-C stops)")
                while True:
                    stack.restart_crashed()
                    time.sleep(1.0)
        except KeyboardInterrupt:
            console.print("stopped; what was running goes on at the next start")
