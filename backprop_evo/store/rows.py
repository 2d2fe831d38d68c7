"""Rows → records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from backprop_evo.records.comparing import SEARCHING, EndRecord, TrainingRecord
from backprop_evo.records.judging import IntermediateRecord, Judged
from backprop_evo.records.methods import MethodSpec, equation_method, read_method
from backprop_evo.records.nodes import NodeRecord, NodeWish, SlotTraining
from backprop_evo.records.searching import (
    Purpose,
)
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.steering import Marks
from backprop_evo.records.stored import (
    AttemptRecord,
    EvaluationRecord,
    EventRecord,
    IndividualRecord,
    Origin,
    OutcomeRecord,
    Role,
    SearchRecord,
    TrialRecord,
)
from backprop_evo.records.training import IntermediateValue
from backprop_evo.store.codec import (
    decode_evaluation_spec,
    decode_payload,
    decode_result,
    decode_search_spec,
    decode_train_spec,
)


def search_record(row: Row[Any]) -> SearchRecord:
    """A search."""
    own = ("injections", "best_fitness", "screened_out", "counterpart", "spent_s", "slot_s", "metered_at")
    of_searches = {name: getattr(row, name) for name in own}
    return SearchRecord(spec=decode_search_spec(row.spec), **of_searches, **_driven_values(row))


def evaluation_record(row: Row[Any]) -> EvaluationRecord:
    """An evaluation."""
    role = Role(row.role) if row.role else None
    spec = decode_evaluation_spec(row.spec)
    return EvaluationRecord(spec=spec, search_id=row.search_id, role=role, **_driven_values(row))


def _driven_values(row: Row[Any]) -> dict[str, Any]:
    """What both have. ``failure`` repeats the reason of one that failed."""
    state = SearchState(row.state)
    times = ("created_at", "started_at", "ended_at")
    same = ("id", "version", "end_reason", "stranded", "owner", "trials_done", "trials_total", "extensions")
    return {
        **{name: getattr(row, name) for name in (*same, *times)},
        "state": state,
        "retries": row.retries,
        "marks": _marks(row),
        "failure": row.end_reason if state is SearchState.FAILED else None,
    }


def _marks(row: Row[Any]) -> Marks:
    """What may be changed of it at any time."""
    tags = tuple(json.loads(row.tags))
    return Marks(priority=row.priority, tags=tags, note=row.note, archived_at=row.archived_at)


def method_spec(row: Row[Any]) -> MethodSpec:
    """What ``method`` and ``equation`` say together; see the table."""
    return equation_method(row.equation) if row.method is None else read_method(row.method)


def method_values(method: MethodSpec) -> dict[str, str | None]:
    """The two columns of a method."""
    return {"equation": method.equation or "", "method": method.json if method.equation is None else None}


def individual_record(row: Row[Any]) -> IndividualRecord:
    """One proposal."""
    return IndividualRecord(
        search_id=row.search_id,
        number=row.number,
        origin=Origin(row.origin),
        method=method_spec(row),
        canonical=row.canonical or None,
        fingerprint=row.fingerprint,
        parent=row.parent,
        twin=row.twin,
        mutation=row.mutation,
        finishes_known=row.finishes_known,
        created_at=row.created_at,
        screened_out=row.screened_out,
        inherited_step=row.inherited_step,
        remeasures=row.remeasures,
    )


def trial_record(row: Row[Any]) -> TrialRecord:
    """A trial with its spec and, once it has ended, its result."""
    return TrialRecord(
        id=row.id,
        search_id=row.search_id,
        individual=row.individual,
        method=method_spec(row),
        fingerprint=row.fingerprint,
        purpose=Purpose(row.purpose),
        spec=decode_train_spec(row.spec),
        seed=row.seed,
        state=TrialState(row.state),
        fence=row.fence,
        created_at=row.created_at,
        queued_at=row.queued_at,
        not_before=row.not_before,
        started_at=row.started_at,
        ended_at=row.ended_at,
        worker=row.worker,
        lease_expires_at=row.lease_expires_at,
        finish_order=row.finish_order,
        progress=decode_payload(row.progress) if row.progress else None,
        result=decode_result(row.result) if row.result else None,
    )


def end_record(row: Row[Any]) -> EndRecord:
    """An end, from the columns that ``Searches.ends`` selects."""
    return EndRecord(
        individual=row.individual,
        purpose=Purpose(row.purpose),
        state=TrialState(row.state),
        validation_accuracy=row.validation_accuracy,
        wall_time_s=row.wall_time_s or 0.0,
    )


def outcome_record(row: Row[Any]) -> OutcomeRecord:
    """An outcome, from the columns that ``Evaluations.outcomes`` selects."""
    return OutcomeRecord(
        individual=row.individual,
        spec=decode_train_spec(row.spec),
        seed=row.seed,
        state=TrialState(row.state),
        validation_accuracy=row.validation_accuracy,
        test_accuracy=row.test_accuracy,
    )


def training_record(row: Row[Any], driven: Row[Any]) -> TrainingRecord:
    """A training, from the columns that ``Statistics.trainings_of`` selects of it and of the search or
    evaluation that it belongs to."""
    spec, purpose = decode_train_spec(row.spec), Purpose(row.purpose)
    return TrainingRecord(
        trial_id=row.id,
        fingerprint=row.fingerprint,
        method=method_spec(row),
        purpose=purpose,
        train=decode_search_spec(driven.spec).train if purpose in SEARCHING else spec,
        role=Role(driven.role) if driven.role else None,
        measured_on=spec.validation_part,
        seed=row.seed,
        state=TrialState(row.state),
        validation_accuracy=row.validation_accuracy,
        test_accuracy=row.test_accuracy,
    )


def intermediate_record(row: Row[Any]) -> IntermediateRecord:
    """An intermediate value with the purpose of its trial."""
    return IntermediateRecord(
        trial_id=row.trial_id,
        individual=row.individual,
        purpose=Purpose(row.purpose),
        report_order=row.report_order,
        value=IntermediateValue(
            step=row.step,
            rung=row.rung,
            validation_accuracy=row.validation_accuracy,
            train_loss=row.train_loss,
        ),
        judged=Judged(row.pruned, row.spared),
        at=row.at,
    )


def attempt_record(row: Row[Any]) -> AttemptRecord:
    """One attempt."""
    return AttemptRecord(
        trial_id=row.trial_id,
        fence=row.fence,
        worker=row.worker,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        reason=row.reason,
    )


def event_record(row: Row[Any]) -> EventRecord:
    """One event."""
    return EventRecord(
        id=row.id, search_id=row.search_id, kind=row.kind, at=row.at, payload=decode_payload(row.payload)
    )


def node_record(row: Row[Any], training: Sequence[SlotTraining]) -> NodeRecord:
    """A node with what its slots train now."""
    return NodeRecord(
        name=row.name,
        slots=row.slots,
        devices=tuple(json.loads(row.devices)),
        code_version=row.code_version,
        started_at=row.started_at,
        seen_at=row.seen_at,
        training=tuple(training),
        datasets=None if row.datasets is None else tuple(json.loads(row.datasets)),
        free_memory_mib=row.free_memory_mib,
        own_labels=tuple(json.loads(row.own_labels)),
        fetches=row.fetches,
        fetching=row.fetching,
        fetch_faults=json.loads(row.fetch_faults),
        faults=row.faults,
        quarantine=row.quarantine,
        tested_at=row.tested_at,
        wish=NodeWish(
            slots=row.wanted_slots,
            labels=None if row.wanted_labels is None else tuple(json.loads(row.wanted_labels)),
            draining=row.draining,
            gives_back=row.gives_back,
        ),
    )
