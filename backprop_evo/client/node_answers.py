"""What the service answers about a node, as an immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from backprop_evo.records.nodes import NodeState, NodeWish, SlotTraining


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine that runs workers, as of its last heartbeat; ``busy`` slots train what ``training`` says,
    those too that are to go when they have finished. ``wish`` is what was asked of it. What a service of
    before did not say has the value that it would have had."""

    name: str
    slots: int
    devices: tuple[str, ...]
    code_version: str
    started_at: datetime
    seen_at: datetime
    state: NodeState = NodeState.READY
    busy: int = 0
    training: tuple[SlotTraining, ...] = ()
    labels: tuple[str, ...] = ()
    wish: NodeWish = field(default_factory=NodeWish)
    datasets: tuple[str, ...] | None = None
    fetches: bool = False
    fetching: str | None = None
    fetch_faults: Mapping[str, str] = field(default_factory=dict)
    free_memory_mib: int | None = None
    faults: int = 0
    quarantine: str | None = None
