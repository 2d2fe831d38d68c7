"""The machines that run workers: what they have and train, and what is asked of them; the pool they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import NodeName, ServiceDep, SettingsDep, StoreDep
from api.schemas.operations import DrainIn, NodeOut, NodesOut, NodeWishIn, PoolOut
from backprop_evo.service.pool import NODE_VERBS, NodeVerb

router = APIRouter(tags=["nodes"])


@router.get("/nodes")
def list_nodes(store: StoreDep, service: ServiceDep) -> NodesOut:
    """Every node that is not forgotten, with what each of its slots trains now. One that was not heard of in
    the last minute is `dead`."""
    since = service.dead_since()
    return NodesOut(items=[NodeOut.of(each, since) for each in store.nodes.all()])


@router.get("/nodes/{name:id}")
def read_node(name: NodeName, service: ServiceDep) -> NodeOut:
    """One node, alive or not."""
    return NodeOut.of(service.node(name), service.dead_since())


@router.patch("/nodes/{name:id}")
def change_node(name: NodeName, asked: NodeWishIn, service: ServiceDep) -> NodeOut:
    """Ask a node for other `slots`, other `labels`, or both; null is what its own settings say. The wish is
    stored, outlives the node, and is obeyed within seconds. A slot that is one too many finishes what it
    trains, or with `gives_back` gives the trial back."""
    wanted = asked.model_dump(include={"slots", "labels"}, exclude_unset=True)
    if "slots" in wanted:
        wanted["gives_back"] = asked.gives_back
    return NodeOut.of(service.ask_of_node(name, wanted), service.dead_since())


def _endpoint(verb: NodeVerb) -> Callable[..., NodeOut]:
    def ask(name: NodeName, service: ServiceDep, asked: DrainIn | None = None) -> NodeOut:
        wanted = verb.wanted(gives_back=asked is not None and asked.gives_back)
        return NodeOut.of(service.ask_of_node(name, wanted), service.dead_since())

    def ask_simply(name: NodeName, service: ServiceDep) -> NodeOut:
        return ask(name, service)

    return ask if verb.may_give_back else ask_simply


for _verb in NODE_VERBS.values():
    router.add_api_route(
        f"/nodes/{{name}}:{_verb.name}",
        _endpoint(_verb),
        methods=["POST"],
        name=f"{_verb.name}_node",
        description=_verb.summary,
    )


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
