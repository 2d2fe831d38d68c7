"""Options and arguments that several commands share, each told once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Url = Annotated[str, typer.Option("--url", envvar="BACKPROP_EVO_API_URL", help="The service.")]
ApiKey = Annotated[
    str | None, typer.Option("--api-key", envvar="BACKPROP_EVO_API_KEY", help="Where keys are demanded.")
]
EvaluationId = Annotated[
    str, typer.Argument(help="Id of an evaluation, see [bold]evaluate list[/bold].", metavar="EVALUATION")
]
SearchId = Annotated[
    str, typer.Argument(help="Id of a search, see [bold]search list[/bold].", metavar="SEARCH")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="A file, instead of standard output.", dir_okay=False),
]
