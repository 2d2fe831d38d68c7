"""Sentences that belong to a table: what chance alone does there, and what weakens its verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.ordering import BACKPROP
from backprop_evo.evaluation.verdicts import noise_floor
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import MethodSpec
from backprop_evo.training.methods import method_of


def noise_floor_of(spec: EvaluationSpec, accuracies: Sequence[Mapping[int, float]]) -> str | None:
    """How far placebos are from plain backprop in one setting, all of them together, pair by pair; None
    where either is missing. ``accuracies`` are those of the spec's rows, by seed."""
    rows = list(zip(spec.rows, accuracies, strict=True))
    backprop = next((by_seed for method, by_seed in rows if method == BACKPROP), {})
    apart = [
        abs(accuracy - backprop[seed])
        for method, by_seed in rows
        if _is_placebo(method)
        for seed, accuracy in by_seed.items()
        if seed in backprop
    ]
    return noise_floor(apart) if apart else None


def _is_placebo(method: MethodSpec) -> bool:
    try:
        return method_of(method).declared.is_placebo
    except InvalidInput:  # stored by a version that knew it
        return False


def remarks_on(
    spec: EvaluationSpec, seeds: int, additions: int, missing: int, comparisons: int
) -> tuple[str, ...]:
    """What is to be known below the whole table."""
    told = []
    if missing > 0:
        told.append(f"{missing} of {spec.trainings_a_seed * seeds} trainings have not ended.")
    if additions > 0:
        times = "once" if additions == 1 else f"{additions} times"
        told.append(
            f"Second look: seeds were added {times}, {seeds - spec.seeds} in all, after there was a table. "
            "Whoever adds seeds until something shows finds too much: p values and intervals are optimistic."
        )
    if comparisons > 1:
        told.append(
            f"Verdicts rest on p values adjusted for {comparisons} comparisons (Holm); intervals are not."
        )
    return tuple(told)
