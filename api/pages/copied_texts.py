"""An equation as texts to take away: as it is written, as mathematics, for PyTorch, for a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.equations import EquationReport


@dataclass(frozen=True, slots=True)
class CopiedText:
    """One of them; ``key`` names it within a page."""

    key: str
    title: str
    text: str


def copied_texts(report: EquationReport, fingerprint: str, url: str) -> tuple[CopiedText, ...]:
    """Of one equation; ``url`` is where a notebook finds this service."""
    return (
        CopiedText("text", "Text", report.text),
        CopiedText("latex", "LaTeX", report.latex),
        CopiedText("pytorch", "PyTorch", _pytorch(report.text)),
        CopiedText("notebook", "Notebook cell", _notebook(report.text, fingerprint, url)),
    )


def _pytorch(text: str) -> str:
    return f"""\
import dsl
from backprop_evo import apply_equation

conversion = apply_equation(model, dsl.parse({text!r}))
# Train as always; conversion.undo() makes it an ordinary model again."""


def _notebook(text: str, fingerprint: str, url: str) -> str:
    return f"""\
from backprop_evo.client import Client

with Client({url.rstrip("/")!r}) as client:
    equation = client.equations.describe({text!r})
    trials = list(client.equations.history({fingerprint!r}))
accuracies = [trial.validation_accuracy for trial in trials]
print(len(trials), "trials:", accuracies)
equation"""
