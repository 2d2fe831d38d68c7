"""The use cases: what is more than a look into the store. What is only read is read from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from backprop_evo.errors import InvalidSettings, NotFound
from backprop_evo.evaluation.comparison import Comparison
from backprop_evo.evaluation.formats import Format
from backprop_evo.evaluation.table import EvaluationTable, TableRow, outcomes_of, table_of
from backprop_evo.records.evaluating import MAX_METHODS, EvaluationSpec
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.steering import Changes, EquationChanges, EquationMarks
from backprop_evo.records.stored import (
    EvaluationRecord,
    OutcomeRecord,
    Role,
    SearchRecord,
    TrialRecord,
)
from backprop_evo.search.lifecycle import (
    ADD_SEEDS,
    CHALLENGE,
    CLONE,
    EVALUATION_VERBS,
    EXTEND,
    INJECT,
    find_verb,
)
from backprop_evo.search.time_plan import TimePlan
from backprop_evo.service.capacity import check_capacity, warnings_about
from backprop_evo.service.comparing import checked_counterpart, compare_stored
from backprop_evo.service.evaluation_specs import (
    check_evaluation_spec,
    evaluation_spec_to_json,
    parse_evaluation_spec,
    transfer_document,
)
from backprop_evo.service.injecting import read_injections
from backprop_evo.service.pool import Pool, check_wish, pool_of
from backprop_evo.service.specs import check_search_spec
from backprop_evo.service.timing import planned
from backprop_evo.store.base import Store

# Six heartbeats by default: a node that missed a few is not gone.
NODE_SILENCE_S = 60.0


def utc_now() -> datetime:
    """The clock of a service that is given no other."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CheckedSearch:
    """A search that may be submitted; of one with a budget the plan, which has filled in what was open.
    ``warnings`` are what to know of it."""

    spec: SearchSpec
    plan: TimePlan | None
    warnings: tuple[str, ...]


