"""What the cascade saves in a real search: the same equations judged by it and by full training.

    python benchmarks/cascade.py --home DIR --data-dir DIR [--equations 60] [--seed 0]
    python benchmarks/cascade.py --quick

Equations of the published table of curves, drawn by lot, are what both searches start from; no other is
wanted. *Full* trains each at every relative step to the end. *Cascade* screens by facts, trains at one
relative step, and stops all but the best third at each of two early rungs; the place of what is screened out
goes to a mutant, whose cost counts and whose result does not. Both by the service's own parts in one process,
a training at a time; CPU seconds are of the process, everything included but starting it. True is what the
table says, of seeds that neither search has. What the table promises for these very equations in this order
stands below: with few of them the first, which all go on, are a large part.

``--home`` keeps databases and seconds: a second call goes on where the first ended, but for the seconds of a
search that was killed. ``--quick`` has a few equations and a tiny child, and shows nothing but that
the script works.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_NUM_THREADS", "1")

from arguments import whole_number
from curve_table import LEARNT, STEPS, Table, unpack
from equation_curves import BATCH, IMAGES_TO_LEARN, SPEC
from evolution import TINY, hardware
from in_process import attempts_in, drive, store_in
from scheduler_rules import ONE_STEP, Halving, Trainer, full_guessing_too

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.selecting import Selection
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import FinishRecord, Purpose
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.service import Service
from backprop_evo.store.base import Store

RUNGS, REDUCTION, MIN_TRIALS = (5, 10), 3.0, 10
TOP = 10
SEARCH_SEED = 1000
"""Its trainings draw other weights and batches than the table's."""


@dataclass(frozen=True)
class Side:
    """One search: its equations from the best to the worst, and what it took."""

    ranking: Sequence[str]
    cpu_s: float
    trained: int
    completed: int


