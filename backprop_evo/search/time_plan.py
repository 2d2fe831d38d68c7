"""A search in a given time: which share each stage has, how many trainings fit, when the next stage begins.

Functions of numbers alone: no I/O, no clock. Times are seconds of the wall unless they are said to be of
slots.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from backprop_evo.records.evaluating import MAX_SEEDS, MAX_TRAININGS
from backprop_evo.records.pruning import MAX_RUNGS
from backprop_evo.records.searching import MOST_NAMED

SEARCH = "search"
SHARES: Mapping[str, float] = {SEARCH: 55, "finalists": 15, "confirmation": 20, "transfer": 10}
"""What each stage has of the time; that of a stage that is absent goes to the others, as they have theirs."""

LEAST_SEEDS, ENOUGH_SEEDS = 2, 10
"""With fewer there is no spread; beyond so many another method tells more than another seed."""

OVERDRAWN = 1.25
"""A stage after a search that ended early takes so much of its share at most: what is left is left."""

FIRST_RUNG, SHORT_FIRST_RUNG, SHORT_STEPS = 20, 10, 200
"""The first rung in steps, and that of trainings of fewer than ``SHORT_STEPS``: enough to tell who learns at
all."""

ROUNDED_UP = 1.02
"""A seed that fits but for so little is trained."""

FEW_TIMES = 8
"""Trainings from which on a slope is fitted, where their lengths differ."""


@dataclass(frozen=True, slots=True)
class TimedTraining:
    """What was measured of one training."""

    steps: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a training takes here: ``overhead_s`` (probes of rates, evaluations, start and end), and
    ``step_s`` a step. ``measured`` is the number of trainings it stands on, 0: a guess."""

    step_s: float
    overhead_s: float
    measured: int = 0

    def training_s(self, steps: float) -> float:
        """Seconds in which a slot trains so many steps."""
        return self.overhead_s + self.step_s * steps


def pace_of(times: Sequence[TimedTraining], guess: Pace) -> Pace:
    """The line through what was measured where lengths differ, else the guess brought to their mean."""
    if not times:
        return guess
    steps, seconds = fmean(each.steps for each in times), fmean(each.seconds for each in times)
    spread = sum((each.steps - steps) ** 2 for each in times)
    if len(times) >= FEW_TIMES and spread > len(times) * (steps / 4) ** 2:
        together = sum((each.steps - steps) * (each.seconds - seconds) for each in times)
        step_s = together / spread
        if step_s > 0 and seconds >= step_s * steps:
            return Pace(step_s=step_s, overhead_s=seconds - step_s * steps, measured=len(times))
    factor = seconds / guess.training_s(steps)
    return Pace(step_s=guess.step_s * factor, overhead_s=guess.overhead_s * factor, measured=len(times))


def shares_of(names: Sequence[str]) -> dict[str, float]:
    """What each of these stages has of their time, summing to 1."""
    whole = sum(SHARES[name] for name in names)
    return {name: SHARES[name] / whole for name in names}


def open_rungs(steps: int, reduction: float) -> tuple[int, ...]:
    """A short first rung, then each ``reduction`` times as long, up to below ``steps``; none where a training
    is no longer than the first."""
    first = SHORT_FIRST_RUNG if steps < SHORT_STEPS else FIRST_RUNG
    if first >= steps:
        return ()
    # Never more rungs than there may be, however small the reduction.
    factor = max(reduction, (steps / first) ** (1 / (MAX_RUNGS - 1)))
    count = math.ceil(math.log(steps / first, factor))
    rungs = dict.fromkeys(round(first * factor**place) for place in range(count))
    return tuple(each for each in rungs if each < steps)


