"""The results file: a line for each finished training, so that a second call goes on where one ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backprop_evo.training.run.capability import environment
from reproductions.experiment import Circumstances, Experiment, Row, Training


@dataclass(frozen=True, slots=True)
class Ledger:
    file: Path

    def rows(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        # A last line that a kill cut short is a training that is made again.
        *lines, _ = self.file.read_text().split("\n")
        return [json.loads(line) for line in lines]

    def found(self, experiment: Experiment, wanted: Iterable[Training]) -> list[Row]:
        there = {_key(row): row for row in self.rows()}
        keys = [_key(told(experiment, training)) for training in wanted]
        return [there[key] for key in keys if key in there]

    def missing(self, experiment: Experiment, wanted: Iterable[Training]) -> list[Training]:
        there = {_key(row) for row in self.rows()}
        return [training for training in wanted if _key(told(experiment, training)) not in there]

    def add(self, experiment: Experiment, training: Training, result: dict[str, Any], seconds: float) -> None:
        row = told(experiment, training) | {
            "result": result,
            "cpu_seconds": round(seconds, 4),
            "threads": torch.get_num_threads(),
            "environment": environment("cpu"),
        }
        with self.file.open("a") as out:
            out.write(json.dumps(row) + "\n")


def carry_out(
    experiment: Experiment, training: Training, given: Circumstances
) -> tuple[dict[str, Any], float]:
    """Its result, and the seconds of the processor that all of it took, looks included."""
    began = time.process_time()
    result = experiment.carry_out(training, given)
    return result, time.process_time() - began


def told(experiment: Experiment, training: Training) -> dict[str, Any]:
    """The part of its line that is known before it is trained."""
    return {
        "experiment": experiment.name,
        "method": training.method,
        "seed": training.seed,
        "settings": dict(training.settings),
    }


def _key(row: Row) -> str:
    named: Sequence[str] = ("experiment", "method", "seed", "settings")
    return json.dumps({name: row[name] for name in named}, sort_keys=True)
