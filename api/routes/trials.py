"""One trial: train spec, curve, probes, environment and every attempt."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import ServiceDep, TrialId
from api.schemas import TrialDetailOut

router = APIRouter(prefix="/trials", tags=["trials"])


@router.get("/{trial_id}")
def read_trial(trial_id: TrialId, service: ServiceDep) -> TrialDetailOut:
    """One trial with all it reported."""
    return TrialDetailOut.of_all(service.trial(trial_id), list(service.attempts(trial_id)))
