"""What operators look at: nodes, events, keys, data sets, health."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.wire import Wire
from backprop_evo.records.callers import KeyScope
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.stored import EventRecord


class NodeOut(Wire):
    """A machine that runs workers, as of its last heartbeat. ``faults`` counts trainings in a row that ended
    by a fault there; ``quarantine`` is the reason for which it takes none until its self-test passes."""

    name: str
    slots: int
    busy: int
    devices: list[str]
    datasets: list[str] | None
    free_memory_mib: int | None
    faults: int
    quarantine: str | None
    code_version: str
    started_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, node: NodeRecord) -> NodeOut:
        """A node as stored."""
        return cls.model_validate(node)


class NodesOut(Wire):
    """The nodes alive now."""

    items: list[NodeOut]


class EventOut(Wire):
    """One thing that happened; ``id`` grows."""

    id: int
    search_id: str | None
    kind: str
    at: datetime
    payload: Mapping[str, Any]

    @classmethod
    def of(cls, event: EventRecord) -> EventOut:
        """An event as stored."""
        return cls.model_validate(event)


class KeyIn(BaseModel):
    """Whom or what a key is for, and what it opens."""

    model_config = ConfigDict(extra="forbid")
    label: str = Field(min_length=1, max_length=200)
    scope: KeyScope = KeyScope.SUBMIT


class KeyOut(Wire):
    """A key without its secret."""

    id: str
    label: str
    scope: KeyScope
    created_at: datetime
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    """A key with its text, this once."""

    key: str


class KeysOut(Wire):
    """All keys."""

    items: list[KeyOut]


class DatasetOut(Wire):
    """A data set of the catalogue; ``shape`` is (C, H, W)."""

    name: str
    title: str
    shape: tuple[int, int, int]
    classes: int
    class_names: list[str]
    train_images: int
    validation_images: int
    test_images: int
    bundled: bool


class DatasetsOut(Wire):
    """The catalogue."""

    items: list[DatasetOut]


class VersionOut(Wire):
    """What runs here."""

    name: str
    version: str
    python: str


class HealthOut(Wire):
    """``ok``, or what is missing."""

    status: str
