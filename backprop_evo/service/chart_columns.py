"""Rows as the columns that charts are drawn from: numbers and letters, one place a row.

Accuracies are whole hundredths of a per cent: shorter to send than floats, and no chart shows more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backprop_evo.evaluation.curves import spaced
from backprop_evo.evaluation.statistics import Difference, paired_difference
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.charting import AttemptSpan, ProposalPoint, TrainedPoint, ValuePoint
from backprop_evo.records.evaluating import setting_id, setting_words
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Origin, TrialRecord

#: One letter an origin, so that a column of them is a string.
ORIGINS: Mapping[str, str] = {
    Origin.MUTATION: "m",
    Origin.REMEASUREMENT: "a",
    Origin.RANDOM: "r",
    Origin.START: "s",
    Origin.INJECTED: "i",
    Origin.BASELINE: "b",
    Origin.YARDSTICK: "y",
}
OTHER = "o"
#: Points of one line: more cannot be told apart on a screen.
MAX_POINTS = 500
#: Beyond it a loss says nothing but that it grew without bound, and an axis could overflow.
LARGEST = 1e100


def hundredths(accuracy: float | None) -> int | None:
    """Of a per cent."""
    return None if accuracy is None else round(10_000 * accuracy)


def proposal_columns(points: Sequence[ProposalPoint], after: int, limit: int) -> dict[str, Any]:
    """One page of proposals: the place in a column, counted from 1, plus ``after`` is the number of the
    individual, as these have no gaps. ``twins`` are places with the number of whom each is like."""
    return {
        "after": after,
        "last": points[-1].number if points else after,
        "more": len(points) == limit,
        "fitness": [hundredths(point.fitness) for point in points],
        "origin": "".join(ORIGINS.get(point.origin, OTHER) for point in points),
        "twins": [[place, point.twin] for place, point in enumerate(points) if point.twin is not None],
    }


def attempt_columns(spans: Sequence[AttemptSpan]) -> dict[str, Any]:
    """Who trained when: moments in milliseconds since 1970, as browsers count, rounded down, so that asking
    since then finds it again; an open one ends at null."""
    workers = sorted({span.worker for span in spans})
    places = {worker: place for place, worker in enumerate(workers)}
    return {
        "workers": workers,
        "worker": [places[span.worker] for span in spans],
        "trial": [span.trial_id for span in spans],
        "individual": [span.individual for span in spans],
        "began": [math.floor(1000 * span.started_at.timestamp()) for span in spans],
        "ended": [
            None if span.ended_at is None else math.floor(1000 * span.ended_at.timestamp()) for span in spans
        ],
        "outcome": [span.outcome for span in spans],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """What one worker did of the attempts looked at; ``seconds`` in all of those that ended."""

    worker: str
    attempts: int
    seconds: float


def busy_workers(spans: Iterable[AttemptSpan]) -> tuple[Busy, ...]:
    """In the order of their names."""
    told: defaultdict[str, list[float]] = defaultdict(list)
    for span in spans:
        told[span.worker].append(
            0.0 if span.ended_at is None else (span.ended_at - span.started_at).total_seconds()
        )
    return tuple(
        Busy(worker=worker, attempts=len(told[worker]), seconds=sum(told[worker])) for worker in sorted(told)
    )


def running_lines(
    running: Sequence[TrialRecord], values: Sequence[ValuePoint], steps_an_epoch: Callable[[TrialRecord], int]
) -> list[dict[str, Any]]:
    """What runs: its intermediate values, and where it is now, at epochs."""
    told: defaultdict[str, list[ValuePoint]] = defaultdict(list)
    for value in values:
        told[value.trial_id].append(value)
    lines = []
    for trial in running:
        steps = steps_an_epoch(trial)
        live = trial.progress or {}
        points = [
            [round(each.step / steps, 4), _drawable(each.train_loss), hundredths(each.validation_accuracy)]
            for each in told[trial.id]
        ]
        if live.get("epoch") is not None:
            now = [round(live["epoch"], 4), _drawable(live.get("train_loss"))]
            points.append([*now, hundredths(live.get("validation_accuracy"))])
        lines.append(
            {"trial": trial.id, "individual": trial.individual, "epochs": trial.spec.epochs, "points": points}
        )
    return lines


def curve_columns(trial: TrialRecord) -> dict[str, Any]:
    """The curve of one trial over epochs."""
    curve = trial.result.curve if trial.result is not None else ()
    return {
        "epoch": [round(point.epoch, 4) for point in curve],
        "loss": [_drawable(point.train_loss) for point in curve],
        "accuracy": [hundredths(point.validation_accuracy) for point in curve],
    }


def angle_lines(
    points: Sequence[AlignmentPoint], angle: Callable[[AlignmentPoint], float | None]
) -> list[dict[str, Any]]:
    """Degrees over steps, a line for each layer that has any, under its name. A point without a direction
    (an update or gradient that is zero or no number) is left out."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for point in points:
        line, degrees = lines.setdefault(point.site, []), angle(point)
        if degrees is not None and math.isfinite(degrees) and math.isfinite(point.norm_ratio):
            line.append((point.step, round(degrees, 2)))
    names = layer_names(list(lines))
    return [
        {"layer": names[site], "place": place, "points": spaced(line, MAX_POINTS)}
        for place, (site, line) in enumerate(lines.items())
        if line
    ]