class Service:
    """Every method raises the errors of ``backprop_evo.errors`` and stores nothing when it does. A verb that
    leads to a state may be repeated without harm."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self._clock = clock

    def submit_search(self, spec: SearchSpec, *, with_counterpart: bool = False) -> SearchRecord:
        """Check a search and queue it, unless nodes live and none of them can train it; with its counterpart
        beside it if so asked. Raises ``InvalidSettings``, ``InvalidEquation``, ``UnknownDataset``."""
        return self.queue_search(self.check_search(spec), with_counterpart=with_counterpart)

    def queue_search(self, checked: CheckedSearch, *, with_counterpart: bool = False) -> SearchRecord:
        """Queue a search that was checked. Raises ``InvalidSettings`` where it has no counterpart."""
        spec = checked.spec
        counterpart = checked_counterpart(spec, spec.trials) if with_counterpart else None
        return self.store.searches.add(spec, now=self._clock(), counterpart=counterpart)

    def check_search(self, spec: SearchSpec) -> CheckedSearch:
        """As it would be submitted now. Raises as ``submit_search`` does."""
        check_search_spec(spec)
        nodes = self.live_nodes()
        check_capacity(nodes, spec)
        if spec.budget is None:
            return CheckedSearch(spec, None, warnings_about(nodes))
        found = planned(self.store.statistics.times_in, spec, nodes)
        return CheckedSearch(found.spec, found.plan, (*warnings_about(nodes), *found.remarks))

    def compare_searches(self, search: SearchRecord, with_id: str | None = None) -> Comparison:
        """A search beside another of its setting, its counterpart where none is named. Raises ``NotFound``,
        ``InvalidSettings`` where the two cannot be compared."""
        return compare_stored(self.store, search, with_id)

    def apply_verb(
        self,
        verb: str,
        search_id: str,
        arguments: Mapping[str, object] | None = None,
        *,
        expected_version: int | None = None,
    ) -> SearchRecord:
        """What a person asks of a search, as its row in ``search.lifecycle`` says; the search, or the new one
        that it makes. Raises ``NotFound``, ``InvalidSettings``, ``IllegalTransition``,
        ``PreconditionFailed``."""
        row = find_verb(verb)
        asked = Asked(search_id, row.check(arguments or {}), expected_version, self._clock())
        if row.name in MORE_THAN_TRANSITIONS:
            return MORE_THAN_TRANSITIONS[row.name](self, asked)
        return self.store.searches.apply_verb(row, search_id, now=asked.at, expected_version=expected_version)

    def change_search(
        self, search_id: str, changes: Changes, *, expected_version: int | None = None
    ) -> SearchRecord:
        """Change its marks, or its budget while it runs. Raises ``NotFound``, ``Conflict``,
        ``PreconditionFailed``."""
        return self.store.searches.mark(
            search_id, changes, now=self._clock(), expected_version=expected_version
        )

    def change_evaluation(
        self, evaluation_id: str, changes: Changes, *, expected_version: int | None = None
    ) -> EvaluationRecord:
        """Change its marks. Raises as ``change_search`` does, and ``InvalidSettings`` for ``trials``, which
        follow from its seeds."""
        if changes.trials is not None:
            raise InvalidSettings(
                "an evaluation has as many trials as its seeds ask for", field="trials", hint="extend it"
            )
        return self.store.evaluations.mark(
            evaluation_id, changes, now=self._clock(), expected_version=expected_version
        )

    def delete_search(self, search_id: str, *, expected_version: int | None = None) -> None:
        """Delete one that has ended, with all that belongs to it. Raises ``NotFound``, ``Conflict``,
        ``PreconditionFailed``."""
        self.store.searches.delete(search_id, now=self._clock(), expected_version=expected_version)

    def delete_evaluation(self, evaluation_id: str, *, expected_version: int | None = None) -> None:
        """The same of an evaluation that is no stage of a search."""
        self.store.evaluations.delete(evaluation_id, now=self._clock(), expected_version=expected_version)

    def retry_trial(self, trial_id: str) -> TrialRecord:
        """Try a trial again that was lost, failed or came to a limit. Raises ``NotFound``, ``Conflict``,
        ``IllegalTransition``."""
        return self.store.retries.add(trial_id, now=self._clock())

    def mark_equation(self, fingerprint: str, changes: EquationChanges) -> EquationMarks:
        """Star a behaviour, or note something of it. Raises ``NotFound`` where nothing was trained of it."""
        return self.store.equations.mark(fingerprint, changes, now=self._clock())

    def submit_evaluation_document(self, document: Mapping[str, Any]) -> EvaluationRecord:
        """Read an evaluation, check and queue it. One with ``from_search`` is of that search's best equations
        in other settings. Raises as ``submit_evaluation`` does, and ``NotFound``."""
        if "from_search" not in document:
            return self.submit_evaluation(parse_evaluation_spec(document))
        search = self.store.searches.get(str(document["from_search"]))
        spec = parse_evaluation_spec(transfer_document(search, self._confirmed_equations(search), document))
        check_evaluation_spec(spec)
        return self.store.evaluations.add(spec, now=self._clock(), search_id=search.id, role=Role.TRANSFER)

    def _confirmed_equations(self, search: SearchRecord) -> list[MethodSpec]:
        """What the search has found and confirmed, the best first."""
        rows = self.store.leaderboard.page(search.id, limit=MAX_METHODS).items
        return [
            row.method
            for row in rows
            if row.confirmed and not (row.is_baseline or row.is_yardstick or row.is_control)
        ]

    def verdicts_of(self, search: SearchRecord) -> Mapping[str, TableRow]:
        """What the search's confirmation says of each behaviour, by fingerprint, as far as it has come."""
        confirmation = self.store.evaluations.stages_of(search.id).get(Role.CONFIRMATION)
        if confirmation is None:
            return {}
        (block,) = self.evaluation_table(confirmation).blocks
        methods = self.store.individuals.of(confirmation.id)
        return {each.fingerprint: block.rows[each.number] for each in methods}

    def submit_evaluation(self, spec: EvaluationSpec) -> EvaluationRecord:
        """Check an evaluation and queue it. Raises ``InvalidSettings``, ``InvalidEquation``,
        ``UnknownDataset``."""
        check_evaluation_spec(spec)
        check_capacity(self.live_nodes(), spec)
        return self.store.evaluations.add(spec, now=self._clock())

    def apply_verb_to_evaluation(
        self,
        verb: str,
        evaluation_id: str,
        arguments: Mapping[str, object] | None = None,
        *,
        expected_version: int | None = None,
    ) -> EvaluationRecord:
        """What a person asks of an evaluation. Raises as ``apply_verb`` does."""
        row = find_verb(verb, EVALUATION_VERBS)
        given: dict[str, Any] = row.check(arguments or {})
        at: dict[str, Any] = {"now": self._clock(), "expected_version": expected_version}
        if row is ADD_SEEDS:
            return self.store.evaluations.extend(evaluation_id, **given, **at)
        return self.store.evaluations.apply_verb(row, evaluation_id, **at)

    def evaluation_table(self, evaluation: EvaluationRecord) -> EvaluationTable:
        """Of what has ended so far."""
        return table_of(evaluation, self.store.evaluations.outcomes(evaluation.id))

    def export_table(self, evaluation: EvaluationRecord, format: Format) -> str:
        """The same as a text to take away."""
        trials: Sequence[TrialRecord | OutcomeRecord] = (
            self.store.trials.finished(evaluation.id)
            if format.draws_curves
            else self.store.evaluations.outcomes(evaluation.id)
        )
        document = evaluation_spec_to_json(evaluation.spec)
        return format.write(table_of(evaluation, trials), outcomes_of(trials), document)

    def warnings(self) -> tuple[str, ...]:
        """What whoever has just submitted something is to know."""
        return warnings_about(self.live_nodes())

    def live_nodes(self) -> Sequence[NodeRecord]:
        """Nodes that were heard of in the last ``NODE_SILENCE_S`` seconds."""
        return self.store.nodes.alive(seen_after=self.dead_since())

    def dead_since(self) -> datetime:
        """A node that was last heard of then is dead."""
        return self._clock() - timedelta(seconds=NODE_SILENCE_S)

    def node(self, name: str) -> NodeRecord:
        """Alive or not. Raises ``NotFound``."""
        found = self.store.nodes.find(name)
        if found is None:
            raise NotFound(f"no node {name!r}", hint="list the nodes to see their names")
        return found

    def ask_of_node(self, name: str, wanted: Mapping[str, Any]) -> NodeRecord:
        """Ask a node for what its wish holds: slots, labels, to drain. It is stored, and obeyed as soon as
        the node looks. Raises ``NotFound``, ``InvalidSettings``."""
        return self.store.nodes.ask(name, check_wish(wanted), now=self._clock())

    def pool(self, *, least: int, most: int) -> Pool:
        """What there is and what would be busy. Raises ``InvalidSettings``."""
        return pool_of(self.live_nodes(), self.store.queue.demand(), least=least, most=most)


