"""Training curves of hundreds of equations: the table on which schedulers are studied.

    python benchmarks/equation_curves.py --results curves.jsonl --data-dir DIR [--seeds 2] [--processes 2]
    python benchmarks/equation_curves.py --results curves.jsonl --pack benchmarks/data/equation_curves.json.xz

Known equations, their mutants by one and by two mutations and random ones, drawn as a search draws them; each
at three relative steps with two seeds: WRN-10-1 on CIFAR-10, batches of 16, constant rate, mirror and crop,
weight decay 5e-4. At the rungs 5, 10, 20, 40, 80, 160 and 320 steps: mean training loss since the rung
before, accuracy on 1,000 images of validation's part "fitness" with BatchNorm's statistics estimated anew on
16 training batches, and CPU seconds of training and of measuring. Then the best and some drawn by lot are
carried on ten times longer, at their best relative step: what an early signal prefers is what is fast at
first, and only those that nothing chose show by how much. A training that diverges, sends no signal, or is no
better than guessing after 80 steps ends there.

WRN-10-1 because it is what searches train by default, with the BatchNorm that equations have to live with; in
batches of 16 because then 320 steps cost about 6 s of one core, measuring 2.5 s more, and the whole table
three to four hours. The cnn in batches of 32 costs half and learns next to nothing in as many steps.

Every finished training is one line of the results file; a second call continues where the first one ended.
The first seed of all equations comes first, in shuffled order, so that a part of the table is a fair sample.
Needs ``backprop-evo data fetch cifar10``. ``schedulers.py`` reads what ``--pack`` writes.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
from curve_table import AT_GUESSING, STEPS, Row, best_by_accuracy, pack

from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import IntermediateValue, RelativeStepGrid, TrainSpec
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.training.run.calibration import Runs
from backprop_evo.training.run.capability import choose, environment
from backprop_evo.training.run.guards import STUCK_SHARE, EndedEarly, Limits
from backprop_evo.training.run.images import Images, Purpose, load_images
from backprop_evo.training.run.loop import Run
from backprop_evo.training.run.material import Material
from backprop_evo.training.run.rungs import Rungs
from dsl import KNOWN, OPERANDS, canonical, live_operands, parse

#: Steps of those that are carried on, beyond the rungs of all.
FURTHER_STEPS = (640, 1280, 2560, 3200)
#: A third of a search's default ones, for batches this small: known equations are level from .003 to .03,
#: and bad at .1.
RELATIVE_STEPS = (0.003, 0.01, 0.03)
#: How many of each origin; the known ones are all there are.
MUTANTS, TWICE_MUTANTS, RANDOM = 95, 90, 110
#: Carried on: so many of the best, and that share of all that trained, by lot.
BEST, BY_LOT = 10, 0.05
#: A training that is no better than guessing at this rung or a later one ends there.
STUCK_FROM = 80
CLASSES = 10
IMAGES_TO_LEARN, BATCH = 45_000, 16
SPEC = TrainSpec(
    model="wrn-10-1",
    data="cifar10",
    # One step more than is ever trained: the last step of a training is no rung.
    epochs=(FURTHER_STEPS[-1] + 1) / (IMAGES_TO_LEARN // BATCH),
    batch_size=BATCH,
    learning_rate=RelativeStepGrid(relative_steps=RELATIVE_STEPS),
    schedule="constant",
    validation_images=1000,
)


# Which equations -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """An equation of the table. ``parent`` is another one's text; only mutants have one."""

    text: str
    origin: str
    parent: str | None = None


