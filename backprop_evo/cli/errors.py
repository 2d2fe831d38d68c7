"""How a command fails: one red line that says what and where, one that says what next, and an exit code."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from backprop_evo.errors import BackpropEvoError

INTERRUPTED = 130


def show(error: BackpropEvoError) -> None:
    """Message and hint on standard error."""
    console = Console(stderr=True, soft_wrap=True)
    console.print(Text(error.message, style="bold red"))
    if error.hint:
        console.print(Text(error.hint, style="yellow"))


class CommandGroup(TyperGroup):
    """Commands whose errors end in a message, never in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Ends in the error's exit code; Ctrl-C in 130, as shells have it."""
        try:
            return super().invoke(ctx)
        except BackpropEvoError as error:
            show(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            Console(stderr=True).print("interrupted")
            raise typer.Exit(INTERRUPTED) from None
