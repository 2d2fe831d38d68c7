"""What operators look at: nodes, events, keys, data sets, health."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.wire import Wire, whole
from backprop_evo.records.callers import KeyScope
from backprop_evo.records.nodes import MOST_LABELS, MOST_SLOTS, NodeRecord, NodeState
from backprop_evo.records.stored import EventRecord


class SlotTrainingOut(Wire):
    """What one slot trains; ``since`` is null in the moment before it begins."""

    slot: int | None
    trial_id: str
    search_id: str
    since: datetime | None


class NodeWishOut(Wire):
    """What is asked of a node; null is what its own settings say."""

    slots: int | None
    labels: list[str] | None
    draining: bool
    gives_back: bool


class NodeOut(Wire):
    """A machine that runs workers, as of its last heartbeat. ``slots`` may begin trials; ``training`` is what
    slots train now, those too that are to go when they have finished. ``labels`` are those it carries,
    ``wish`` is what was asked of it. ``fetching`` is the data set that it fetches by itself, where it does,
    and ``fetch_faults`` say why others could not be had. ``faults`` counts trainings in a row that ended by a
    fault there; ``quarantine`` is the reason for which it takes none until its self-test passes."""

    name: str
    state: NodeState
    slots: int
    busy: int
    training: list[SlotTrainingOut]
    devices: list[str]
    labels: list[str]
    wish: NodeWishOut
    datasets: list[str] | None
    fetches: bool
    fetching: str | None
    fetch_faults: dict[str, str]
    free_memory_mib: int | None
    faults: int
    quarantine: str | None
    code_version: str
    started_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, node: NodeRecord, seen_after: datetime) -> NodeOut:
        """A node as stored; dead where it was not seen after that time."""
        known = {name: getattr(node, name) for name in cls.model_fields if name != "state"}
        return cls.model_validate({**known, "state": node.state(seen_after=seen_after)})


class NodesOut(Wire):
    """Nodes, by name."""

    items: list[NodeOut]


class NodeWishIn(BaseModel):
    """What is asked of a node; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"slots": 4}]})
    slots: whole(ge=0, le=MOST_SLOTS) | None = None  # type: ignore[valid-type]
    labels: list[str] | None = Field(None, max_length=MOST_LABELS)
    gives_back: bool = Field(
        False, strict=True, description="a slot that is to go gives its trial back at once"
    )


class DrainIn(BaseModel):
    """How a node is drained."""

    model_config = ConfigDict(extra="forbid")
    gives_back: bool = Field(
        False, strict=True, description="what trains is given back at once, to be tried elsewhere"
    )


class PoolOut(Wire):
    """The slots of all nodes: ``slots`` on ``nodes`` that live and may train, ``busy`` that do. ``wanted``
    would be busy if they were there: one for each trial that waits (``queued``) or trains (``running``),
    within ``least`` and ``most``."""

    nodes: int
    slots: int
    busy: int
    queued: int
    running: int
    wanted: int
    least: int
    most: int


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
