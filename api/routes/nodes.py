"""The machines that run workers: what they have and train, and what is asked of them; the pool they make."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import NodeName, ServiceDep, SettingsDep, StoreDep
from api.schemas.operations import DrainIn, NodeOut, NodesOut, NodeWishIn, PoolOut

router = APIRouter(tags=["nodes"])


@router.get("/nodes")
def list_nodes(store: StoreDep, service: ServiceDep) -> NodesOut:
    """Every node that is not forgotten, with what each of its slots trains now. One that was not heard of in
    the last minute is `dead`."""
    since = service.dead_since()
    return NodesOut(items=[NodeOut.of(each, since) for each in store.nodes.all()])


@router.get("/nodes/{name}")
def read_node(name: NodeName, service: ServiceDep) -> NodeOut:
    """One node, alive or not."""
    return NodeOut.of(service.node(name), service.dead_since())


@router.patch("/nodes/{name}")
def change_node(name: NodeName, asked: NodeWishIn, service: ServiceDep) -> NodeOut:
    """Ask a node for other `slots`, other `labels`, or both; null is what its own settings say. The wish is
    stored, outlives the node, and is obeyed within seconds. A slot that is one too many finishes what it
    trains, or with `gives_back` gives the trial back."""
    wanted = asked.model_dump(include={"slots", "labels"}, exclude_unset=True)
    if "slots" in wanted:
        wanted["gives_back"] = asked.gives_back
    return NodeOut.of(service.ask_of_node(name, wanted), service.dead_since())


@router.post("/nodes/{name}:drain")
def drain_node(name: NodeName, service: ServiceDep, asked: DrainIn | None = None) -> NodeOut:
    """No slot of the node begins a trial until it is resumed; what trains is finished, or with `gives_back`
    given back. The number of its slots is kept for later."""
    gives_back = asked is not None and asked.gives_back
    wanted = {"draining": True, "gives_back": gives_back}
    return NodeOut.of(service.ask_of_node(name, wanted), service.dead_since())


@router.post("/nodes/{name}:resume")
def resume_node(name: NodeName, service: ServiceDep) -> NodeOut:
    """A drained node has its slots again."""
    wanted = {"draining": False, "gives_back": False}
    return NodeOut.of(service.ask_of_node(name, wanted), service.dead_since())


@router.get("/pool")
def read_pool(
    service: ServiceDep,
    settings: SettingsDep,
    least: Annotated[int | None, Query(alias="min", ge=0, le=1_000_000)] = None,
    most: Annotated[int | None, Query(alias="max", ge=0, le=1_000_000)] = None,
) -> PoolOut:
    """How many slots there are, how many train, and how many would: what an autoscaler asks. `min` and `max`
    bound `wanted`; without them the settings of the API do."""
    found = service.pool(
        least=settings.pool_min_slots if least is None else least,
        most=settings.pool_max_slots if most is None else most,
    )
    return PoolOut.model_validate(found)
