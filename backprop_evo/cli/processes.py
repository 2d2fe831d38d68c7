"""``backprop-evo api | controller | node``: one process of the cluster form, in the foreground."""

from __future__ import annotations

import os
import sys

import typer

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.nodes import MOST_SLOTS
from backprop_evo.settings import settings


def _replace_process(module: str) -> None:
    """This process becomes that one, so that signals and exit code are its own."""
    settings()
    os.execv(sys.executable, (sys.executable, "-m", module))


def api() -> None:
    """Serve REST and pages, with the settings in BACKPROP_EVO_* variables."""
    _replace_process("api")


def controller() -> None:
    """Drive searches. Any number may run; each search is driven by one of them."""
    _need_redis()
    _replace_process("workers.controller")


def node(
    slots: int = typer.Option(
        0, help="Worker processes; 0: one per GPU, else one per core.", min=0, max=MOST_SLOTS
    ),
) -> None:
    """Train trials on this machine: one worker process per GPU or CPU slot. SIGTERM drains."""
    _need_redis()
    if slots:
        os.environ["BACKPROP_EVO_SLOTS"] = str(slots)
    _replace_process("workers.node")


def _need_redis() -> None:
    if settings().is_embedded:
        raise InvalidSettings(
            "BACKPROP_EVO_REDIS_URL is not set",
            field="redis_url",
            hint="name the cluster's Redis, or run everything on this machine with `backprop-evo up`",
        )
