"""Which discovery is asked for, and how large it is: the document that ``backprop-evo discover`` submits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from backprop_evo import data
from backprop_evo.records.funnel import TransferSetting
from backprop_evo.records.training import FAIR_STEPS, TrainSpec
from backprop_evo.wording import read_time, time_text

BATCH = 32
"""A step of WRN-10-1 costs 37 ms on one quiet core, where one of 64 images costs 75 ms: more steps for the
same time, and the difference between equations is in the steps."""

SHARE = 0.48
"""Of the time for each of the two searches, the one and its random counterpart; what is left is for starting,
for the last trainings of each, and for the report."""


REDUCTION = 2.0
"""With rungs at a sixteenth and a quarter of a training it finds the best equation of the table of curves,
and half of the ten best, for a quarter of full training's time; with 4 it misses nearly all of them
(``docs/measurements.md``, schedulers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSize:
    """``best`` equations with ``seeds`` seeds for ``steps`` steps each."""

    best: int
    seeds: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Everything about a discovery but its seed and its start. ``steps`` is the horizon of the search itself,
    ``probe_steps`` that of each rate's probe; stages without a size are left out. What is wished for more
    than fits is made smaller by the time that is left."""

    name: str
    budget: str
    data: str
    steps: int
    probe_steps: int
    rungs: tuple[int, ...]
    start_random: int
    confirmation: StageSize
    finalists: StageSize | None = None
    transfer: StageSize | None = None
    settings: tuple[TransferSetting, ...] = ("other-model", "longer")
    model: str = "wrn-10-1"


WHOLE = Size(
    name="discovery",
    budget="2h30m",
    data="cifar10",
    steps=240,
    probe_steps=15,
    rungs=(15, 60),
    start_random=100,
    finalists=StageSize(best=8, seeds=3, steps=480),
    confirmation=StageSize(best=3, seeds=10, steps=900),
    transfer=StageSize(best=1, seeds=5, steps=450),
)
"""The first rung is where the probes of the rates end, so that choosing a rate and being compared cost the
same steps. The longer of the transfers trains for four times its steps: by that one knows how far plain
backprop is at the horizon of the confirmation."""

QUICK = Size(
    name="discovery, quick",
    budget="13m",
    data="cifar10-mini",
    steps=64,
    probe_steps=8,
    rungs=(8, 24),
    start_random=24,
    confirmation=StageSize(best=1, seeds=5, steps=160),
)
"""On the images that come with the package: reading the 10,000 of the whole test split costs as much as a
hundred steps. Neither finalists nor transfers, whose stages would have seconds each."""


def sized(size: Size, *, model: str | None, steps: int | None) -> Size:
    """The same with another child, and so many ``steps`` in the confirmation, all other lengths in
    proportion."""
    factor = 1.0 if steps is None else steps / size.confirmation.steps

    def scaled(number: int) -> int:
        return max(1, round(number * factor))

    def stage(given: StageSize | None) -> StageSize | None:
        return None if given is None else replace(given, steps=scaled(given.steps))

    return replace(
        size,
        model=model or size.model,
        steps=scaled(size.steps),
        probe_steps=scaled(size.probe_steps),
        rungs=tuple(scaled(rung) for rung in size.rungs),
        finalists=stage(size.finalists),
        confirmation=replace(size.confirmation, steps=scaled(size.confirmation.steps)),
        transfer=stage(size.transfer),
    )


SUBSET = "cifar10-mini"
"""What is trained on where the data set cannot be had."""


def document_of(
    size: Size, *, dataset: str, seed: int, budget_s: float, start: tuple[str, ...]
) -> dict[str, Any]:
    """The search of a discovery that has ``budget_s`` seconds in all."""
    train = TrainSpec(model=size.model, data=dataset, batch_size=BATCH)

    def epochs(steps: int) -> float:
        info = data.dataset_info(dataset)
        # Down to a hundredth of a step, so that it is exactly so many.
        return round(steps / train.steps_per_epoch(info.train_images - info.validation_images), 7)

    return {
        "name": size.name,
        "seed": seed,
        "budget": SHARE * budget_s,
        "start": list(start),
        "start_random": size.start_random,
        "screening": True,
        "rates": "inherited",
        "pruner": {"name": "asha", "rungs": list(size.rungs), "reduction": REDUCTION},
        "train": {
            "model": size.model,
            "data": dataset,
            "batch_size": BATCH,
            "epochs": epochs(size.steps),
            "learning_rate": {
                "relative_steps": list(FAIR_STEPS),
                "probe_epochs": epochs(size.probe_steps),
                "extra_probes": 1,
            },
            "reestimate_batches": 16,
        },
        "finalists": _stage(size.finalists, epochs),
        "confirmation": _stage(size.confirmation, epochs),
        "transfer": {**_stage(size.transfer, epochs), "settings": list(size.settings)},
    }


def _stage(stage: StageSize | None, epochs: Any) -> Mapping[str, Any]:
    if stage is None:
        return {"best": 0}
    return {"best": stage.best, "seeds": stage.seeds, "epochs": epochs(stage.steps)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for; None where nothing was said, so that any discovery that was begun fits."""

    quick: bool
    seed: int | None
    budget_s: float | None
    start: tuple[str, ...] | None
    model: str | None = None
    steps: int | None = None

    @property
    def size(self) -> Size:
        """What a new one has."""
        return sized(QUICK if self.quick else WHOLE, model=self.model, steps=self.steps)

    def document(self, dataset: str) -> dict[str, Any]:
        """Of a new one."""
        return document_of(
            self.size,
            dataset=dataset,
            seed=self.seed or 0,
            budget_s=self.budget_s or read_time(self.size.budget),
            start=self.start or (),
        )

    @property
    def filled_in(self) -> Wish:
        """With what a new one has where nothing was said."""
        size = self.size
        return replace(
            self,
            seed=self.seed or 0,
            budget_s=self.budget_s or read_time(size.budget),
            start=self.start or (),
            model=size.model,
            steps=size.confirmation.steps,
        )

    def is_of(self, search: Mapping[str, Any]) -> bool:
        """Whether ``search`` is such a discovery."""
        return search["spec"]["name"] == self.size.name and not self.contradictions(search)

    def contradictions(self, search: Mapping[str, Any]) -> list[str]:
        """Where a discovery that was begun is another than the one that is asked for, in words."""
        spec = search["spec"]
        known = self.document(spec["train"]["data"])
        told = []
        if self.quick and spec["name"] != QUICK.name:
            told.append("it is no quick one")
        if self.seed is not None and spec["seed"] != self.seed:
            told.append(f"its seed is {spec['seed']}")
        if self.budget_s is not None and spec["budget"] != known["budget"]:
            told.append(f"its budget is another, {time_text(spec['budget'])} for each of its two searches")
        if self.start is not None and tuple(spec["start"]) != self.start:
            told.append(f"it starts from {', '.join(spec['start']) or 'random equations alone'}")
        if self.model is not None and spec["train"]["model"] != self.model:
            told.append(f"it trains {spec['train']['model']}")
        if self.steps is not None and spec["confirmation"]["epochs"] != known["confirmation"]["epochs"]:
            told.append(f"it confirms after {spec['confirmation']['epochs']:g} epochs")
        return told
