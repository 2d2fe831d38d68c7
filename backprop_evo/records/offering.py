"""What a worker is told of a trial before it claims it."""

from __future__ import annotations

from dataclasses import dataclass

from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A trial, the spec of its search (None: it is an evaluation's), the labels that a node must carry for
    it, and the worker's own node without what its slots train (None: it was never heard of)."""

    trial: TrialRecord
    search: SearchSpec | None
    labels: tuple[str, ...]
    node: NodeRecord | None
