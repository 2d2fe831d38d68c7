"""The report of a search: read from every noun that knows something of it, then written in a format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backprop_evo.data import dataset_info
from backprop_evo.errors import BackpropEvoError, UnknownDataset
from backprop_evo.evaluation.search_report.facts import EvaluationFacts, ReplayCheck, SearchFacts
from backprop_evo.evaluation.search_report.formats import ReportFormat
from backprop_evo.evaluation.search_report.report import SearchReport, report_of
from backprop_evo.evaluation.table import table_of
from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.judging import IntermediateRecord
from backprop_evo.records.leaderboard import LeaderboardRecord
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import (
    EvaluationRecord,
    FinishRecord,
    IndividualRecord,
    Role,
    SearchRecord,
)
from backprop_evo.search.replay import replay, replay_pruning
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service.comparing import compare_stored
from backprop_evo.service.specs import search_spec_to_json
from backprop_evo.store.base import Store

MAX_CONFIRMED = 200
MAX_ENVIRONMENTS = 50
"""The newest trainings whose environment is told; each has to be read with its curve."""

MAX_REPLAYED = 500
"""Proposals that are decided again: some milliseconds each, while somebody waits."""

MAX_REJUDGED = 1000
"""Judgements that are made again: each looks at all before it."""

ORDER = (Role.FINALISTS, Role.CONFIRMATION, Role.TRANSFER)


def write_report(store: Store, search: SearchRecord, format: ReportFormat, *, replayed: bool = True) -> str:
    """Of what is stored now, whatever state the search is in."""
    return format.write(search_report(store, search, replayed=replayed))


def search_report(store: Store, search: SearchRecord, *, replayed: bool = True) -> SearchReport:
    """The report as a value; ``replayed``: it says what came of deciding again."""
    return report_of(facts_of(store, search, replayed=replayed))


def facts_of(store: Store, search: SearchRecord, *, replayed: bool = True) -> SearchFacts:
    """All that is stored of a search, as far as its report speaks of it."""
    individuals = store.individuals.of(search.id)
    finishes = store.trials.finishes(search.id)
    intermediates = store.intermediates.of(search.id)
    evaluations = [
        _evaluation_facts(store, each) for each in _in_order(store.evaluations.of_search(search.id))
    ]
    datasets = {search.spec.train.data}
    datasets |= {each.train.data for found in evaluations for each in found.record.spec.settings}
    return SearchFacts(
        search=search,
        individuals=individuals,
        finishes=finishes,
        worker_s=store.statistics.worker_time(search.id),
        ends=store.searches.ends(search.id),
        intermediates=intermediates,
        evaluations=evaluations,
        confirmed=_confirmed(store, search.id),
        environments=_environments(store, search.id),
        images=_training_images(datasets),
        document=search_spec_to_json(search.spec),
        replayed=check_replay(search, individuals, finishes, intermediates) if replayed else None,
        comparison=None if search.counterpart is None else compare_stored(store, search, None),
    )


def _in_order(evaluations: Sequence[EvaluationRecord]) -> list[EvaluationRecord]:
    """In the order in which an equation passes them, the oldest first."""
    places: dict[Role | None, int] = {role: place for place, role in enumerate(ORDER)}
    return sorted(evaluations, key=lambda each: (places.get(each.role, len(places)), each.created_at))


def _evaluation_facts(store: Store, evaluation: EvaluationRecord) -> EvaluationFacts:
    trials = store.trials.finished(evaluation.id)
    return EvaluationFacts(
        record=evaluation,
        table=table_of(evaluation, trials),
        trials=trials,
        worker_s=sum(store.statistics.worker_time(evaluation.id).values()),
    )


def _confirmed(store: Store, search_id: str) -> list[LeaderboardRecord]:
    rows = [each for each in store.leaderboard.page(search_id, limit=MAX_CONFIRMED).items if each.confirmed]
    return rows if any(not row.is_baseline for row in rows) else []


def _environments(store: Store, search_id: str) -> list[Mapping[str, str]]:
    newest = store.trials.page(
        search_id, choice=TrialChoice(state=TrialState.COMPLETED), limit=MAX_ENVIRONMENTS
    ).items
    return [trial.result.environment for trial in newest if trial.result is not None]


def _training_images(datasets: set[str]) -> dict[str, int]:
    """Of those in the catalogue: a search may be older than that."""
    found = {}
    for name in datasets:
        try:
            info = dataset_info(name)
        except UnknownDataset:
            continue
        found[name] = info.train_images - info.validation_images
    return found


def check_replay(
    search: SearchRecord,
    individuals: Sequence[IndividualRecord],
    finishes: Sequence[FinishRecord],
    intermediates: Sequence[IntermediateRecord],
) -> ReplayCheck:
    """Decide the first proposals and judgements again, and compare them with what was recorded."""
    checked = individuals[:MAX_REPLAYED]
    judged = intermediates[:MAX_REJUDGED]
    try:
        again: Sequence[Any] = replay(search.spec, SearchLanguage(search.spec), checked, finishes)
        rejudged = replay_pruning(search.spec, judged)
    except (BackpropEvoError, ValueError) as error:  # of a version whose language or rules were others
        return ReplayCheck(proposals=0, of=len(individuals), judgements=0, reason=str(error))
    reason = None
    if other := next((each for each, new in zip(checked, again, strict=True) if each != new), None):
        reason = f"proposal {other.number} comes out otherwise by this version"
    elif other_value := next(
        (each for each, new in zip(judged, rejudged, strict=True) if each.judged != new), None
    ):
        reason = f"the judgement on trial {other_value.trial_id} comes out otherwise by this version"
    return ReplayCheck(proposals=len(checked), of=len(individuals), judgements=len(judged), reason=reason)
