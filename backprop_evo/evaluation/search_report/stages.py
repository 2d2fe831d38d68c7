"""The funnel: how many equations came to each stage, and how long workers trained for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backprop_evo.evaluation.search_report.facts import EvaluationFacts, SearchFacts
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import FinishRecord, Origin, Role

MEASURES = (Origin.BASELINE, Origin.YARDSTICK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``equations`` came here, workers trained ``worker_s`` seconds for those that ended here. ``ended``:
    they went no further."""

    name: str
    equations: int
    worker_s: float | None = None
    ended: bool = False
    told: str = ""


def stages_of(facts: SearchFacts) -> tuple[Stage, ...]:
    """In the order in which an equation passes them; stages that nothing came to are left out, but those that
    every search has."""
    return (*_proposals(facts), *_trainings(facts), *_measures(facts), *_evaluations(facts.evaluations))


def _proposals(facts: SearchFacts) -> Iterator[Stage]:
    proposed = [each for each in facts.individuals if each.origin not in (*MEASURES, Origin.REMEASUREMENT)]
    yield Stage(
        name="proposed", equations=len(proposed), told=_origins(Counter(each.origin for each in proposed))
    )
    twins = sum(each.twin is not None for each in proposed)
    yield Stage(
        name="twins", equations=twins, ended=True, told="behave as an earlier one, and inherit its fitness"
    )
    by_facts = sum(each.screened_out is not None for each in proposed)
    by_pass = _of(facts, TrialState.SCREENED)
    yield Stage(
        name="screened out",
        equations=by_facts + len(by_pass),
        worker_s=_seconds(facts, by_pass),
        ended=True,
        told=f"cannot learn: {by_facts} by what is written, {len(by_pass)} by their first backward pass",
    )


def _origins(counts: Mapping[Origin, int]) -> str:
    words = {
        Origin.START: "from the start list",
        Origin.INJECTED: "put in while it ran",
        Origin.RANDOM: "at random",
        Origin.MUTATION: "by mutation",
    }
    return ", ".join(f"{counts[origin]} {word}" for origin, word in words.items() if counts[origin])


def _trainings(facts: SearchFacts) -> Iterator[Stage]:
    trained = [each for each in _search_trials(facts) if each.state is not TrialState.SCREENED]
    yield Stage(name="trained", equations=len(trained), worker_s=_seconds(facts, trained))
    rungs = {
        each.trial_id: (each.value.rung, each.value.step)
        for each in facts.intermediates
        if each.judged.pruned is not None and each.value.rung is not None
    }
    at: defaultdict[tuple[int, int] | None, list[FinishRecord]] = defaultdict(list)
    for each in _of(facts, TrialState.PRUNED):
        rung, step = rungs.get(each.trial_id, (None, 0))
        at[None if rung is None else (rung, step)].append(each)
    for place in sorted(each for each in at if each is not None):
        yield _ended(
            facts, f"ended at rung {place[0] + 1}", at[place], f"after {place[1]} steps, behind others there"
        )
    if at[None]:
        yield _ended(facts, "ended by a guard", at[None], "the loss stood still, or no signal came through")
    others = (TrialState.DIVERGED, TrialState.OOM, TrialState.TIMEOUT, TrialState.FAILED, TrialState.LOST)
    for state in (*others, TrialState.CANCELLED):
        if ended := _of(facts, state):
            yield _ended(facts, str(state), ended, "")
    completed = _of(facts, TrialState.COMPLETED)
    told = "trained to the end: they have a fitness"
    yield Stage(name="completed", equations=len(completed), worker_s=_seconds(facts, completed), told=told)


def _ended(facts: SearchFacts, name: str, finishes: Sequence[FinishRecord], told: str) -> Stage:
    return Stage(
        name=name, equations=len(finishes), worker_s=_seconds(facts, finishes), ended=True, told=told
    )


def _measures(facts: SearchFacts) -> Iterator[Stage]:
    """What was trained to compare with, and the confirmations of searches that ordered no evaluation."""
    first = {each.number: each.remeasures for each in facts.individuals if each.remeasures is not None}
    for purposes, name, told in (
        (
            (Purpose.BASELINE, Purpose.YARDSTICK),
            "measures",
            "plain backprop and yardsticks, beside the budget",
        ),
        ((Purpose.REMEASUREMENT,), "measured again", "the best once more, with other seeds"),
        ((Purpose.CONFIRMATION,), "confirmed", "again with new seeds, by a version that gave no verdicts"),
    ):
        finishes = [each for each in facts.finishes if each.purpose in purposes]
        if finishes:
            methods = len({first.get(each.individual, each.individual) for each in finishes})
            yield Stage(name=name, equations=methods, worker_s=_seconds(facts, finishes), told=told)


def _evaluations(evaluations: Sequence[EvaluationFacts]) -> Iterator[Stage]:
    for each in evaluations:
        asked = [row for row in each.table.blocks[0].rows if not (row.is_baseline or row.is_control)]
        better = {
            row.text
            for block in each.table.blocks
            for row in block.rows
            if row.finding == "better" and not row.is_control
        }
        # The choice of finalists selects: what seems better there has yet to be shown.
        found = "" if each.record.role is Role.FINALISTS else f"; {len(better)} better than plain backprop"
        found = found if each.table.ended else "; nothing has ended yet"
        settings = len(each.table.blocks)
        yield Stage(
            name=str(each.record.role or "evaluation"),
            equations=len(asked),
            worker_s=each.worker_s,
            told=f"{each.table.ended} of {each.table.planned} trainings, {each.table.seeds} seeds"
            + (f" in {settings} settings" if settings > 1 else "")
            + found,
        )


def _search_trials(facts: SearchFacts) -> list[FinishRecord]:
    # The last end of each trial: one that was tried again has earlier ones.
    last = {each.trial_id: each for each in facts.finishes if each.purpose is Purpose.SEARCH}
    return list(last.values())


def _of(facts: SearchFacts, state: TrialState) -> list[FinishRecord]:
    return [each for each in _search_trials(facts) if each.state is state]


def _seconds(facts: SearchFacts, finishes: Sequence[FinishRecord]) -> float:
    return sum(facts.worker_s.get(each.trial_id, 0.0) for each in finishes)
