"""The machines that run workers, as they are stored, and how a worker is named after its node."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

NOT_BEGUN = "not begun"
"""Outcome of an attempt that a fault of its node ended before there was a child to train."""


def node_of(worker: str) -> str:
    """The node that a worker named ``node/…`` belongs to."""
    return worker.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """A machine that runs workers, as of its last heartbeat, with what it has: data sets by name (None: it
    does not say) and memory for new processes.

    ``faults`` counts trainings in a row that ended by a fault there; ``quarantine`` is the reason for which
    it takes no trials until a self-test passes.
    """

    name: str
    slots: int
    devices: tuple[str, ...]
    code_version: str
    started_at: datetime
    seen_at: datetime
    busy: int = 0
    datasets: tuple[str, ...] | None = None
    free_memory_mib: int | None = None
    faults: int = 0
    quarantine: str | None = None

    def lacks(self, dataset: str) -> str | None:
        """Why it cannot train with ``dataset`` now, in words; None where it can."""
        if self.quarantine is not None:
            return f"{self.name} is in quarantine: {self.quarantine}"
        if self.datasets is not None and dataset not in self.datasets:
            return f"{self.name} lacks the data set {dataset}"
        return None
