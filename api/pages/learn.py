"""What a site is, what an equation may look at there, and how to read a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from api.rendering import render
from dsl.primitives import OPERANDS

router = APIRouter()

MEANINGS: Mapping[str, str] = {
    "W": "the weights of the linear operation",
    "sgn_W": "the signs of these weights",
    "R": "random weights of the same form, drawn once and fixed",
    "S": "random signs of the same form, fixed",
    "R_L": "random weights from the network's output straight to this site, fixed",
    "h_pre": "what enters the activation",
    "h": "what leaves the activation and enters the linear operation",
    "h_next_pre": "what leaves the linear operation and enters the activation above",
    "b_top": "the gradient of the loss at the network's output",
    "b_next": "the signal that arrives from the site above",
    "dh": "the derivative of the activation where it was computed",
    "g": "what plain backprop sends down: b_next through W, times dh",
    "b_next_W": "the signal through the weights, without the derivative",
    "b_next_R": "the signal through the random weights in place of W",
    "b_next_R_dh": "the same times dh: feedback alignment",
    "b_top_R_L": "the error at the output, sent here directly",
    "b_top_R_L_dh": "the same times dh: direct feedback alignment",
}
"""One line for each operand."""


@dataclass(frozen=True, slots=True)
class OperandWords:
    """An operand as it is typed and as it is drawn, what its axes are, and what it means."""

    name: str
    mathematics: Markup
    shape: str
    meaning: str


@router.get("/learn")
def learn_page(request: Request) -> Response:
    """For whoever has read no paper about this."""
    operands = [
        OperandWords(
            name=row.text,
            mathematics=Markup('<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>').format(
                Markup(row.layout.mathml)
            ),
            shape=row.shape.value,
            meaning=MEANINGS[name],
        )
        for name, row in OPERANDS.items()
    ]
    return render(request, "learn.html", operands=operands)