def layer_names(sites: Sequence[str]) -> Mapping[str, str]:
    """What layers are called. Some modules are but numbered, with those between them that have no weight:
    they are counted, from the input on."""
    numbers_alone = all(site.replace(".", "").isdigit() for site in sites)
    return {
        site: f"layer {place} of {len(sites)}" if numbers_alone else site
        for place, site in enumerate(sites, start=1)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPair:
    """One seed of a behaviour, and plain backprop's training with the same seed, if there is one. ``chosen``
    is a search's own trial: by such the equation was picked, so that they flatter it. Accuracies in [0, 1];
    None for a training that came to none, whose ``state`` tells."""

    trial_id: str
    search_id: str
    seed: int
    chosen: bool
    state: str
    accuracy: float | None
    backprop: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSeeds:
    """A behaviour in one setting; ``difference`` to backprop is over the pairs that were not chosen."""

    setting_id: str
    words: str
    pairs: tuple[SeedPair, ...]
    difference: Difference | None


def seeds_by_setting(
    trained: Sequence[TrainedPoint], baseline: Sequence[TrainedPoint]
) -> tuple[SettingSeeds, ...]:
    """Paired within one search or evaluation and one setting, by seed; the setting with most seeds first."""
    backprop = {
        (each.search_id, setting_id(each.train), each.seed): each.validation_accuracy
        for each in baseline
        if each.state == TrialState.COMPLETED
    }
    words, pairs = dict[str, str](), defaultdict[str, list[SeedPair]](list)
    for each in trained:
        if TrialState(each.state) is TrialState.CANCELLED:
            continue
        place = setting_id(each.train)
        words[place] = setting_words(each.train)
        found = SeedPair(
            trial_id=each.trial_id,
            search_id=each.search_id,
            seed=each.seed,
            chosen=Purpose(each.purpose) in (Purpose.SEARCH, Purpose.REMEASUREMENT),
            state=each.state,
            accuracy=each.validation_accuracy if each.state == TrialState.COMPLETED else None,
            backprop=backprop.get((each.search_id, place, each.seed)),
        )
        pairs[place].append(found)
    settings = (
        SettingSeeds(
            setting_id=place, words=words[place], pairs=tuple(_in_order(found)), difference=_difference(found)
        )
        for place, found in pairs.items()
    )
    return tuple(sorted(settings, key=lambda each: -len(each.pairs)))


def seed_columns(setting: SettingSeeds) -> dict[str, Any]:
    """One setting of a behaviour."""
    found = setting.difference
    return {
        "setting": setting.setting_id,
        "words": setting.words,
        "trial": [each.trial_id for each in setting.pairs],
        "seed": [each.seed for each in setting.pairs],
        "chosen": [each.chosen for each in setting.pairs],
        "state": [each.state for each in setting.pairs],
        "accuracy": [hundredths(each.accuracy) for each in setting.pairs],
        "backprop": [hundredths(each.backprop) for each in setting.pairs],
        "difference": None
        if found is None
        else {
            "mean": hundredths(found.mean),
            "low": hundredths(found.low),
            "high": hundredths(found.high),
            "n": found.n,
        },
    }


def _in_order(pairs: Iterable[SeedPair]) -> list[SeedPair]:
    return sorted(pairs, key=lambda each: (each.chosen, each.search_id, each.seed))


def _difference(pairs: Iterable[SeedPair]) -> Difference | None:
    both = [
        (each.accuracy, each.backprop)
        for each in pairs
        if not each.chosen and each.accuracy is not None and each.backprop is not None
    ]
    return paired_difference([one for one, _ in both], [other for _, other in both])


def _drawable(value: float | None) -> float | None:
    """None for what is no number or would make an axis overflow."""
    return float(f"{value:.5g}") if value is not None and abs(value) <= LARGEST else None
