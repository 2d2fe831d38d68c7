"""Whether a node lives that can train what is asked for, what is done where none can, and what once one
can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from backprop_evo.errors import InvalidSettings
from backprop_evo.evaluation.elsewhere import settings_elsewhere
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.nodes import NOT_BEGUN, NodeRecord, node_of
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import (
    NO_NODE_CAN,
    AttemptRecord,
    EvaluationRecord,
    SearchRecord,
    TrialRecord,
)
from backprop_evo.store.base import Store
from backprop_evo.store.driven_base import Driven

FIRST_ROUND_S, LONGEST_ROUND_S = 15.0, 3600.0
"""Before a node that passed its self-test is tried again with what it could not begin: doubled each time."""

NO_NODE = "no node is alive: it waits until one is started (backprop-evo node)"
NO_SLOT = "no live node has a slot: it waits until one is scaled up or resumed (backprop-evo nodes)"


def _datasets_of_stages(spec: SearchSpec | EvaluationSpec) -> tuple[str, ...]:
    """Those that only a stage of a search's funnel will use."""
    if not isinstance(spec, SearchSpec) or not spec.transfer.best:
        return ()
    names = (setting.train.data for setting in settings_elsewhere(spec))
    return tuple(dict.fromkeys(each for each in names if each not in spec.datasets))


def why_nobody(nodes: Sequence[NodeRecord], datasets: Iterable[str], labels: Sequence[str]) -> str | None:
    """Why none of ``nodes`` can train some of it, node by node; None where each of the ``datasets`` has a
    node with the ``labels``, or will soon. Where no node has a slot at all nothing is known of those that
    will have one, and the answer is None too."""
    if not any(each.wanted_slots for each in nodes):
        return None
    for dataset in datasets:
        reasons = [each.lacks(dataset, labels, soon=True) for each in nodes]
        if None not in reasons:
            return "no live node can train it: " + "; ".join(filter(None, reasons))
    return None


def check_capacity(nodes: Sequence[NodeRecord], spec: SearchSpec | EvaluationSpec) -> None:
    """Raises ``InvalidSettings`` with the command that helps."""
    now, later = spec.datasets, _datasets_of_stages(spec)
    reason = why_nobody(nodes, (*now, *later), spec.labels)
    if reason is None:
        return
    if not any(set(spec.labels) <= set(each.labels) for each in nodes):
        label = f"backprop-evo nodes label NODE {' '.join(spec.labels)}"
        raise InvalidSettings(reason, field="labels", hint=f"give them to a node: {label}")
    fetching = " && ".join(
        f"backprop-evo data fetch {name}"
        for name in (*now, *later)
        if not any(each.datasets is None or name in each.datasets for each in nodes)
    )
    hint = f"run on a node: {fetching}" if fetching else "mend the node; it returns when its self-test passes"
    field = "train.data" if isinstance(spec, SearchSpec) else "settings"
    if later and why_nobody(nodes, now, spec.labels) is None:
        field, reason = "transfer.settings", f"its transfer: {reason}"
    raise InvalidSettings(reason, field=field, hint=hint)


def warnings_about(nodes: Sequence[NodeRecord]) -> tuple[str, ...]:
    """What whoever submits is to know, although it was accepted."""
    if not nodes:
        return (NO_NODE,)
    return () if any(each.wanted_slots for each in nodes) else (NO_SLOT,)


def pause_stranded(
    store: Store, driven: SearchRecord | EvaluationRecord, nodes: Sequence[NodeRecord], *, now: datetime
) -> str | None:
    """Pause what is running and what no live node can train; the reason. Raises ``Conflict`` where it
    changed meanwhile."""
    reason = why_nobody(nodes, driven.spec.datasets, driven.spec.labels)
    if reason is None or driven.state is not SearchState.RUNNING:
        return None
    noun = _noun(store, isinstance(driven, EvaluationRecord))
    noun.move(
        driven.id,
        SearchState.PAUSED,
        now=now,
        expected_version=driven.version,
        reason=reason,
        stranded=NO_NODE_CAN,
    )
    return reason


def resume_stranded(
    store: Store, driven: SearchRecord | EvaluationRecord, nodes: Sequence[NodeRecord], *, now: datetime
) -> str | None:
    """Let what the service paused go on where a live node can train it now; the reason. Raises ``Conflict``
    where it changed meanwhile."""
    reason = _why_somebody(store, driven, nodes, now)
    if reason is None:
        return None
    noun = _noun(store, isinstance(driven, EvaluationRecord))
    noun.move(driven.id, SearchState.RUNNING, now=now, expected_version=driven.version, reason=reason)
    return reason


def _why_somebody(
    store: Store, driven: SearchRecord | EvaluationRecord, nodes: Sequence[NodeRecord], now: datetime
) -> str | None:
    """Which nodes can train all of it by now; of what no node could begin, which may try anew."""
    attempts: Sequence[AttemptRecord] = ()
    if driven.stranded not in (None, NO_NODE_CAN):
        attempts = store.trials.attempts(str(driven.stranded))
    able: dict[str, None] = {}
    for dataset in driven.spec.datasets:
        # Not "soon": a search that went on before its data came would be paused again where that fails.
        found = [
            each.name
            for each in nodes
            if each.lacks(dataset, driven.spec.labels) is None and _may_begin(each, attempts, now)
        ]
        if not found:
            return None
        able |= dict.fromkeys(found)
    return f"{', '.join(able)} can train it"


def _may_begin(node: NodeRecord, attempts: Sequence[AttemptRecord], now: datetime) -> bool:
    """Whether it has not tried in vain, or was started anew since, or tested itself well."""
    in_vain = [each for each in attempts if each.outcome == NOT_BEGUN and node_of(each.worker) == node.name]
    last = max((each.ended_at for each in in_vain if each.ended_at is not None), default=None)
    if last is None or node.started_at > last:
        return True
    # A self-test is no training: where it passes and the training fails again, each round waits longer.
    pause_s = min(LONGEST_ROUND_S, FIRST_ROUND_S * 2 ** min(len(in_vain), 30))
    return node.tested_at is not None and node.tested_at > last and now - last >= timedelta(seconds=pause_s)


def pause(store: Store, trial: TrialRecord, reason: str, *, now: datetime) -> None:
    """Pause what the trial belongs to, which no node could begin. Raises ``Conflict`` where it has ended."""
    noun = _noun(store, trial.purpose is Purpose.EVALUATION)
    noun.move(trial.search_id, SearchState.PAUSED, now=now, reason=reason, stranded=trial.id)


def _noun(store: Store, is_evaluation: bool) -> Driven[Any]:
    return store.evaluations if is_evaluation else store.searches
