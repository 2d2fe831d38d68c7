"""What commands print: a table for people, or JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from backprop_evo.errors import InvalidInput

UNFOLDED = 240
"""Columns in a pipe or a log: no equation of the leaderboard is folded."""


def standard_output() -> Console:
    """Where tables go: as wide as the terminal, and elsewhere as wide as it takes."""
    asked = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if asked else UNFOLDED)


def print_json(value: Any) -> None:
    """Indented, in UTF-8. Raises ``ValueError`` for NaN and infinities, which JSON does not have."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str, allow_nan=False))


def show(value: Any, table: Any, *, as_json: bool) -> None:
    """The table, or the value as JSON."""
    if as_json:
        print_json(value)
    else:
        standard_output().print(table)


def write_text(text: str, file: Path | None) -> None:
    """To the file, or to standard output. Raises ``InvalidInput`` where it cannot be written."""
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from None
