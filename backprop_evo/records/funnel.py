"""What becomes of the best of a search after it: the stages that a discovery has to pass."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.records.described import at_least, at_most, described
from backprop_evo.records.methods import ControlGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The evaluation that a search orders at its end: the ``best`` equations, yardsticks and controls against
    plain backprop, with ``seeds`` new seeds. ``test`` reads the test split, once a training."""

    best: int = described(
        1,
        "So many equations are trained again, then tested.",
        label="Best to confirm",
        bounds=at_least(0),
        limit=at_most(1000),
    )
    seeds: int = described(
        3, "New seeds of each of them.", label="Seeds of each", bounds=at_least(1), limit=at_most(1000)
    )
    controls: ControlGroup = described(
        "few", "Trained beside them; few are the placebo and g / fro(g).", label="Controls"
    )
    test: bool = described(True, "Read the test split, and compare by it.", label="Read the test split")
