"""One trial: train spec, curve, probes, environment and every attempt."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import StoreDep, TrialId
from api.schemas.trials import TrialDetailOut

router = APIRouter(prefix="/trials", tags=["trials"])


@router.get("/{trial_id}")
def read_trial(trial_id: TrialId, store: StoreDep) -> TrialDetailOut:
    """One trial with all it reported."""
    return TrialDetailOut.of_all(store.trials.get(trial_id), list(store.trials.attempts(trial_id)))