def main() -> None:
    table = unpack()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="a folder for the databases; else a temporary one")
    parser.add_argument("--data-dir", type=Path)
    known = len(table.equations)
    parser.add_argument(
        "--equations", type=whole_number(2, known), default=60, help=f"of the {known} in the table of curves"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the lot, and of the searches")
    parser.add_argument("--quick", action="store_true", help="6 equations, a tiny child")
    given = parser.parse_args()
    number = 6 if given.quick else given.equations
    drawn = Random(given.seed).sample(range(len(table.equations)), number)
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        specs = specs_of([table.equations[each].text for each in drawn], given.seed, quick=given.quick)
        sides = {name: judged(spec, home / f"{name}.sqlite", given.data_dir) for name, spec in specs.items()}
    print(f"\n`{shlex.join(['python', 'benchmarks/cascade.py', *sys.argv[1:]])}`\n\n{hardware()}\n")
    print(compared(sides, {table.equations[each].text: table.true_accuracy(each) for each in drawn}))
    print(f"By the table {promised(table, drawn)}.")


def specs_of(equations: Sequence[str], seed: int, *, quick: bool) -> dict[str, SearchSpec]:
    """The two searches, which differ by the cascade alone."""
    train = TINY if quick else TABLED
    rungs = (4, 10) if quick else RUNGS

    def at(relative_steps: tuple[float, ...]) -> TrainSpec:
        """Each probed to the end, where there are several."""
        rates = RelativeStepGrid(relative_steps=relative_steps, probe_epochs=train.epochs, extra_probes=0)
        return replace(train, learning_rate=rates)

    full = SearchSpec(
        name="full",
        seed=SEARCH_SEED + seed,
        trials=len(equations),
        start=tuple(equations),
        start_random=0,
        in_flight=1,
        screening=False,
        train=at(SPEC.learning_rate.relative_steps),
        confirmation=Confirmation(best=0),
        # One measurement of each; a second one would take the place of an equation.
        selection=Selection(remeasured=0.0),
    )
    pruner = PrunerSpec(
        name="asha",
        rungs=rungs,
        signal="validation_accuracy",
        reduction=REDUCTION,
        min_trials=2 if quick else MIN_TRIALS,
        spared=0.0,
    )
    cascade = replace(full, name="cascade", screening=True, pruner=pruner, train=at(ONE_STEP))
    return {each.name: each for each in (full, cascade)}


TABLED = replace(SPEC, epochs=STEPS[-1] / (IMAGES_TO_LEARN // BATCH))
"""A training as the table has it, to its last rung."""


def judged(spec: SearchSpec, database: Path, data_dir: Path | None) -> Side:
    with store_in(database) as store:
        there = store.searches.page().items
        search = there[0] if there else Service(store).submit_search(spec)
        began = time.process_time()
        drive(store, search.id, attempts_in(store, database.parent, data_dir))
        cpu_s = time.process_time() - began + spent_before(seconds := database.with_suffix(".cpu_s"))
        seconds.write_text(f"{cpu_s:.1f}\n")
        finishes = [each for each in store.trials.finishes(search.id) if each.purpose is Purpose.SEARCH]
        return Side(
            ranking=ranking(store, search.id, spec.start, finishes),
            cpu_s=cpu_s,
            trained=len(finishes),
            completed=sum(each.state is TrialState.COMPLETED for each in finishes),
        )


def spent_before(seconds: Path) -> float:
    """By earlier calls."""
    return float(seconds.read_text()) if seconds.exists() else 0.0


def ranking(
    store: Store, search_id: str, wanted: Sequence[str], finishes: Sequence[FinishRecord]
) -> list[str]:
    """By accuracy what came to the end, then what ended at the last rung, and so on."""
    texts = {each.number: each.method.equation or "" for each in store.individuals.of(search_id)}

    def merit(finish: FinishRecord) -> tuple[float, float]:
        if finish.validation_accuracy is not None:
            return (float("inf"), finish.validation_accuracy)
        at = finish.pruned_at
        return (-1.0, 0.0) if at is None else (at.rung, at.validation_accuracy or 0.0)

    best_first = [each.individual for each in sorted(finishes, key=merit, reverse=True)]
    return [texts[each] for each in best_first if texts[each] in wanted]


def promised(table: Table, equations: Sequence[int]) -> str:
    """By how many times the replayed cascade is cheaper, with each of the table's seeds."""
    cascade = Halving(RUNGS, REDUCTION, "accuracy", screened=True, min_trials=MIN_TRIALS, grid=ONE_STEP)
    savings = []
    for seed in table.seeds:
        seconds = []
        for scheduler in (full_guessing_too, cascade):
            trainer = Trainer(table, seed)
            scheduler(equations, trainer)
            seconds.append(trainer.seconds)
        savings.append(seconds[0] / seconds[1])
    return "the saving is " + " and ".join(f"{each:.1f}×" for each in savings)


def compared(sides: Mapping[str, Side], truth: Mapping[str, float]) -> str:
    """A table: what each took, and how many of the truly best it has among its first."""
    top = set(sorted(truth, key=lambda text: -truth[text])[:TOP])
    full = sides["full"]
    lines = [
        f"{len(truth)} equations, {sum(each > LEARNT for each in truth.values())} of them learn.",
        "",
        "| | trained | to the end | CPU s | s an equation | equations for a core-hour | recall | regret |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, side in sides.items():
        found = len(top & set(side.ranking[:TOP])) / len(top)
        regret = 100 * (max(truth.values()) - truth[side.ranking[0]])
        each_s, saving = side.cpu_s / len(truth), full.cpu_s / side.cpu_s
        lines.append(
            f"| {name} | {side.trained} | {side.completed} | {side.cpu_s:.0f} | {each_s:.2f} "
            f"| {saving:.1f}× | {found:.2f} | {regret:.1f} |"
        )
    agreed = len(set(full.ranking[:TOP]) & set(sides["cascade"].ranking[:TOP]))
    return "\n".join([*lines, "", f"Of full training's first {TOP} the cascade has {agreed} among its own."])


if __name__ == "__main__":
    main()
