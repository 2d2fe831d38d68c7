"""One trial: train spec, curve, probes, environment and every attempt."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import ServiceDep, StoreDep, TrialId
from api.schemas.trials import LogLineOut, TrialDetailOut, TrialLogOut
from backprop_evo.records.stored import TrialRecord
from backprop_evo.search.lifecycle import RETRY
from backprop_evo.service.trial_logs import log_of
from backprop_evo.store.base import Store

router = APIRouter(prefix="/trials", tags=["trials"])
# No colon: it parts the id from the verb.
TrialToAct = Annotated[str, Path(max_length=96, pattern=r"^[^:/]+$", description="id of a trial")]


@router.get("/{trial_id:id}")
def read_trial(trial_id: TrialId, store: StoreDep) -> TrialDetailOut:
    """One trial with all it reported."""
    return _detail(store, store.trials.get(trial_id))


@router.get("/{trial_id}/log")
def read_log(trial_id: TrialId, store: StoreDep) -> TrialLogOut:
    """What has happened to it, oldest first: attempts, what it reported on its way, its end. It only grows;
    once the trial has ended, nothing comes after it, unless it is tried again."""
    trial, lines = log_of(store, trial_id)
    return TrialLogOut(
        has_ended=trial.state.is_terminal, items=[LogLineOut.model_validate(each) for each in lines]
    )


@router.post("/{trial_id}:retry", description=RETRY.summary)
def retry_trial(trial_id: TrialToAct, store: StoreDep, service: ServiceDep) -> TrialDetailOut:
    """Raises ``Conflict`` for a trial whose result stands."""
    return _detail(store, service.retry_trial(trial_id))


def _detail(store: Store, trial: TrialRecord) -> TrialDetailOut:
    spared = store.intermediates.spared([trial.id])
    return TrialDetailOut.of_all(trial, store.trials.attempts(trial.id), store.retries.of(trial.id), spared)
