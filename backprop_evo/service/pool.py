"""The pool of all slots: what may be asked of its nodes, and how many slots would be busy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.nodes import LABELS_WANTED, MOST_SLOTS, Demand, NodeRecord, are_labels
from backprop_evo.search.lifecycle import RESUME


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """``slots`` may begin trials on ``nodes`` that live and are not in quarantine, ``busy`` of all slots
    train. ``wanted`` slots would be busy if they were there: one for each trial that waits or trains, within
    ``least`` and ``most``."""

    nodes: int
    slots: int
    busy: int
    queued: int
    running: int
    wanted: int
    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVerb:
    """What is asked of a node by name: its route, its command and its button are made from this row."""

    name: str
    summary: str
    draining: bool
    may_give_back: bool

    def wanted(self, *, gives_back: bool = False) -> dict[str, object]:
        """The fields of a wish that it says."""
        return {"draining": self.draining, "gives_back": gives_back and self.may_give_back}


NODE_VERBS: Mapping[str, NodeVerb] = {
    verb.name: verb
    for verb in (
        NodeVerb(
            name="drain",
            summary="No slot of the node begins a trial until it is resumed; what trains is finished, or "
            "given back. The number of its slots is kept for later.",
            draining=True,
            may_give_back=True,
        ),
        NodeVerb(
            name=RESUME,
            summary="A drained node has its slots again.",
            draining=False,
            may_give_back=False,
        ),
    )
}
"""By name."""


def pool_of(nodes: Sequence[NodeRecord], demand: Demand, *, least: int, most: int) -> Pool:
    """``nodes`` are those alive. Raises ``InvalidSettings`` where ``least`` is more than ``most``."""
    if least > most:
        raise InvalidSettings(f"min must be at most max, which is {most}", field="min")
    able = [each for each in nodes if each.quarantine is None]
    return Pool(
        nodes=len(able),
        slots=sum(each.slots for each in able),
        busy=sum(each.busy for each in nodes),
        queued=demand.queued,
        running=demand.running,
        wanted=max(least, min(most, demand.queued + demand.running)),
        least=least,
        most=most,
    )


def check_wish(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of a node, as it is stored: fields of its wish by name. Raises ``InvalidSettings``."""
    checked = dict(wanted)
    slots = checked.get("slots")
    if slots is not None and not (type(slots) is int and 0 <= slots <= MOST_SLOTS):
        raise InvalidSettings(f"slots must be a whole number from 0 to {MOST_SLOTS}", field="slots")
    if checked.get("labels") is not None:
        checked["labels"] = tuple(dict.fromkeys(checked["labels"]))
        if not are_labels(checked["labels"]):
            raise InvalidSettings(f"labels must be {LABELS_WANTED}", field="labels")
    if not checked:
        raise InvalidSettings("nothing is asked: say slots or labels", field="slots")
    return checked
