"""What the controller writes and what it rebuilds its state from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, insert, select
from sqlalchemy.exc import IntegrityError

from backprop_evo.errors import Conflict
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import FinishRecord, IndividualRecord, TrialRecord
from backprop_evo.search.lifecycle import TRAINING
from backprop_evo.store.codec import decode_search_spec, encode
from backprop_evo.store.events import add_events
from backprop_evo.store.rows import finish_record, individual_record, trial_record
from backprop_evo.store.searches import get_row
from backprop_evo.store.standings import plan_confirmations
from backprop_evo.store.tables import INDIVIDUALS, TRIALS
from backprop_evo.store.trials import IS_OPEN


def record_decisions(
    connection: Connection,
    search_id: str,
    controller: str,
    individuals: Sequence[IndividualRecord],
    trials: Sequence[TrialRecord],
    *,
    now: datetime,
) -> None:
    search = get_row(connection, search_id, lock=True)
    if search.claimed_by != controller:
        raise Conflict(f"search {search_id!r} is driven by {search.claimed_by}, not by {controller}")
    if search.state not in TRAINING:
        raise Conflict(f"search {search_id!r} is {search.state}: nothing new is decided")
    try:
        if individuals:
            connection.execute(insert(INDIVIDUALS), [_individual_values(each) for each in individuals])
        if trials:
            connection.execute(insert(TRIALS), [_trial_values(each) for each in trials])
    except IntegrityError as error:
        raise Conflict(f"search {search_id!r}: somebody else decided in between ({error.orig})") from None
    confirmed = sorted({each.individual for each in trials if each.purpose is Purpose.CONFIRMATION})
    if confirmed:
        plan_confirmations(
            connection, search_id, confirmed, decode_search_spec(search.spec).confirmation.seeds
        )
    events: list[tuple[str, dict[str, object]]] = []
    if individuals:
        numbers = [each.number for each in individuals]
        events.append(("individuals.proposed", {"first": min(numbers), "last": max(numbers)}))
    events += [
        ("trial.queued", {"trial": each.id, "individual": each.individual, "purpose": each.purpose.value})
        for each in trials
    ]
    add_events(connection, search_id, now, events)


def _individual_values(individual: IndividualRecord) -> dict[str, Any]:
    return {
        "search_id": individual.search_id,
        "number": individual.number,
        "origin": individual.origin,
        "equation": individual.equation,
        "canonical": individual.canonical,
        "fingerprint": individual.fingerprint,
        "parent": individual.parent,
        "twin": individual.twin,
        "mutation": individual.mutation,
        "finishes_known": individual.finishes_known,
        "created_at": individual.created_at,
    }


def _trial_values(trial: TrialRecord) -> dict[str, Any]:
    return {
        "id": trial.id,
        "search_id": trial.search_id,
        "individual": trial.individual,
        "equation": trial.equation,
        "fingerprint": trial.fingerprint,
        "purpose": trial.purpose,
        "spec": encode(trial.spec),
        "seed": trial.seed,
        "state": trial.state,
        "fence": trial.fence,
        "created_at": trial.created_at,
        "queued_at": trial.queued_at,
    }


def list_individuals(
    connection: Connection, search_id: str, *, after: int, limit: int | None
) -> Sequence[IndividualRecord]:
    query = (
        select(INDIVIDUALS)
        .where(INDIVIDUALS.c.search_id == search_id, INDIVIDUALS.c.number > after)
        .order_by(INDIVIDUALS.c.number)
    )
    return [individual_record(row) for row in connection.execute(query.limit(limit) if limit else query)]


def finished_trials(connection: Connection, search_id: str, *, after: int) -> Sequence[TrialRecord]:
    query = (
        select(TRIALS)
        .where(TRIALS.c.search_id == search_id, TRIALS.c.finish_order > after)
        .order_by(TRIALS.c.finish_order)
    )
    return [trial_record(row) for row in connection.execute(query)]


def finishes(connection: Connection, search_id: str, *, after: int) -> Sequence[FinishRecord]:
    columns: list[Column[Any]] = [
        TRIALS.c.id,
        TRIALS.c.individual,
        TRIALS.c.purpose,
        TRIALS.c.state,
        TRIALS.c.finish_order,
        TRIALS.c.validation_accuracy,
    ]
    query = (
        select(*columns)
        .where(TRIALS.c.search_id == search_id, TRIALS.c.finish_order > after)
        .order_by(TRIALS.c.finish_order)
    )
    return [finish_record(row) for row in connection.execute(query)]


def open_trials(connection: Connection, search_id: str) -> Sequence[TrialRecord]:
    query = select(TRIALS).where(TRIALS.c.search_id == search_id, IS_OPEN).order_by(TRIALS.c.row)
    return [trial_record(row) for row in connection.execute(query)]
