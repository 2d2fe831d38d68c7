"""The machines that run workers."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import ServiceDep
from api.schemas.operations import NodeOut, NodesOut

router = APIRouter(prefix="/nodes", tags=["nodes"])


@router.get("")
def list_nodes(service: ServiceDep) -> NodesOut:
    """Nodes that sent a heartbeat in the last minute, with the number of their slots that train now."""
    return NodesOut(items=[NodeOut.of(each) for each in service.live_nodes()])
