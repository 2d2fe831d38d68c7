"""What a budget of time comes to on the pool that there is: how fast it trains, and the plan of a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from backprop_evo import data
from backprop_evo.errors import InvalidSettings
from backprop_evo.evaluation.stages import Candidates, Stage, stage_spec, stages_of
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.methods import equation_method
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import PAPERS_POPULATION, SearchSpec
from backprop_evo.records.stored import TrainingTime
from backprop_evo.records.training import TrainSpec, rates_of
from backprop_evo.search.pace import Pace, TimedTraining, pace_of
from backprop_evo.search.pruners import pruner
from backprop_evo.search.time_plan import (
    SEARCH,
    Exploration,
    StageWish,
    TimePlan,
    open_rungs,
    plan_time,
    shares_of,
)
from backprop_evo.service.specs import steps_of
from backprop_evo.wording import MINUTE_S, duration

#: Seconds of a step of wrn-10-1 with 128 images: on one core that has nothing else to do (13 s for the 85
#: steps of a training by the preset quick, probes included, n = 1), and on a GPU, where it is not measured.
CPU_STEP_S, GPU_STEP_S = 0.15, 0.01
#: Of a GPU's step, which small models do not fill: the part that grows with the model.
GPU_FILLED = 0.02
START_S = 0.5
"""What a training takes beside its steps: the model, the data, the report."""

GUESS_IS_OFF = 4
"""A guess may be wrong by so much, so that it refuses nothing that is not further off."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A search with a budget as it is submitted, with what was open filled in by its plan; ``remarks`` are
    what whoever submits it is to know."""

    spec: SearchSpec
    plan: TimePlan
    remarks: tuple[str, ...]


TimesIn = Callable[[str], Sequence[TrainingTime]]
"""What was measured in the setting of an id."""


def planned(times_in: TimesIn, spec: SearchSpec, nodes: Sequence[NodeRecord]) -> Planned:
    """The plan of a search with a budget on ``nodes``. Raises ``InvalidSettings`` for a budget in which not
    even one rung of the pool can be trained, with the least that would do."""
    spec = with_open_rungs(spec)
    able = [each for each in nodes if each.lacks(spec.train.data, spec.labels) is None]
    slots = sum(each.slots for each in able)
    plan = plan_of(spec, max(1, slots), Paces(times_in, spec.train, able))
    _check_budget(plan)
    remarks = []
    if slots == 0:
        remarks.append("no slot lives: this is the plan for one, and a guess")
    if plan.pace.measured == 0:
        remarks.append("nothing was trained in this setting yet: the times are a guess, corrected as it runs")
    if plan.trials >= spec.trials:
        remarks.append(
            f"trials ends the search after {spec.trials}, before its time is used: leave it out to use it all"
        )
    elif spec.population_size is None:
        spec = replace(spec, population_size=min(PAPERS_POPULATION, max(2, plan.trials // 5)))
    if spec.pruner.rungs and plan.trials <= spec.pruner.min_trials:
        remarks.append(f"with {plan.trials} trials hardly any is stopped at a rung: train for fewer epochs")
    return Planned(spec, plan, tuple(remarks))


def with_open_rungs(spec: SearchSpec) -> SearchSpec:
    """With rungs that fit its trainings, where its pruner needs some and none are named. Raises
    ``InvalidSettings`` where none fit."""
    if spec.pruner.rungs or not pruner(spec.pruner.name).needs_rungs:
        return spec
    steps = steps_of(spec.train)
    rungs = open_rungs(steps, spec.pruner.reduction)
    if not rungs:
        raise InvalidSettings(
            f"a training of {steps} steps is too short for a rung",
            field="pruner.name",
            hint="choose the pruner none, or train for more epochs",
        )
    return replace(spec, pruner=replace(spec.pruner, rungs=rungs))


def shares_in(spec: SearchSpec) -> Mapping[str, float]:
    """Of its budget: what the search itself has, and each of its stages."""
    return shares_of([SEARCH, *(each.role for each in stages_of(spec))])


def search_share_s(spec: SearchSpec) -> float:
    """What the search itself has of its budget."""
    return (spec.budget or 0.0) * shares_in(spec)[SEARCH]


def plan_of(spec: SearchSpec, slots: int, paces: Paces) -> TimePlan:
    """The plan of a search with a budget on so many slots."""
    assert spec.budget is not None, "a search without a budget has no plan"
    steps = steps_of(spec.train)
    exploration = Exploration(
        trials=spec.trials,
        measures=1 + len(spec.yardsticks),
        steps=steps,
        rungs=spec.pruner.rungs,
        go_on=go_on(spec),
        pace=paces.own,
        again=spec.selection.remeasured,
    )
    later = [_wish(stage, spec, paces) for stage in stages_of(spec)]
    return plan_time(spec.budget, slots, exploration, later)


def plan_document(plan: TimePlan) -> dict[str, Any]:
    """As it goes over the wire and to programs: times in minutes, from the start."""
    return {
        "minutes": plan.budget_s / MINUTE_S,
        "slots": plan.slots,
        "stands_on": stands_on(plan.pace),
        "measured": plan.pace.measured,
        "rungs": list(plan.rungs),
        "trials": plan.trials,
        "least_minutes": plan.least_s / MINUTE_S,
        "stages": [
            {
                "stage": str(each.name),
                "best": each.size.best if each.size else None,
                "seeds": each.size.seeds if each.size else None,
                "trainings": each.trainings,
                "steps": round(each.steps, 1),
                "minutes": each.seconds / MINUTE_S,
                "ends_after_minutes": each.ends_s / MINUTE_S,
            }
            for each in plan.stages
        ],
    }


def go_on(spec: SearchSpec) -> float:
    """The share of trainings that passes a rung; of all of them where there is no pruner."""
    passing = {"none": 1.0, "median": 0.5}.get(spec.pruner.name, 1 / spec.pruner.reduction)
    return passing + (1 - passing) * spec.pruner.spared


def _wish(stage: Stage, spec: SearchSpec, paces: Paces) -> StageWish:
    asked = stage.asked(spec)
    one = Candidates(equations=(equation_method("2 * g"),), yardsticks=spec.yardsticks)
    drafted = stage_spec(stage, spec, one, best=1, seeds=1)
    trains = [each.train for each in drafted.settings]
    return StageWish(
        name=stage.role,
        best=asked.best,
        seeds=asked.seeds,
        others=len(drafted.rows) - 1,
        steps=round(fmean(steps_of(each) for each in trains)),
        training_s=fmean(paces.training_s(each, test=drafted.test) for each in trains),
        settings=len(trains),
    )


def _test_steps(train: TrainSpec, *, test: bool) -> float:
    """Reading the test split, as so many steps: a pass forward costs a third of one that learns."""
    return data.dataset_info(train.data).test_images / train.batch_size / 3 if test else 0.0


class Paces:
    """How fast the pool trains in a search's own setting, and in those of its stages."""

    def __init__(
        self,
        times_in: TimesIn,
        train: TrainSpec,
        nodes: Sequence[NodeRecord],
        times: Sequence[TrainingTime] | None = None,
    ) -> None:
        """``times`` are those of the setting ``train``; None: of the searches there were in it."""
        found = times_in(setting_id(train)) if times is None else times
        self._times_in, self._train, self._nodes = times_in, train, nodes
        here = [each for each in found if self._is_like(each.spec)]
        self.own = pace_of(timed(here), guess_of(train, nodes))

    def training_s(self, train: TrainSpec, *, test: bool) -> float:
        """Of a whole training in that setting, which reads the test split at its end or does not."""
        return self._in(train).training_s(steps_of(train) + _test_steps(train, test=test))

    def _in(self, train: TrainSpec) -> Pace:
        """As in the search but for its length; elsewhere as measured there, or by what a guess makes of the
        difference."""
        if self._is_like(train):
            return self.own
        there = pace_of(timed(self._times_in(setting_id(train))), guess_of(train, self._nodes))
        if there.measured:
            return there
        factor = self.own.step_s / guess_of(self._train, self._nodes).step_s
        return Pace(step_s=there.step_s * factor, overhead_s=there.overhead_s * factor)

    def _is_like(self, train: TrainSpec) -> bool:
        """Whether a step costs the same there."""
        own = self._train
        return (train.model, train.data, train.batch_size) == (own.model, own.data, own.batch_size)


