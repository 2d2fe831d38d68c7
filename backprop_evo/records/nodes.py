"""The machines that run workers, as they are stored, what operators ask of them, and how a worker is named
after its node."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

NOT_BEGUN = "not begun"
"""Outcome of an attempt that a fault of its node ended before there was a child to train."""

MOST_SLOTS = 256
"""Of one node; each is a process with torch."""

MOST_LABELS, LABEL = 32, re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""Labels are written as Kubernetes writes the values of its own."""

LABELS_WANTED = f"up to {MOST_LABELS} different words of letters, digits, dots, dashes and underscores"


def node_of(worker: str) -> str:
    """The node that a worker named ``node/…`` belongs to."""
    return worker.partition("/")[0]


def slot_of(worker: str) -> int | None:
    """The number of the slot that a worker named ``node/process/slot`` is; None for one of another name."""
    number = worker.rpartition("/")[2]
    return int(number) if number.isdecimal() else None


def are_labels(labels: Sequence[str]) -> bool:
    """Whether they may be carried by a node, or asked for by a search."""
    words = all(LABEL.fullmatch(each) for each in labels)
    return words and len(set(labels)) == len(labels) <= MOST_LABELS


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWish:
    """What operators ask of a node, kept until they ask for something else. None is what the node's own
    settings say. While it is ``draining`` it has no slot, whatever ``slots`` is.

    A slot that is one too many finishes its training first, or gives the trial back where ``gives_back``.
    """

    slots: int | None = None
    labels: tuple[str, ...] | None = None
    draining: bool = False
    gives_back: bool = False

    def has_slot(self, number: int | None) -> bool:
        """Whether the slot of that number may begin a trial; one without a number has no lower ones."""
        return not self.draining and (self.slots is None or (number or 0) < self.slots)


class NodeState(StrEnum):
    """What is to know of a node first. One that is draining still trains; what is drained no longer does."""

    READY = "ready"
    DRAINING = "draining"
    DRAINED = "drained"
    QUARANTINE = "quarantine"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class SlotTraining:
    """What one slot trains now. ``since`` is None in the moment between claim and start."""

    slot: int | None
    trial_id: str
    search_id: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """A machine that runs workers, as of its last heartbeat, with what it has: ``slots`` that may begin
    trials and the device of each, data sets by name (None: it does not say), memory for new processes, and
    the labels of its own settings.

    A node that ``fetches`` brings data sets here by itself: ``fetching`` is the one under way, and
    ``fetch_faults`` say why others could not be had. ``faults`` counts trainings in a row that ended by a
    fault there; ``quarantine`` is the reason for which it takes no trials until a self-test passes;
    ``tested_at`` is when one did.
    """

    name: str
    slots: int
    devices: tuple[str, ...]
    code_version: str
    started_at: datetime
    seen_at: datetime
    training: tuple[SlotTraining, ...] = ()
    datasets: tuple[str, ...] | None = None
    free_memory_mib: int | None = None
    own_labels: tuple[str, ...] = ()
    fetches: bool = False
    fetching: str | None = None
    fetch_faults: Mapping[str, str] = field(default_factory=dict)
    faults: int = 0
    quarantine: str | None = None
    tested_at: datetime | None = None
    wish: NodeWish = NodeWish()

    @property
    def busy(self) -> int:
        """How many of its slots train now, those too that only finish what they train."""
        return len(self.training)

    @property
    def labels(self) -> tuple[str, ...]:
        """Those it carries now."""
        return self.own_labels if self.wish.labels is None else self.wish.labels

    @property
    def wanted_slots(self) -> int:
        """So many it has, or will have in a moment."""
        if self.wish.draining:
            return 0
        return self.slots if self.wish.slots is None else self.wish.slots

    def state(self, *, seen_after: datetime) -> NodeState:
        """``seen_after``: one that was not heard of since is dead."""
        if self.seen_at <= seen_after:
            return NodeState.DEAD
        if self.wish.draining:
            return NodeState.DRAINING if self.training else NodeState.DRAINED
        return NodeState.READY if self.quarantine is None else NodeState.QUARANTINE

    def lacks(self, dataset: str, labels: Collection[str] = (), *, soon: bool = False) -> str | None:
        """Why it cannot train with ``dataset`` what asks for ``labels``, in words; None where it can, or,
        where ``soon`` counts, once it has fetched the data set by itself."""
        if self.quarantine is not None:
            return f"{self.name} is in quarantine: {self.quarantine}"
        if self.wanted_slots == 0:
            return f"{self.name} {'is drained' if self.wish.draining else 'has no slots'}"
        if missing := [each for each in labels if each not in self.labels]:
            return f"{self.name} lacks the label {', '.join(missing)}"
        if self.datasets is None or dataset in self.datasets:
            return None
        fault = self.fetch_faults.get(dataset)
        if soon and self.fetches and fault is None:
            return None
        return f"{self.name} lacks the data set {dataset}{f', and {fault}' if fault else ''}"


@dataclass(frozen=True, slots=True)
class Demand:
    """What live searches have for the pool: trials that wait and trials that train."""

    queued: int
    running: int


@dataclass(frozen=True, slots=True)
class Want:
    """What live searches with trials in the queue ask of nodes: labels to carry, data sets to have."""

    labels: tuple[str, ...]
    datasets: tuple[str, ...]
