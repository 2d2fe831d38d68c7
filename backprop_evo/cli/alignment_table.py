"""How far a method's updates pointed away from the true gradient, as a table: one row a layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from rich.table import Table
from rich.text import Text

from backprop_evo.data.catalogue import dataset_info
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult, TrainSpec


@dataclass(frozen=True, slots=True)
class LayerAlignment:
    """One layer in the mean over seeds: angles in degrees, ``feedback_*`` None where there is no R."""

    layer: str
    first: float
    lowest: float
    lowest_step: int
    last: float
    norm_ratio: float
    feedback_first: float | None
    feedback_last: float | None


def alignment_table(method: str, runs: Sequence[TrainResult], spec: TrainSpec) -> Table | None:
    """The table of ``layer_alignments``; None where there are none."""
    layers = layer_alignments(runs)
    if not layers:
        return None
    per_epoch = steps_per_epoch(spec)
    table = Table(title=Text(f"{method}: angle between update and true gradient"), title_justify="left")
    table.add_column("layer")
    for name in ("first", "lowest (epoch)", "last", "norm ratio", "W–R"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in layers:
        table.add_row(
            Text(each.layer),
            f"{each.first:.1f}°",
            f"{each.lowest:.1f}° ({each.lowest_step / per_epoch:.1f})",
            f"{each.last:.1f}°",
            f"{each.norm_ratio:.3g}",
            _from_to(each.feedback_first, each.feedback_last),
        )
    return table


def layer_alignments(runs: Sequence[TrainResult]) -> list[LayerAlignment]:
    """Every layer in network order, the mean over the runs that completed (over all where none did).

    Only steps at which each of these runs measured count; empty where they are fewer than two. A
    measurement whose norm ratio is not finite has no direction to speak of and is left out.
    """
    measured = [run for run in runs if run.alignment]
    counted = [run for run in measured if run.outcome is TrialState.COMPLETED] or measured
    by_layer = [_by_layer(run.alignment) for run in counted]
    rows = []
    for layer in by_layer[0] if by_layer else ():
        histories = [history.get(layer, {}) for history in by_layer]
        steps = sorted(set.intersection(*(set(history) for history in histories)))
        if len(steps) > 1:
            rows.append(_summary(layer, steps, histories))
    return rows


def steps_per_epoch(spec: TrainSpec) -> int:
    """Steps of one pass over the training split of the spec's data set."""
    info = dataset_info(spec.data)
    return spec.steps_per_epoch(info.train_images - info.validation_images)


def _by_layer(points: Sequence[AlignmentPoint]) -> dict[str, dict[int, AlignmentPoint]]:
    """Layer → step → measurement; layers in the order in which they were measured, the network's."""
    histories: dict[str, dict[int, AlignmentPoint]] = {}
    for point in points:
        history = histories.setdefault(point.site, {})
        if math.isfinite(point.norm_ratio):
            history[point.step] = point
    return histories


def _summary(
    layer: str, steps: Sequence[int], histories: Sequence[Mapping[int, AlignmentPoint]]
) -> LayerAlignment:
    angles = {step: mean(history[step].update_angle for history in histories) for step in steps}
    lowest_step = min(steps, key=lambda step: round(angles[step], 1))  # as printed: the earliest of equals
    first, last = ([history[step] for history in histories] for step in (steps[0], steps[-1]))
    return LayerAlignment(
        layer=layer,
        first=angles[steps[0]],
        lowest=angles[lowest_step],
        lowest_step=lowest_step,
        last=angles[steps[-1]],
        norm_ratio=mean(point.norm_ratio for point in last),
        feedback_first=_mean_feedback(first),
        feedback_last=_mean_feedback(last),
    )


def _mean_feedback(points: Sequence[AlignmentPoint]) -> float | None:
    known = [point.feedback_angle for point in points if point.feedback_angle is not None]
    return mean(known) if known else None


def _from_to(first: float | None, last: float | None) -> str:
    return "–" if first is None or last is None else f"{first:.1f}° → {last:.1f}°"