def timed(times: Sequence[TrainingTime]) -> list[TimedTraining]:
    """Steps and seconds of what began to train."""
    return [
        TimedTraining(each.epochs_done * steps_of(replace(each.spec, epochs=1.0)), each.seconds)
        for each in times
        if each.epochs_done > 0
    ]


def guess_of(train: TrainSpec, nodes: Sequence[NodeRecord]) -> Pace:
    """Before anything was measured: by the size of the model and the kind of device."""
    on_gpu = bool(nodes) and all(not device.startswith("cpu") for each in nodes for device in each.devices)
    size = _size_of(train.model) * train.batch_size / 128
    step_s = GPU_STEP_S * max(1.0, GPU_FILLED * size) if on_gpu else CPU_STEP_S * size
    probes = max(0, len(rates_of(train.learning_rate)) - 1) * steps_of(
        replace(train, epochs=min(train.epochs, getattr(train.learning_rate, "probe_epochs", train.epochs)))
    )
    return Pace(step_s=step_s, overhead_s=START_S + probes * step_s)


def _size_of(model: str) -> float:
    """The work of a step, of wrn-10-1's."""
    name = parse_model_name(model)
    if name.kind == "wrn":
        depth, width = name.sizes
        return (depth - 4) / 6 * width**2
    return 0.5 if name.kind == "cnn" else 0.05


def stands_on(pace: Pace) -> str:
    """What an estimate is worth, in words."""
    if pace.measured == 0:
        return "a guess: nothing was trained in this setting yet"
    return f"measured on {pace.measured} {'training' if pace.measured == 1 else 'trainings'} in this setting"


def _check_budget(plan: TimePlan) -> None:
    least_s = plan.least_s if plan.pace.measured else plan.least_s / GUESS_IS_OFF
    if plan.budget_s >= least_s:
        return
    slots = "1 slot" if plan.slots == 1 else f"{plan.slots} slots"
    raise InvalidSettings(
        f"{duration(plan.budget_s)} is too short for one rung of the pool and the stages after it: {slots}, "
        f"{duration(plan.pace.training_s(plan.first_steps))} to the first rung ({stands_on(plan.pace)})",
        field="budget",
        hint=f"give it at least {duration(plan.least_s)}, train for fewer epochs, or leave stages out",
    )
