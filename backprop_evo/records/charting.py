"""What charts are drawn from, row by row: a few columns of many rows, as they are stored.

Tuples with names, not dataclasses: a chart of a long search reads a hundred thousand of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from backprop_evo.records.training import TrainSpec


class FinishPoint(NamedTuple):
    """A terminal trial. ``purpose`` and ``state`` are the stored words. ``accuracy``, in [0, 1], is the
    validation accuracy of one that completed, or that at which a pruner ended it, at ``rung``; else None.
    ``equation`` is empty for a method that is none."""

    finish_order: int
    individual: int
    purpose: str
    state: str
    accuracy: float | None
    rung: int | None
    equation: str


class ProposalPoint(NamedTuple):
    """An individual as it was proposed: ``origin`` is the stored word. ``fitness``, in [0, 1], is None where
    it has none of its own, as with a ``twin``: the number of the individual that behaves the same."""

    number: int
    origin: str
    twin: int | None
    fitness: float | None


class AttemptSpan(NamedTuple):
    """When a worker had a trial; ``ended_at`` and ``outcome`` are None while it has it."""

    trial_id: str
    individual: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None


class ValuePoint(NamedTuple):
    """An intermediate value of a running trial, without its judgement."""

    trial_id: str
    step: int
    rung: int | None
    validation_accuracy: float | None
    train_loss: float


class TrainedPoint(NamedTuple):
    """One terminal training of a behaviour. Accuracies are in [0, 1], None unless it completed."""

    trial_id: str
    search_id: str
    purpose: str
    seed: int
    train: TrainSpec
    state: str
    validation_accuracy: float | None
    test_accuracy: float | None
