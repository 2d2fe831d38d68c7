"""A search from its rows: rebuilt, to go on; or replayed, to prove that it could not have gone otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from backprop_evo.records.judging import IntermediateRecord, Judged
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import FinishRecord, IndividualRecord, Origin
from backprop_evo.search.brain import Brain
from backprop_evo.search.language import Language
from backprop_evo.search.pruners import judge_value


def rebuild(
    search_id: str,
    spec: SearchSpec,
    language: Language,
    individuals: Sequence[IndividualRecord],
    finishes: Sequence[FinishRecord],
) -> Brain:
    """The progress of a controller that lived through these rows. Individuals come in the order of their
    numbers, finishes in finish order."""
    progress = Brain(search_id, spec, language)
    for individual in individuals:
        _observe_up_to(progress, finishes, individual.finishes_known)
        progress.add(individual)
    _observe_up_to(progress, finishes, len(finishes))
    return progress


def replay(
    spec: SearchSpec,
    language: Language,
    individuals: Sequence[IndividualRecord],
    finishes: Sequence[FinishRecord],
) -> tuple[IndividualRecord, ...]:
    """Decide every proposal again, from the seed, the finishes in their order and how many of them each
    proposer knew.

    Equal to ``individuals`` for every search that this code recorded.
    """
    if not individuals:
        return ()
    progress = Brain(individuals[0].search_id, spec, language)
    again = []
    for recorded in individuals:
        _observe_up_to(progress, finishes, recorded.finishes_known)
        # What people put in is no decision of the brain's: where they did is given, as the finishes are.
        if recorded.origin is Origin.INJECTED:
            progress.inject([str(recorded.method.equation)])
        proposal = progress.propose(now=recorded.created_at)
        progress.add(proposal)
        again.append(proposal)
    return tuple(again)


def _observe_up_to(progress: Brain, finishes: Sequence[FinishRecord], order: int) -> None:
    for finish in finishes[progress.finishes_known : order]:
        progress.observe(finish)


def replay_pruning(spec: SearchSpec, recorded: Sequence[IntermediateRecord]) -> tuple[Judged, ...]:
    """Judge every stored value again, each by those before it; ``recorded`` comes in report order.

    Equal to what was recorded as ``judged``, for every search.
    """
    return tuple(
        judge_value(spec, each.value, each.purpose, each.individual, recorded[:place])
        for place, each in enumerate(recorded)
    )
