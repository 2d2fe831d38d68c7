"""What becomes of the best of a search after it: the stages that a discovery has to pass.

Each stage is an evaluation on seeds of its own. ``best`` = 0 leaves a stage out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from backprop_evo.records.described import Bounds, above_zero, at_least, at_most, described
from backprop_evo.records.methods import ControlGroup
from backprop_evo.records.training import TrainSpec

TransferSetting = Literal["other-model", "other-data", "other-optimizer", "longer"]
"""What a transfer changes in the search's own setting; ``evaluation.stages`` derives it."""

AS_THE_SEARCH = "as the search trains"
EPOCHS = above_zero(10_000)


def _are_settings(names: tuple[str, ...]) -> bool:
    return bool(names) and set(names) <= {*get_args(TransferSetting)} and len(set(names)) == len(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalists:
    """The ``best`` equations of the search beside plain backprop, with ``seeds`` new seeds, on images of
    validation that the search has not seen."""

    best: int = described(
        0,
        "So many of the search's best are trained again, to choose those to confirm; 0: no such stage.",
        label="Finalists",
        bounds=at_least(0),
        limit=at_most(1000),
    )
    seeds: int = described(
        3, "New seeds of each finalist.", label="Seeds of each", bounds=at_least(1), limit=at_most(1000)
    )
    epochs: float | None = described(
        None,
        "Length of each training of a finalist.",
        label="Epochs each",
        unset=AS_THE_SEARCH,
        bounds=EPOCHS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The ``best`` equations, yardsticks and controls against plain backprop, with ``seeds`` new seeds.
    ``test`` reads the test split, once a training."""

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
    epochs: float | None = described(
        None,
        "Length of each training that confirms.",
        label="Epochs each",
        unset=AS_THE_SEARCH,
        bounds=EPOCHS,
    )
    controls: ControlGroup = described(
        "few", "Trained beside them; few are the placebo and g / fro(g).", label="Controls"
    )
    test: bool = described(True, "Read the test split, and compare by it.", label="Read the test split")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The ``best`` of what was confirmed, in other settings, with ``seeds`` new seeds and the controls of the
    confirmation. It is compared by the test split."""

    best: int = described(
        0,
        "So many of the confirmed equations are trained in other settings; 0: no such stage.",
        label="Best to transfer",
        bounds=at_least(0),
        limit=at_most(1000),
    )
    seeds: int = described(
        5, "New seeds of each of them.", label="Seeds of each", bounds=at_least(1), limit=at_most(1000)
    )
    epochs: float | None = described(
        None,
        "Length of each training elsewhere.",
        label="Epochs each",
        unset=AS_THE_SEARCH,
        bounds=EPOCHS,
    )
    settings: tuple[TransferSetting, ...] = described(
        ("other-model", "other-data"),
        "What is changed in the search's setting, one at a time.",
        label="Settings elsewhere",
        bounds=Bounds(f"some of {', '.join(get_args(TransferSetting))}, each once", _are_settings),
    )


def trained_for(train: TrainSpec, epochs: float | None) -> TrainSpec:
    """The same training in another length, its limit in seconds in proportion; None: as it is."""
    if epochs is None or epochs == train.epochs:
        return train
    limit_s = train.time_limit_s
    if limit_s is not None:
        limit_s *= epochs / train.epochs
    return replace(train, epochs=epochs, time_limit_s=limit_s)
