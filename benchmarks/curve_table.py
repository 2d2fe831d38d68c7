"""The table of training curves that ``equation_curves.py`` makes and ``schedulers.py`` reads: values,
packing, and what is true in it. No torch.

Accuracies in [0, 1], times in CPU seconds. A training is one equation at one relative step with one seed; its
values stand at the rungs that it reached, of which a training that a guard ended has fewer.
"""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

Row = Mapping[str, Any]

#: Rungs of every training; the last is where an equation's accuracy counts.
STEPS = (5, 10, 20, 40, 80, 160, 320)
#: The accuracy of a training that ended early: guessing.
CHANCE = 0.1
#: Accuracy above which an equation counts as a learner; a classifier alone reaches about 0.21.
LEARNT = 0.25

#: How the reason begins for which a training is ended that is no better than guessing.
AT_GUESSING = "no better than guessing"

PACKED = Path(__file__).parent / "data" / "equation_curves.json.xz"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Value:
    """At a rung. ``train_loss`` is the mean since the rung before; seconds are of all steps so far and of
    this one measurement of the accuracy."""

    step: int
    train_loss: float
    accuracy: float
    trained_s: float
    measured_s: float


@dataclass(frozen=True, slots=True)
class Training:
    """``steps`` and ``trained_s`` count to its end, be that early or not; ``set_up_s`` comes on top."""

    equation: int
    seed: int
    relative_step: float
    learning_rate: float | None
    outcome: str
    reason: str | None
    steps: int
    set_up_s: float
    trained_s: float
    values: tuple[Value, ...]

    def at(self, step: int) -> Value | None:
        """None where it ended before."""
        return next((value for value in self.values if value.step == step), None)

    @property
    def accuracy(self) -> float:
        """At the last rung of all; chance for a training that never came there."""
        last = self.at(STEPS[-1])
        return CHANCE if last is None else last.accuracy


@dataclass(frozen=True, slots=True)
class TabledEquation:
    """``parent`` is the place of the equation that it is a mutant of, where that is in the table too."""

    text: str
    origin: str
    parent: int | None
    carries_error: bool


@dataclass(frozen=True, slots=True)
class Table:
    """``trainings`` by equation, seed and relative step; ``further`` those that were carried on, from their
    first step."""

    header: Mapping[str, Any]
    equations: tuple[TabledEquation, ...]
    trainings: Mapping[tuple[int, int, float], Training]
    further: tuple[Training, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.header["seeds"])

    @property
    def relative_steps(self) -> tuple[float, ...]:
        """Ascending."""
        return tuple(self.header["relative_steps"])

    def true_accuracy(self, equation: int) -> float:
        """At the last rung: the mean over seeds at the relative step where that is best."""
        return max(
            mean(self.trainings[equation, seed, step].accuracy for seed in self.seeds)
            for step in self.relative_steps
        )


# What is true of rows of results ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Best:
    relative_step: float
    accuracy: float


def best_by_accuracy(rows: Sequence[Row]) -> dict[str, Best]:
    """Of each equation that finished a training: its best relative step and the mean accuracy there."""
    found: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    finished = set()
    for row in rows:
        if row["until"] == STEPS[-1]:
            is_whole = row["outcome"] == "completed"
            found[row["equation"]][row["relative_step"]].append(row["values"][-1][2] if is_whole else CHANCE)
            finished |= {row["equation"]} if is_whole else set()
    best = {text: max((mean(values), -step) for step, values in found[text].items()) for text in finished}
    return {text: Best(-step, accuracy) for text, (accuracy, step) in best.items()}


# Packing ---------------------------------------------------------------------------------------------------

COLUMNS = (
    "equation", "seed", "relative_step", "learning_rate", "outcome", "reason", "steps", "set_up_s",
    "trained_s", "train_losses", "accuracies", "rung_trained_s", "rung_measured_s",
)  # fmt: skip


def pack(rows: Sequence[Row], header: Mapping[str, Any], path: Path) -> str:
    """Writes the equations that were trained at all of ``header``'s relative steps with all of its seeds.

    Answers what was written, in words. Raises ValueError where there is none.
    """
    whole = {(seed, step) for seed in header["seeds"] for step in header["relative_steps"]}
    of_grid: dict[str, dict[tuple[int, float], Row]] = defaultdict(dict)
    for row in rows:
        place = row["seed"], row["relative_step"]
        if row["until"] == STEPS[-1] and place in whole:
            of_grid[row["equation"]][place] = row
    kept = {text: trainings for text, trainings in of_grid.items() if len(trainings) == len(whole)}
    if not kept:
        raise ValueError(
            f"no equation has all relative steps with all of {len(header['seeds'])} seeds yet: "
            "let equation_curves.py go on, or pack with fewer --seeds"
        )
    places = {text: place for place, text in enumerate(kept)}
    further = [row for row in rows if row["until"] > STEPS[-1] and row["equation"] in places]
    firsts = [next(iter(trainings.values())) for trainings in kept.values()]
    document = {
        "header": {**header, "format": FORMAT, "rungs": STEPS, "equations": len(kept)},
        "equations": [
            {
                "text": row["equation"],
                "origin": row["origin"],
                "parent": places.get(row["parent"]),
                "carries_error": row["carries_error"],
            }
            for row in firsts
        ],
        "columns": COLUMNS,
        "trainings": [_packed(row, places) for trainings in kept.values() for row in trainings.values()],
        "further": [_packed(row, places) for row in further],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    path.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    return (
        f"{path}: {len(kept)} equations, {len(document['trainings'])} trainings and {len(further)} carried "
        f"on, {path.stat().st_size / 1024:.0f} KiB"
    )


def _packed(row: Row, places: Mapping[str, int]) -> list[Any]:
    values = row["values"]
    measured = [0.0, *(value[4] for value in values)]
    rate = row["learning_rate"]
    return [
        places[row["equation"]], row["seed"], row["relative_step"], rate and float(f"{rate:.6g}"),
        row["outcome"], row["reason"], row["steps"], row["set_up_s"], row["seconds"][0],
        [float(f"{value[1]:.5g}") for value in values], [round(value[2], 5) for value in values],
        [value[3] for value in values], [round(now - before, 3) for before, now in pairwise(measured)],
    ]  # fmt: skip


def unpack(path: Path = PACKED) -> Table:
    """Raises ValueError for a file of another format."""
    document = json.loads(lzma.decompress(path.read_bytes()))
    header = document["header"]
    if header.get("format") != FORMAT or tuple(header["rungs"]) != STEPS:
        raise ValueError(
            f"{path} has format {header.get('format')} and rungs {header['rungs']}: make it anew"
        )
    rungs = {"trainings": STEPS, "further": (*STEPS, *header["further_rungs"])}
    read = {
        part: [_training(dict(zip(document["columns"], row, strict=True)), steps) for row in document[part]]
        for part, steps in rungs.items()
    }
    return Table(
        header,
        tuple(TabledEquation(**each) for each in document["equations"]),
        {(each.equation, each.seed, each.relative_step): each for each in read["trainings"]},
        tuple(read["further"]),
    )


def _training(row: Row, steps: Sequence[int]) -> Training:
    columns = (row["train_losses"], row["accuracies"], row["rung_trained_s"], row["rung_measured_s"])
    plain = {name: row[name] for name in COLUMNS[:9]}
    return Training(**plain, values=tuple(Value(*each) for each in zip(steps, *columns, strict=False)))
