"""Which measure of a short training has the least noise, and which relative step an equation wants.

    python benchmarks/fitness_study.py --results fitness.jsonl --data-dir DIR [--seeds 3] [--processes 2]
    python benchmarks/fitness_study.py --results fitness.jsonl --tables
    python benchmarks/fitness_study.py --results classifier.jsonl --change classifier_rate=0.4 --equations g …

Every known equation and some mutants, each seed, each relative step: WRN-10-1 on 5,120 images of CIFAR-10,
160 steps of 64 (two epochs), constant rate, mirror and crop, weight decay 5e-4. Of each training: validation
accuracy on 1,000 and 5,000 images and loss on 5,000, with BatchNorm's statistics as training left them and
estimated anew on 16 training batches; the late training loss; accuracy and late loss after 40 steps. Where an
equation's best step stands at an edge of the grid, the next one outward follows, at most ``--extra`` times.
``--change`` trains by another spec, for a study of one field's effect; a file holds one spec's results.

Every finished training is one line of the results file; a second call continues where the first one ended.
Needs ``backprop-evo data fetch cifar10``. About 12 seconds a training on one core.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from fitness_tables import best_step, by_equation, tables
from pydantic_core import to_jsonable_python

import dsl
from backprop_evo.data import load, split_train_validation
from backprop_evo.records.methods import equation_method
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.service.spec_fields import train_fields
from backprop_evo.service.specs import parse_train_spec
from backprop_evo.training.run.calibration import Runs
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.evaluation import EVALUATION_BATCH, reestimated
from backprop_evo.training.run.guards import EndedEarly, Limits
from backprop_evo.training.run.images import Images
from backprop_evo.training.run.loop import Run
from backprop_evo.training.run.material import Material
from backprop_evo.training.run.resident import Resident, evenly, make_resident
from backprop_evo.training.run.rungs import Rungs
from dsl.known import KNOWN
from dsl.variation import mutate

STEPS, EARLY_STEPS, REESTIMATE_BATCHES, FEW = 160, 40, 16, 1000
RELATIVE_STEPS = (0.01, 0.03, 0.1)
SPEC = TrainSpec(
    model="wrn-10-1",
    data="cifar10",
    epochs=2,
    batch_size=64,
    train_images=64 * STEPS // 2,
    learning_rate=RelativeStepGrid(relative_steps=RELATIVE_STEPS),
    schedule="constant",
    reestimate_batches=0,
)


@dataclass(frozen=True)
class Job:
    """One training."""

    equation: str
    seed: int
    relative_step: float


@dataclass(frozen=True)
class Study:
    """How all are trained, training split, 5,000 validation images, and which of them are the 1,000."""

    spec: TrainSpec
    train: Resident
    validation: Resident
    few_places: torch.Tensor
    classes: int


def mutants(count: int) -> list[str]:
    """One mutation from a known equation each, drawn with a fixed seed."""
    random, texts = Random(0), []
    while len(texts) < count:
        parent = random.choice(list(KNOWN.values())).equation
        text = dsl.to_text(mutate(parent, random))
        if text not in texts:
            texts.append(text)
    return texts


def read_study(spec: TrainSpec, data_dir: Path | None) -> Study:
    dataset = load(SPEC.data, data_dir)
    train_split, validation_split = split_train_validation(dataset)
    cpu = torch.device("cpu")
    train = make_resident(train_split, cpu, cap=SPEC.train_images, channels_last=True)
    many = make_resident(validation_split, cpu, cap=5000, mean_CHW=train.mean_CHW, channels_last=True)
    places = torch.from_numpy(evenly(many.labels_N.numpy(), FEW))
    return Study(spec, train, many, places, dataset.classes)


def train(job: Job, study: Study) -> dict[str, Any]:
    """One row of the results."""
    started = time.perf_counter()
    material = Material(
        equation_method(job.equation),
        study.spec,
        choose("cpu", precision="float32", images=True),
        Images(study.train, {}, study.classes),
        Limits("cpu"),
        Rungs(),
    )
    row: dict[str, Any] = {
        "equation": job.equation,
        "seed": job.seed,
        "relative_step": job.relative_step,
        "outcome": "completed",
        "learning_rate": None,
    }
    try:
        row["learning_rate"] = job.relative_step * Runs(material, job.seed).rate_of_unit_step()
        run = Run(material, row["learning_rate"], "constant", job.seed, relative_step=job.relative_step)
        row |= _measured(run, study)
    except EndedEarly as end:
        row |= {"outcome": end.outcome.value, "reason": end.reason}
    return row | {"seconds": round(time.perf_counter() - started, 2)}


def _measured(run: Run, study: Study) -> dict[str, Any]:
    run.advance(EARLY_STEPS, None, "probe")
    # The first 1,000 alone, as it was measured when a rate was chosen by accuracy.
    early = {"early_accuracy": _evaluate(run, study)[0], "early_loss": run.late_train_loss}
    run.advance(STEPS, None, "train")
    plain = _evaluate(run, study)
    with reestimated(run.child, study.train, batches=REESTIMATE_BATCHES, batch_size=SPEC.batch_size):
        quiet = _evaluate(run, study)
    return {
        **early,
        "accuracy_1000": plain[0],
        "accuracy_5000": plain[1],
        "validation_loss": plain[2],
        "reestimated_1000": quiet[0],
        "reestimated_5000": quiet[1],
        "reestimated_loss": quiet[2],
        "late_train_loss": run.late_train_loss,
    }


def _evaluate(run: Run, study: Study) -> tuple[float, float, float]:
    """Accuracy on the 1,000 and on all, and loss on all validation images."""
    run.child.model.eval()
    right, losses = [], []
    with torch.no_grad():
        for x_BCHW, labels_B in study.validation.in_order(EVALUATION_BATCH):
            logits_BK = run.child.logits(x_BCHW)
            right.append(logits_BK.argmax(1) == labels_B)
            losses.append(F.cross_entropy(logits_BK, labels_B, reduction="none"))
    run.child.model.train()
    right_N = torch.cat(right).double()
    return (
        right_N[study.few_places].mean().item(),
        right_N.mean().item(),
        torch.cat(losses).double().mean().item(),
    )


# Many of them -----------------------------------------------------------------------------------------------

_study: Study | None = None


def _begin(spec: TrainSpec, data_dir: Path | None) -> None:
    global _study
    torch.set_num_threads(1)
    _study = read_study(spec, data_dir)


def _train(job: Job) -> dict[str, Any]:
    assert _study is not None
    return train(job, _study)


def changed_spec(changes: Sequence[str]) -> TrainSpec:
    """``SPEC`` with fields written as ``name=value``. Raises InvalidSettings."""
    document = to_jsonable_python(SPEC)
    for name, _, text in (change.partition("=") for change in changes):
        row = next(row for row in train_fields() if row.name == name)
        document[row.path[-1]] = row.read(text)
    return parse_train_spec(document)


def read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def grid(equations: Sequence[str], seeds: int, steps: Sequence[float]) -> Iterator[Job]:
    for seed in range(seeds):
        for step in steps:
            yield from (Job(equation, seed, step) for equation in equations)


def outward(rows: Sequence[dict[str, Any]], seeds: int) -> Iterator[Job]:
    """The next step of every equation whose best one stands at an edge."""
    for equation, steps in by_equation(rows).items():
        ordered, best = sorted(steps), best_step(steps)
        beyond = {ordered[0]: ordered[0] ** 2 / ordered[1], ordered[-1]: ordered[-1] ** 2 / ordered[-2]}
        if best in beyond:
            yield from (Job(equation, seed, float(f"{beyond[best]:.3g}")) for seed in range(seeds))


def carry_out(jobs: Iterable[Job], results: Path, pool: Any) -> None:
    done = {(row["equation"], row["seed"], row["relative_step"]) for row in read(results)}
    left = [job for job in jobs if (job.equation, job.seed, job.relative_step) not in done]
    for number, row in enumerate(pool.imap_unordered(_train, left), start=1):
        with results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(
            f"{number}/{len(left)} {row['equation']} seed {row['seed']} step {row['relative_step']:g}: "
            f"{row['outcome']} {row.get('reestimated_5000')} ({row['seconds']} s)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("fitness_study.jsonl"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--relative-steps", type=float, nargs="+", default=RELATIVE_STEPS)
    parser.add_argument("--mutants", type=int, default=6)
    parser.add_argument("--extra", type=int, default=1, help="how often the grid may grow")
    parser.add_argument("--change", action="append", default=[], help="a field of the train spec, name=value")
    parser.add_argument("--equations", nargs="+", help="only these")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--tables", action="store_true", help="only print the tables")
    given = parser.parse_args()
    if not given.tables:
        equations = given.equations or [
            *(dsl.to_text(known.equation) for known in KNOWN.values()),
            *mutants(given.mutants),
        ]
        context = multiprocessing.get_context("spawn")
        with context.Pool(given.processes, _begin, (changed_spec(given.change), given.data_dir)) as pool:
            carry_out(grid(equations, given.seeds, given.relative_steps), given.results, pool)
            for _ in range(given.extra):
                carry_out(outward(read(given.results), given.seeds), given.results, pool)
    print(tables(read(given.results)))


if __name__ == "__main__":
    main()
