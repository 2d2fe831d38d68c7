"""Whether a node lives that can train what is asked for, and what is done where none can."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backprop_evo.errors import InvalidSettings
from backprop_evo.evaluation.elsewhere import settings_elsewhere
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import EvaluationRecord, SearchRecord, TrialRecord
from backprop_evo.store.base import Store
from backprop_evo.store.driven_base import Driven

NO_NODE = "no node is alive: it waits until one is started (backprop-evo node)"


def datasets_of(spec: SearchSpec | EvaluationSpec) -> tuple[str, ...]:
    """Data sets that its trainings use."""
    if isinstance(spec, SearchSpec):
        return (spec.train.data,)
    return tuple(dict.fromkeys(each.train.data for each in spec.settings))


def _datasets_of_stages(spec: SearchSpec | EvaluationSpec) -> tuple[str, ...]:
    """Those that only a stage of a search's funnel will use."""
    if not isinstance(spec, SearchSpec) or not spec.transfer.best:
        return ()
    own = datasets_of(spec)
    names = (setting.train.data for setting in settings_elsewhere(spec))
    return tuple(dict.fromkeys(each for each in names if each not in own))


def why_nobody(nodes: Sequence[NodeRecord], datasets: Sequence[str]) -> str | None:
    """Why none of ``nodes`` can train some of it, node by node; None where each of the ``datasets`` has a
    node, or no node is there at all, which says nothing about those that will be."""
    for dataset in datasets:
        reasons = [each.lacks(dataset) for each in nodes]
        if reasons and None not in reasons:
            return "no live node can train it: " + "; ".join(filter(None, reasons))
    return None


def check_capacity(nodes: Sequence[NodeRecord], spec: SearchSpec | EvaluationSpec) -> None:
    """Raises ``InvalidSettings`` with the command that helps."""
    now, later = datasets_of(spec), _datasets_of_stages(spec)
    reason = why_nobody(nodes, (*now, *later))
    if reason is None:
        return
    fetching = " && ".join(
        f"backprop-evo data fetch {name}"
        for name in (*now, *later)
        if not any(each.datasets is None or name in each.datasets for each in nodes)
    )
    hint = f"run on a node: {fetching}" if fetching else "mend the node; it returns when its self-test passes"
    field = "train.data" if isinstance(spec, SearchSpec) else "settings"
    if later and why_nobody(nodes, now) is None:
        field, reason = "transfer.settings", f"its transfer: {reason}"
    raise InvalidSettings(reason, field=field, hint=hint)


def warnings_about(nodes: Sequence[NodeRecord]) -> tuple[str, ...]:
    """What whoever submits is to know, although it was accepted."""
    return () if nodes else (NO_NODE,)


def pause_stranded(
    store: Store, driven: SearchRecord | EvaluationRecord, nodes: Sequence[NodeRecord], *, now: datetime
) -> str | None:
    """Pause what is running and what no live node can train; the reason. Raises ``Conflict`` where it
    changed meanwhile."""
    reason = why_nobody(nodes, datasets_of(driven.spec))
    if reason is None or driven.state is not SearchState.RUNNING:
        return None
    noun = _noun(store, isinstance(driven, EvaluationRecord))
    noun.move(driven.id, SearchState.PAUSED, now=now, expected_version=driven.version, reason=reason)
    return reason


def pause(store: Store, trial: TrialRecord, reason: str, *, now: datetime) -> None:
    """Pause what the trial belongs to. Raises ``Conflict`` where it has ended."""
    noun = _noun(store, trial.purpose is Purpose.EVALUATION)
    noun.move(trial.search_id, SearchState.PAUSED, now=now, reason=reason)


def _noun(store: Store, is_evaluation: bool) -> Driven[Any]:
    return store.evaluations if is_evaluation else store.searches