def expected_steps(steps: int, rungs: Sequence[int], go_on: float) -> float:
    """Of a training of which a share ``go_on`` passes each rung."""
    reached, expected, before = 1.0, 0.0, 0
    for rung in rungs:
        expected += reached * (rung - before)
        reached, before = reached * go_on, rung
    return expected + reached * (steps - before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """The search itself: at most ``trials`` equations beside so many ``measures`` (backprop, yardsticks),
    trained for ``steps`` unless a rung ends them, which a share ``go_on`` passes."""

    trials: int
    measures: int
    steps: int
    rungs: tuple[int, ...]
    go_on: float
    pace: Pace

    @property
    def whole_s(self) -> float:
        """Of a training that no rung ends."""
        return self.pace.training_s(self.steps)

    @property
    def mean_steps(self) -> float:
        """Of an equation's."""
        return expected_steps(self.steps, self.rungs, self.go_on)

    @property
    def mean_s(self) -> float:
        """Of an equation's training."""
        return self.pace.training_s(self.mean_steps)

    def least_s(self, slots: int) -> float:
        """Every slot trains one equation up to the first rung, beside the measures."""
        shortest = self.pace.training_s(self.rungs[0] if self.rungs else self.steps)
        return math.ceil(self.measures / slots) * self.whole_s + shortest


@dataclass(frozen=True, slots=True, kw_only=True)
class StageWish:
    """A stage after the search as its spec asks for it: the ``best`` methods beside ``others`` (backprop,
    yardsticks, controls), each with ``seeds`` seeds in so many ``settings``. One training takes
    ``training_s``."""

    name: str
    best: int
    seeds: int
    others: int
    steps: int
    training_s: float
    settings: int = 1

    def least_s(self, slots: int) -> float:
        """One method and backprop, with the fewest seeds."""
        return math.ceil(2 * LEAST_SEEDS * self.settings / slots) * self.training_s


@dataclass(frozen=True, slots=True)
class Size:
    """Of a stage: so many of the best, with so many seeds."""

    best: int
    seeds: int


def size_of(
    time_s: float,
    slots: float,
    best_s: Sequence[float],
    others_s: float,
    wish: Size,
    longest_s: float,
    *,
    others: int = 1,
    settings: int = 1,
) -> Size | None:
    """The size that fills ``time_s`` best. ``best_s``: seconds of a slot for one seed of each method, the
    best first; ``others_s``: for one of the ``others`` together, that are trained beside them; both in all
    ``settings``. None where not even one method with
    the fewest seeds fits.

    As many methods as are wished for, with the seeds that fit; where these are more than enough, more
    methods; where they are fewer than wished for, fewer.
    """
    # The last wave is full for half a training on average.
    room = slots * max(0.0, time_s - longest_s * max(0.0, 1 - 1 / slots) / 2) if slots > 0 else 0.0
    costs = [others_s + sums for sums in accumulate(best_s)]
    most = [
        min(MAX_SEEDS, MAX_TRAININGS // settings // (place + others)) for place in range(1, len(costs) + 1)
    ]
    fitting = [
        Size(place, min(limit, int(room * ROUNDED_UP / cost)))
        for place, (cost, limit) in enumerate(zip(costs, most, strict=True), 1)
    ]
    fitting = [each for each in fitting if each.seeds >= LEAST_SEEDS]
    if not fitting:
        return None
    at_wish = room / costs[min(wish.best, len(costs)) - 1]
    wanted = min(max(ENOUGH_SEEDS, wish.seeds), max(wish.seeds, at_wish))

    def fit(size: Size) -> tuple[int, float]:
        filled = size.seeds * costs[size.best - 1] / room
        return min(18, int(filled * 20)), -abs(math.log(size.seeds / wanted))

    return max(fitting, key=fit)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """One row of a plan: ``trainings`` of ``steps`` each on average take ``seconds``, and have ended
    ``ends_s`` after the start. ``size`` is None for the search itself."""

    name: str
    trainings: int
    steps: float
    seconds: float
    ends_s: float
    size: Size | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePlan:
    """What is expected of a search with a budget on so many ``slots``. ``trials`` are those of the search
    itself, ``least_s`` is the smallest budget that makes sense."""

    budget_s: float
    slots: int
    pace: Pace
    rungs: tuple[int, ...]
    trials: int
    stages: tuple[StagePlan, ...]
    least_s: float

    @property
    def ends_s(self) -> float:
        """When the last stage has ended."""
        return self.stages[-1].ends_s


def plan_time(budget_s: float, slots: int, exploration: Exploration, later: Sequence[StageWish]) -> TimePlan:
    """The stages one after the other, each in its share of the time."""
    shares = shares_of([SEARCH, *(each.name for each in later)])
    row = _explored(budget_s * shares[SEARCH], slots, exploration)
    rows = [row]
    for place, wish in enumerate(later):
        remaining = sum(shares[each.name] for each in later[place:])
        time_s = stage_time_s(budget_s, rows[-1].ends_s, shares[wish.name], remaining)
        rows.append(_stage(wish, time_s, slots, rows[-1].ends_s, row.trainings))
    least = exploration.least_s(slots)
    after_s = sum(each.least_s(slots) for each in later)
    return TimePlan(
        budget_s=budget_s,
        slots=slots,
        pace=exploration.pace,
        rungs=exploration.rungs,
        trials=max(0, row.trainings - exploration.measures),
        stages=tuple(rows),
        least_s=max(least / shares[SEARCH], least + after_s),
    )


def stage_time_s(budget_s: float, spent_s: float, share: float, remaining: float) -> float:
    """What a stage may take, when its share is one of those that are ``remaining``."""
    left_s = max(0.0, budget_s - spent_s)
    return min(left_s * share / remaining, OVERDRAWN * share * budget_s)


def _explored(time_s: float, slots: int, asked: Exploration) -> StagePlan:
    tail_s = asked.whole_s * (1 - 1 / slots) / 2
    measures_s = asked.measures * asked.whole_s
    fits = int((slots * (time_s - tail_s) - measures_s) / asked.mean_s)
    trials = max(0, min(asked.trials, fits))
    took_s = (trials * asked.mean_s + measures_s) / slots + tail_s
    trainings = trials + asked.measures
    steps = (trials * asked.mean_steps + asked.measures * asked.steps) / trainings
    return StagePlan(name=SEARCH, trainings=trainings, steps=steps, seconds=took_s, ends_s=took_s)


def _stage(wish: StageWish, time_s: float, slots: int, begins_s: float, found: int) -> StagePlan:
    a_seed_s = wish.settings * wish.training_s
    most = max(1, min(found - 1, MOST_NAMED))
    wanted = Size(wish.best, wish.seeds)
    size = size_of(
        *(time_s, slots, [a_seed_s] * most, wish.others * a_seed_s, wanted, wish.training_s),
        others=wish.others,
        settings=wish.settings,
    )
    size = size or Size(1, LEAST_SEEDS)
    trainings = (size.best + wish.others) * size.seeds * wish.settings
    seconds = max(
        trainings * wish.training_s / slots + wish.training_s * (1 - 1 / slots) / 2, wish.training_s
    )
    return StagePlan(
        name=wish.name,
        trainings=trainings,
        steps=wish.steps,
        seconds=seconds,
        ends_s=begins_s + seconds,
        size=size,
    )


def drain_s(out: int, slots: float, mean_s: float, longest_s: float) -> float:
    """How long it takes until the trials that are ``out`` have ended: what waits behind others, then the
    last of those that run, which began at any time."""
    if out == 0 or slots <= 0:
        return 0.0
    running = min(float(out), max(1.0, slots))
    return (out - running) * mean_s / slots + longest_s * running / (running + 1)