@dataclass(frozen=True, slots=True)
class Asked:
    """One verb asked of one search, with arguments that were checked."""

    search_id: str
    arguments: Mapping[str, Any]
    expected_version: int | None
    at: datetime


def _extend(service: Service, asked: Asked) -> SearchRecord:
    return service.store.searches.extend(
        asked.search_id, now=asked.at, expected_version=asked.expected_version, **asked.arguments
    )


def _clone(service: Service, asked: Asked) -> SearchRecord:
    original = service.store.searches.get(asked.search_id, expected_version=asked.expected_version)
    return service.submit_search(replace(original.present_spec, **asked.arguments))


def _challenge(service: Service, asked: Asked) -> SearchRecord:
    original = service.store.searches.get(asked.search_id)
    spec = checked_counterpart(original.spec, original.present_spec.trials)
    check_capacity(service.live_nodes(), spec)
    return service.store.searches.order_counterpart(
        asked.search_id, spec, now=asked.at, expected_version=asked.expected_version
    )


def _inject(service: Service, asked: Asked) -> SearchRecord:
    search = service.store.searches.get(asked.search_id)
    read = read_injections(search.spec, asked.arguments["equations"])
    return service.store.injections.add(
        search.id, read, now=asked.at, expected_version=asked.expected_version
    )


MORE_THAN_TRANSITIONS: Mapping[str, Callable[[Service, Asked], SearchRecord]] = {
    EXTEND.name: _extend,
    INJECT.name: _inject,
    CLONE.name: _clone,
    CHALLENGE.name: _challenge,
}
"""What carries out the verbs that lead to no state of their own."""
