"""One trial: train spec, curve, probes, environment and every attempt."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import StoreDep, TrialId
from api.schemas.trials import LogLineOut, TrialDetailOut, TrialLogOut
from backprop_evo.service.trial_logs import log_of

router = APIRouter(prefix="/trials", tags=["trials"])


@router.get("/{trial_id}")
def read_trial(trial_id: TrialId, store: StoreDep) -> TrialDetailOut:
    """One trial with all it reported."""
    return TrialDetailOut.of_all(store.trials.get(trial_id), list(store.trials.attempts(trial_id)))


@router.get("/{trial_id}/log")
def read_log(trial_id: TrialId, store: StoreDep) -> TrialLogOut:
    """What has happened to it, oldest first: attempts, what it reported on its way, its end. It only grows;
    once the trial has ended, nothing comes after it."""
    trial, lines = log_of(store, trial_id)
    return TrialLogOut(
        has_ended=trial.state.is_terminal, items=[LogLineOut.model_validate(each) for each in lines]
    )
