"""What a search has found, in one sentence that holds also where it is nothing, and what weakens it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backprop_evo.evaluation.search_report.facts import EvaluationFacts, SearchFacts
from backprop_evo.evaluation.search_report.horizons import LongRun
from backprop_evo.evaluation.table import TableRow
from backprop_evo.evaluation.verdicts import Finding
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from backprop_evo.wording import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """``headline`` is the verdict on the search; ``remarks`` are sentences that have to be read with it.
    ``best`` is the row of the best confirmed equation, None without one."""

    headline: str
    remarks: tuple[str, ...]
    best: TableRow | None


def confirmation_of(facts: SearchFacts) -> EvaluationFacts | None:
    """The evaluation that judges: the confirmation that the search ordered."""
    return next((each for each in facts.evaluations if each.record.role is Role.CONFIRMATION), None)


def findings_of(facts: SearchFacts, long_run: LongRun | None) -> Findings:
    """By the verdicts of the confirmation alone: whatever came before it has selected."""
    confirmation = confirmation_of(facts)
    rows = asked_rows(confirmation)
    judged = [row for row in rows if row.pairs > 1]
    if confirmation is None or not judged:
        return Findings(headline=_nothing_yet(facts, confirmation), remarks=tuple(_state(facts)), best=None)
    better = [row for row in judged if row.finding == Finding.BETTER]
    best = max(better or judged, key=lambda row: row.difference or 0.0)
    where = horizon_words(facts, confirmation)
    if better:
        headline = f"{best.text} trains better than plain backprop: {_told(best, confirmation)} {where}."
    else:
        many = (
            "the confirmed equation" if len(judged) == 1 else f"any of the {len(judged)} confirmed equations"
        )
        headline = (
            f"No gain over plain backprop is shown for {many}. The nearest is {best.text}: "
            f"{_told(best, confirmation)}{_adjusted(best, confirmation)} {where}."
        )
    remarks = (
        *_on_others(better, judged, confirmation),
        *([facts.comparison.sentence] if facts.comparison else []),
        *_on_horizon(long_run),
        *_state(facts),
    )
    return Findings(headline=headline, remarks=remarks, best=best)


def asked_rows(confirmation: EvaluationFacts | None) -> list[TableRow]:
    """The equations that it was ordered for: no baseline, no control."""
    if confirmation is None:
        return []
    (block, *_) = confirmation.table.blocks
    return [row for row in block.rows if not (row.is_baseline or row.is_control)]


def horizon_words(facts: SearchFacts, confirmation: EvaluationFacts) -> str:
    """``after 800 steps (0.57 epochs) of wrn-10-1 on cifar10``."""
    train = confirmation.record.spec.settings[0].train
    steps = facts.steps(train)
    told = (
        f"after {train.epochs:g} epochs"
        if steps is None
        else f"after {steps:,} steps ({train.epochs:.3g} epochs)"
    )
    return f"{told} of {train.model} on {train.data}"


def _told(row: TableRow, confirmation: EvaluationFacts) -> str:
    """``+1.2 points of test accuracy (95 % interval +0.4 … +2.0, n = 10)``."""
    assert row.difference is not None
    interval = ""
    if row.low is not None and row.high is not None:
        interval = f"95 % interval {points(row.low)} … {points(row.high)}, "
    by = confirmation.table.compared_by
    return f"{points(row.difference)} points of {by} accuracy ({interval}n = {row.pairs})"


def _adjusted(row: TableRow, confirmation: EvaluationFacts) -> str:
    """Why an interval that leaves 0 out is no finding."""
    if row.low is None or row.high is None or row.low * row.high <= 0 or row.finding != Finding.NO_DIFFERENCE:
        return ""
    return f", which does not hold after adjusting for {confirmation.table.comparisons} comparisons,"


def points(difference: float) -> str:
    """A difference of accuracies in points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def _nothing_yet(facts: SearchFacts, confirmation: EvaluationFacts | None) -> str:
    search = facts.search
    if confirmation is not None and not confirmation.record.state.is_terminal:
        ended, planned = confirmation.table.ended, confirmation.table.planned
        return f"Nothing is shown yet: {ended} of {planned} trainings of the confirmation have ended."
    if confirmation is not None:
        return (
            "Nothing is shown: the confirmation ended without two seeds that completed for an equation "
            "and for plain backprop."
        )
    if facts.confirmed:
        return (
            "No verdict: this search confirmed its best by a version that compared nothing by pairs; "
            "what it measured stands below."
        )
    if not search.state.is_terminal:
        done = f"{search.trials_done} of {search.trials_total} trials have ended"
        return f"Nothing is shown yet: {done}, and no equation is confirmed."
    if search.state is SearchState.COMPLETED:
        return "Nothing is shown: the search has confirmed no equation."
    return f"Nothing is shown: the search was {search.state} before it confirmed an equation."


def _on_others(
    better: Sequence[TableRow], judged: Sequence[TableRow], confirmation: EvaluationFacts
) -> Iterator[str]:
    if len(judged) > 1 and better:
        yield f"{len(better)} of {len(judged)} confirmed equations are better than plain backprop."
    (block, *_) = confirmation.table.blocks
    for row in block.rows:
        if row.is_control and row.verdict is not None:
            yield f"Control {row.text}: {row.verdict}."
    if block.noise_floor:
        yield f"{block.noise_floor[0].upper()}{block.noise_floor[1:]}."


def _on_horizon(long_run: LongRun | None) -> Iterator[str]:
    if long_run is None:
        yield (
            "How far plain backprop is at this horizon from what it reaches in the long run is not known: no "
            "evaluation of this search has trained it for longer under the same setting."
        )
        return
    yield (
        f"At this horizon plain backprop has reached {percent(long_run.share, 0)} % of its accuracy in the "
        f"longest run: {percent(long_run.accuracy)} % after {long_run.steps:,} steps, "
        f"{percent(long_run.long_accuracy)} % after {long_run.long_steps:,} (validation)."
    )


def _state(facts: SearchFacts) -> Iterator[str]:
    search = facts.search
    if search.end_reason:
        yield f"The search is {search.state}: {search.end_reason}."
    elif search.state not in (SearchState.COMPLETED,):
        done = f"{search.trials_done} of {search.trials_total} trials have ended"
        yield f"The search is {search.state}: {done}."
