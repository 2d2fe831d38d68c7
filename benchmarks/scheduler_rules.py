"""Schedulers: who goes on after a short training, and who is best in the end. No torch.

A scheduler is a function or an object that can be called:

    def scheduler(arrivals: Sequence[int], trainer: Trainer) -> Sequence[int]

``arrivals`` are the numbers of equations in the order in which a search would propose them, parents before
their mutants. It trains by asking: ``trainer.loss(equation, relative_step, rung)`` and
``trainer.accuracy(equation, relative_step, rung)`` continue that training to the rung and are charged for
what was not done yet. ``trainer.equations[number]`` tells an equation's text, parent and whether it carries
the error, ``trainer.relative_steps`` the grid, ``RUNGS`` where there is anything to ask. It answers equations
from the best to the worst; what it leaves out counts as worse than all.

Of a training that a guard ended before the rung the loss is infinite and the accuracy 0.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from curve_table import AT_GUESSING, STEPS, Table, TabledEquation

RUNGS, LAST = STEPS, STEPS[-1]
Signal = Literal["loss", "accuracy"]


@dataclass(slots=True)
class Trainer:
    """One seed's trainings of a table, at their cost: ``steps``, and CPU ``seconds`` with set-up and
    measuring."""

    table: Table
    seed: int
    steps: int = 0
    seconds: float = 0.0
    _reached: dict[tuple[int, float], tuple[int, float]] = field(default_factory=dict)
    _measured: set[tuple[int, float, int]] = field(default_factory=set)

    @property
    def equations(self) -> Sequence[TabledEquation]:
        return self.table.equations

    @property
    def relative_steps(self) -> tuple[float, ...]:
        return self.table.relative_steps

    def loss(self, equation: int, relative_step: float, rung: int) -> float:
        """The mean training loss since the rung before in ``RUNGS``; infinite where it ended earlier."""
        training = self.table.trainings[equation, self.seed, relative_step]
        value, place = training.at(rung), (equation, relative_step)
        steps, seconds = (training.steps, training.trained_s) if value is None else (rung, value.trained_s)
        done_steps, done_seconds = self._reached.get(place, (0, -training.set_up_s))
        if steps > done_steps or place not in self._reached:
            self.steps += steps - done_steps
            self.seconds += seconds - done_seconds
            self._reached[place] = (steps, seconds)
        return math.inf if value is None else value.train_loss

    def accuracy(self, equation: int, relative_step: float, rung: int) -> float:
        """On validation images, which are paid for once; 0 where the training ended earlier."""
        self.loss(equation, relative_step, rung)
        value = self.table.trainings[equation, self.seed, relative_step].at(rung)
        if value is None:
            return 0.0
        if (equation, relative_step, rung) not in self._measured:
            self._measured.add((equation, relative_step, rung))
            self.seconds += value.measured_s
        return value.accuracy

    def go_on_guessing(self, equation: int, relative_step: float) -> None:
        """Charges what a training that was ended for standing at guessing would have cost to the last rung,
        at its own seconds a step. Others end as they end."""
        training = self.table.trainings[equation, self.seed, relative_step]
        self.loss(equation, relative_step, LAST)
        if training.reason and training.reason.startswith(AT_GUESSING):
            self.steps += LAST - training.steps
            self.seconds += training.trained_s * (LAST / training.steps - 1)

    def merit(self, equation: int, relative_step: float, rung: int, signal: Signal) -> float:
        """The more the better; −inf for a training that ended early."""
        if signal == "loss":
            return -self.loss(equation, relative_step, rung)
        return self.accuracy(equation, relative_step, rung) or -math.inf


#: The middle of the table's grid.
ONE_STEP = (0.01,)
#: At one relative step: rungs, reduction, signal, and how many are measured at a rung before any ends there.
ONE_STEP_LADDERS: tuple[tuple[tuple[int, ...], int, Signal, int], ...] = (
    ((5, 10), 3, "accuracy", 10),
    ((5, 10), 4, "accuracy", 24),
    ((5, 10, 40), 2, "loss", 24),
    ((5, 10, 20, 40), 2, "loss", 16),
    ((5, 20, 80), 2, "loss", 5),
)

Scheduler = Callable[[Sequence[int], Trainer], Sequence[int]]


def full(arrivals: Sequence[int], trainer: Trainer) -> Sequence[int]:
    """Every equation at every relative step to the end, judged by its best accuracy: the reference."""
    return _from_the_best(
        {
            equation: (max(trainer.accuracy(equation, step, LAST) for step in trainer.relative_steps),)
            for equation in arrivals
        }
    )


def full_guessing_too(arrivals: Sequence[int], trainer: Trainer) -> Sequence[int]:
    """The same where nobody ends a training that stands at guessing."""
    for equation in arrivals:
        for step in trainer.relative_steps:
            trainer.go_on_guessing(equation, step)
    return full(arrivals, trainer)


@dataclass(frozen=True)
class RateFirst:
    """Every relative step to ``rung``; the one with the lowest loss there goes to the end."""

    rung: int

    def __call__(self, arrivals: Sequence[int], trainer: Trainer) -> Sequence[int]:
        return _from_the_best(
            {
                equation: (trainer.accuracy(equation, _best_step(trainer, equation, self.rung), LAST),)
                for equation in arrivals
            }
        )


@dataclass(frozen=True)
class MedianRule:
    """The rate as by ``RateFirst`` at the first rung; who is behind the median of all at a rung ends."""

    rungs: tuple[int, ...]
    signal: Signal = "loss"
    min_trials: int = 5

    def __call__(self, arrivals: Sequence[int], trainer: Trainer) -> Sequence[int]:
        measured: dict[int, list[float]] = defaultdict(list)
        merits: dict[int, tuple[float, ...]] = {}
        for equation in arrivals:
            step = _best_step(trainer, equation, self.rungs[0])
            merits[equation] = (-1.0, 0.0)
            for number, rung in enumerate(self.rungs):
                merit, peers = trainer.merit(equation, step, rung, self.signal), measured[rung]
                merits[equation] = (number, merit)
                behind = len(peers) >= self.min_trials and merit < median(peers)
                if merit == -math.inf or behind:
                    break
                peers.append(merit)
            else:
                merits[equation] = (len(self.rungs), trainer.accuracy(equation, step, LAST))
        return _from_the_best(merits)


@dataclass(frozen=True)
class Halving:
    """Asynchronous successive halving in the stopping form (Li et al. 2018): at each rung the best
    1/``reduction`` of all that were measured there so far go on, at the end accuracy decides.

    ``together``: a training is judged against all, of other equations and of its own at other rates; else the
    relative step with the lowest loss at the first rung is chosen and alone judged. ``inherited``: a mutant
    whose parent was trained tries the parent's best relative step and so many neighbours on either side;
    None: the whole grid. ``grid``: the only relative steps that are tried, None for all of them.
    ``screened``: equations that do not carry the error are not trained. A tuple for ``reduction`` or
    ``signal`` has one for each rung.
    """

    rungs: tuple[int, ...]
    reduction: float | tuple[float, ...]
    signal: Signal | tuple[Signal, ...] = "loss"
    together: bool = True
    inherited: int | None = None
    screened: bool = False
    min_trials: int = 5
    grid: tuple[float, ...] | None = None

    def __call__(self, arrivals: Sequence[int], trainer: Trainer) -> Sequence[int]:
        measured: dict[int, list[float]] = defaultdict(list)
        merits: dict[int, tuple[float, ...]] = {}
        best_steps: dict[int, float] = {}
        for equation in arrivals:
            if self.screened and not trainer.equations[equation].carries_error:
                continue
            steps = self._steps(equation, trainer, best_steps)
            if not self.together:
                steps = [min(steps, key=lambda step: trainer.loss(equation, step, self.rungs[0]))]
            ends = [(*self._climb(equation, step, trainer, measured), step) for step in steps]
            passed, merit, best_steps[equation] = max(ends)
            merits[equation] = (passed, merit)
        return _from_the_best(merits)

    def _steps(self, equation: int, trainer: Trainer, best_steps: Mapping[int, float]) -> list[float]:
        grid, parent = self.grid or trainer.relative_steps, trainer.equations[equation].parent
        if self.inherited is None or parent not in best_steps:
            return list(grid)
        place = grid.index(best_steps[parent])
        return list(grid[max(0, place - self.inherited) : place + self.inherited + 1])

    def _climb(
        self, equation: int, step: float, trainer: Trainer, measured: dict[int, list[float]]
    ) -> tuple[int, float]:
        """How many rungs were passed, and the merit where it ended."""
        for number, rung in enumerate(self.rungs):
            signal = self.signal if isinstance(self.signal, str) else self.signal[number]
            reduction = self.reduction[number] if isinstance(self.reduction, tuple) else self.reduction
            merit = trainer.merit(equation, step, rung, signal)
            if merit == -math.inf or not self._goes_on(merit, measured[rung], reduction):
                return number, merit
        return len(self.rungs), trainer.accuracy(equation, step, LAST)

    def _goes_on(self, merit: float, ascending: list[float], reduction: float) -> bool:
        """As one of the best ⌊n / reduction⌋, itself counted, at least one; ties do."""
        peers = len(ascending)
        better = peers - bisect_right(ascending, merit)
        insort(ascending, merit)
        return peers < self.min_trials or better < max(1, int((peers + 1) / reduction))


@dataclass(frozen=True)
class HalvingAtOnce:
    """Successive halving of all together, which has to wait for all at each rung: what the asynchronous form
    could reach at best with the same rungs."""

    rungs: tuple[int, ...]
    reduction: float
    signal: Signal = "loss"

    def __call__(self, arrivals: Sequence[int], trainer: Trainer) -> Sequence[int]:
        going = [(equation, step) for equation in arrivals for step in trainer.relative_steps]
        merits: dict[int, tuple[float, ...]] = {}
        for number, rung in enumerate(self.rungs):
            of = {pair: trainer.merit(*pair, rung, self.signal) for pair in going}
            for (equation, _), merit in of.items():
                merits[equation] = max(merits.get(equation, (-1, 0.0)), (number, merit))
            ascending = sorted(merit for merit in of.values() if merit > -math.inf)
            if not ascending:
                return _from_the_best(merits)
            least = ascending[-max(1, int(len(ascending) / self.reduction))]
            going = [pair for pair, merit in of.items() if merit >= least]
        for equation, step in going:
            end = (len(self.rungs), trainer.accuracy(equation, step, LAST))
            merits[equation] = max(merits[equation], end)
        return _from_the_best(merits)


def _best_step(trainer: Trainer, equation: int, rung: int) -> float:
    return min(trainer.relative_steps, key=lambda step: trainer.loss(equation, step, rung))


def _from_the_best(merits: Mapping[int, tuple[float, ...]]) -> list[int]:
    return sorted(merits, key=lambda equation: merits[equation], reverse=True)


def tabled() -> dict[str, Scheduler]:
    """What the documentation shows."""
    found: dict[str, Scheduler] = {
        "full training at the full grid": full,
        "the same, to the end where it stands at guessing": full_guessing_too,
        "rate by loss at 20, then full training": RateFirst(20),
        "rate by loss at 40, then full training": RateFirst(40),
        "median rule at 20, 80": MedianRule((20, 80)),
        "median rule at 10, 20, 40, 80, 160": MedianRule((10, 20, 40, 80, 160)),
    }
    for rungs in ((20,), (10, 40), (20, 80), (5, 20, 80), (10, 40, 160)):
        for reduction in (2, 4, 8):
            found[f"halving η = {reduction} at {_listed(rungs)}"] = Halving(rungs, reduction)
    base = "halving η = 4 at 10, 40"
    # A trial of a search chooses its rate before it is compared.
    for rungs, reduction in (((20, 80), 2), ((40, 160), 2), ((10, 40), 2), ((20, 80), 4)):
        cascade = Halving(rungs, reduction, together=False, screened=True, inherited=1)
        found[f"a search's cascade: η = {reduction} at {_listed(rungs)}, rate first"] = cascade
    # With one relative step for all there is none to choose.
    found["full training at one step"] = Halving((), 2, grid=ONE_STEP)
    for rungs, reduction, signal, min_trials in ONE_STEP_LADDERS:
        name = f"one step: η = {reduction} at {_listed(rungs)} by {signal}, from {min_trials} on"
        found[name] = Halving(rungs, reduction, signal, screened=True, min_trials=min_trials, grid=ONE_STEP)
    return found | {
        f"{base}, by accuracy": Halving((10, 40), 4, "accuracy"),
        f"{base}, rate first": Halving((10, 40), 4, together=False),
        f"{base}, all at once": HalvingAtOnce((10, 40), 4),
        f"{base}, screened": Halving((10, 40), 4, screened=True),
        f"{base}, screened, inherited ± 1": Halving((10, 40), 4, screened=True, inherited=1),
        f"{base}, screened, inherited alone": Halving((10, 40), 4, screened=True, inherited=0),
        "best third by accuracy at 5": Halving((5,), 3, "accuracy"),
        "the same, best half by loss at 80": Halving((5, 80), (3, 2), ("accuracy", "loss")),
        "the same, also at 160": Halving((5, 80, 160), (3, 2, 2), ("accuracy", "loss", "loss")),
    }


def sweep() -> dict[str, Scheduler]:
    """Many settings of asynchronous halving, to look for good ones."""
    ladders = (
        (5,), (10,), (20,), (40,), (5, 20), (5, 40), (10, 40), (10, 80), (20, 80), (40, 160), (5, 20, 80),
        (10, 40, 160), (20, 40, 80, 160), (5, 10, 20, 40, 80, 160),
    )  # fmt: skip
    signals: tuple[Signal, ...] = ("loss", "accuracy")
    return {"full training at the full grid": full} | {
        f"η = {reduction} at {_listed(rungs)}, {signal}{', screened, inherited ± 1' * more}": Halving(
            rungs, reduction, signal, screened=more, inherited=1 if more else None
        )
        for rungs in ladders
        for reduction in (2, 3, 4, 6, 8, 12, 16)
        for signal in signals
        for more in (False, True)
    }


def _listed(rungs: Sequence[int]) -> str:
    return ", ".join(map(str, rungs))