def draw_equations(mutants: int = MUTANTS, twice: int = TWICE_MUTANTS, random: int = RANDOM) -> list[Drawn]:
    """Known ones first, no two with the same fingerprint (a search trains no twins); the same at every
    call."""
    language, generator = SearchLanguage(SearchSpec(name="curves", train=SPEC)), Random(0)
    drawn: list[Drawn] = []
    seen: set[str] = set()

    def add(text: str, fingerprint: str, origin: str, parent: str | None = None) -> None:
        if fingerprint not in seen:
            seen.add(fingerprint)
            drawn.append(Drawn(text, origin, parent))

    def add_mutants(origin: str, parents: Sequence[Drawn], until: int) -> None:
        while len(drawn) < until:
            parent = generator.choice(parents)
            candidate, _ = language.vary(parent.text, generator, _no_partner)
            add(candidate.method.equation, candidate.fingerprint, origin, parent.text)

    for known in KNOWN.values():
        add(known.text, language.read(known.text).fingerprint, "known")
    known_ones = tuple(drawn)
    add_mutants("mutant", known_ones, len(drawn) + mutants)
    add_mutants("twice mutated", drawn[len(known_ones) :], len(drawn) + twice)
    until = len(drawn) + random
    while len(drawn) < until:
        candidate = language.draw(generator)
        add(candidate.method.equation, candidate.fingerprint, "random")
    return drawn


def _no_partner() -> str:
    raise AssertionError("only a crossover has a partner, and by default none is drawn")


def carries_error(text: str) -> bool:
    """Whether anything that is computed comes from the loss."""
    return any(_comes_from_the_loss(operand.name) for operand in live_operands(canonical(parse(text))))


def _comes_from_the_loss(operand: str) -> bool:
    product = OPERANDS[operand].product
    if product is None:
        return operand in ("b_next", "b_top")
    return _comes_from_the_loss(product.left) or _comes_from_the_loss(product.right)


# One training ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One training up to the last of ``rungs``."""

    equation: Drawn
    seed: int
    relative_step: float
    rungs: tuple[int, ...] = STEPS

    @property
    def key(self) -> tuple[str, int, float, int]:
        return self.equation.text, self.seed, self.relative_step, self.rungs[-1]


def key_of(row: Row) -> tuple[str, int, float, int]:
    return row["equation"], row["seed"], row["relative_step"], row["until"]


class TimedRun(Run):
    """Tells the CPU seconds of measuring from those of training."""

    measuring_s = 0.0

    def measure(self, purpose: Purpose) -> float | None:
        began = time.process_time()
        try:
            return super().measure(purpose)
        finally:
            self.measuring_s += time.process_time() - began


@dataclass
class Curve:
    """Collects what a run reports at its rungs; the end of an epoch between two rungs is none."""

    values: list[list[float]] = field(default_factory=list)
    began: float = 0.0
    run: TimedRun | None = None
    _losses: float = 0.0
    _since: int = 0
    _rung: int = 0

    def judge(self, value: IntermediateValue) -> str | None:
        """Why the training is to end there: it stands at guessing."""
        self._losses += value.train_loss * (value.step - self._since)
        self._since = value.step
        if value.rung is None:
            return None
        loss, self._losses = self._losses / (value.step - self._rung), 0.0
        self._rung = value.step
        self.values.append([value.step, loss, value.validation_accuracy, *self.seconds()])
        stuck = loss >= STUCK_SHARE * math.log(CLASSES) and value.validation_accuracy <= 1.1 / CLASSES
        return f"{AT_GUESSING} after {value.step} steps" if stuck and value.step >= STUCK_FROM else None

    def seconds(self) -> tuple[float, float]:
        """CPU seconds of training and of measuring so far."""
        assert self.run is not None
        measuring = self.run.measuring_s
        return round(time.process_time() - self.began - measuring, 3), round(measuring, 3)


def train(task: Task, images: Images) -> dict[str, Any]:
    """One row of the results."""
    curve = Curve()
    material = Material(
        equation_method(task.equation.text),
        SPEC,
        choose("cpu", precision="float32", images=True),
        images,
        Limits("cpu"),
        Rungs(task.rungs, curve.judge),
    )
    row: dict[str, Any] = {
        "equation": task.equation.text,
        "origin": task.equation.origin,
        "parent": task.equation.parent,
        "carries_error": carries_error(task.equation.text),
        "seed": task.seed,
        "relative_step": task.relative_step,
        "until": task.rungs[-1],
        "learning_rate": None,
        "outcome": "completed",
        "reason": None,
        "values": curve.values,
    }
    began = time.process_time()
    try:
        row["learning_rate"] = task.relative_step * Runs(material, task.seed).rate_of_unit_step()
        curve.run = TimedRun(
            material, row["learning_rate"], "constant", task.seed, relative_step=task.relative_step
        )
        row["set_up_s"] = round(time.process_time() - began, 3)
        curve.began = time.process_time()
        curve.run.advance(task.rungs[-1], None, "train")
    except EndedEarly as end:
        row |= {"outcome": end.outcome.value, "reason": end.reason}
    row.setdefault("set_up_s", round(time.process_time() - began, 3))
    trained = curve.run is not None
    row |= {"steps": curve.run.step if trained else 0, "seconds": curve.seconds() if trained else (0.0, 0.0)}
    return row


