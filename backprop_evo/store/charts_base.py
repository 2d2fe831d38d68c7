"""What the store promises of charts; ``base`` names it among the rest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from backprop_evo.records.charting import AttemptSpan, FinishPoint, ProposalPoint, TrainedPoint, ValuePoint
from backprop_evo.records.stored import TrialRecord


class Charts(Protocol):
    """Rows that charts are drawn from: few columns of many rows, nothing decoded that is not shown."""

    def finishes(self, search_id: str, *, after: int = 0, limit: int) -> Sequence[FinishPoint]:
        """At most ``limit`` terminal trials in finish order, those with ``finish_order > after``."""

    def last_finish(self, search_id: str) -> int:
        """The greatest finish order; 0 where none has finished."""

    def finish(self, search_id: str, finish_order: int) -> TrialRecord:
        """The trial that finished as that one. Raises ``NotFound``."""

    def proposals(self, search_id: str, *, after: int = -1, limit: int) -> Sequence[ProposalPoint]:
        """At most ``limit`` individuals in the order of their numbers, those with ``number > after``."""

    def completed(self, search_id: str, purpose: str) -> int:
        """How many trials of that purpose completed."""

    def attempts(
        self, search_id: str | None = None, *, limit: int, since: datetime | None = None
    ) -> Sequence[AttemptSpan]:
        """Attempts at the newest ``limit`` trials that a worker has taken, oldest trial first, of one search
        or of all; ``since``: but those that ended before."""

    def values(self, trial_ids: Collection[str]) -> Sequence[ValuePoint]:
        """The intermediate values of these trials, trial by trial in the order of their steps."""

    def trained(
        self, fingerprint: str, *, limit: int, search_ids: Collection[str] | None = None
    ) -> Sequence[TrainedPoint]:
        """Terminal trainings of one behaviour, newest first, over all searches and evaluations or these."""