# Many of them ----------------------------------------------------------------------------------------------

_images: Images | None = None


def _begin(data_dir: Path | None) -> None:
    global _images
    torch.set_num_threads(1)
    _images = load_images(SPEC, choose("cpu", precision="float32", images=True), data_dir)
    # The first training of a process pays for what torch makes once.
    train(Task(Drawn("g", "known"), 0, 0.01, STEPS[:2]), _images)


def _train(task: Task) -> dict[str, Any]:
    assert _images is not None
    return train(task, _images)


def read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def grid(equations: Sequence[Drawn], seeds: Sequence[int]) -> list[Task]:
    """Seed by seed, in an order of equations that is drawn once."""
    shuffled = Random(1).sample(equations, len(equations))
    return [Task(equation, seed, step) for seed in seeds for equation in shuffled for step in RELATIVE_STEPS]


def carried_on(equations: Sequence[Drawn], rows: Sequence[Row]) -> list[Task]:
    """The best and those drawn by lot, at the relative step at which they were best, with the first seed."""
    best = best_by_accuracy(rows)
    ranked = sorted(best, key=lambda text: best[text].accuracy, reverse=True)
    # Drawn among all that trained, the best included: the lot must not depend on how they did.
    lots = Random(2).sample(sorted(best), round(BY_LOT * len(best)))
    by_text = {equation.text: equation for equation in equations}
    return [
        Task(by_text[text], 0, best[text].relative_step, (*STEPS, *FURTHER_STEPS))
        for text in dict.fromkeys((*ranked[:BEST], *lots))
    ]


def carry_out(tasks: Iterable[Task], results: Path, pool: Any) -> None:
    done = {key_of(row) for row in read(results)}
    left = [task for task in tasks if task.key not in done]
    for number, row in enumerate(pool.imap_unordered(_train, left), start=1):
        with results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        last = f"{row['values'][-1][2]:.3f}" if row["values"] else "-"
        print(
            f"{number}/{len(left)} {row['equation']} seed {row['seed']} step {row['relative_step']:g}: "
            f"{row['outcome']} after {row['steps']}, {last} ({sum(row['seconds']):.1f} s)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("equation_curves.jsonl"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--pack",
        type=Path,
        help="only write what is there as one compressed file, on the machine that trained",
    )
    given = parser.parse_args()
    if given.pack:
        header = {
            "command": f"python benchmarks/equation_curves.py --data-dir DIR --seeds {given.seeds}",
            "made": time.strftime("%Y-%m-%d", time.gmtime(given.results.stat().st_mtime)),
            "environment": environment("cpu"),
            "model": SPEC.model,
            "data": SPEC.data,
            "batch_size": SPEC.batch_size,
            "validation_images": SPEC.validation_images,
            "reestimate_batches": SPEC.reestimate_batches,
            "weight_decay": SPEC.weight_decay,
            "seeds": tuple(range(given.seeds)),
            "relative_steps": RELATIVE_STEPS,
            "further_rungs": FURTHER_STEPS,
            "equations_drawn": len(draw_equations()),
        }
        print(pack(read(given.results), header, given.pack))
        return
    equations = draw_equations()
    with multiprocessing.get_context("spawn").Pool(given.processes, _begin, (given.data_dir,)) as pool:
        carry_out(grid(equations, range(given.seeds)), given.results, pool)
        carry_out(carried_on(equations, read(given.results)), given.results, pool)


if __name__ == "__main__":
    main()
