"""Does evolution find better equations than random search? Pairs of searches of one seed and one budget.

    python benchmarks/evolution.py --results evolution.jsonl [--seeds 5] [--trials 60] [--processes 2]
    python benchmarks/evolution.py --results evolution.jsonl --table
    python benchmarks/evolution.py --quick

Each search seed: a search by ``--strategy`` and its counterpart, random search with the same seed, budget,
screening, pruner and training. Both by the service's own parts in one process: rows of a SQLite database,
driven by the brain, trained by the attempts of a worker, one training after the other, so that a run is
repeated to the last digit. Then the ``--finalists`` best of each and plain backprop are trained with
``--confirm-seeds`` new seeds, the same for both; the best by validation accuracy is compared by the test
split. At the end every search is replayed from its rows.

The setting: WRN-10-1, 160 steps of 16 on the bundled images of CIFAR-10, constant rate, three relative steps
probed for 16 steps each, successive halving after 16 and 48 steps. ``--model``, ``--steps``,
``--batch-size``, ``--train-images`` and ``--data`` make it another, probes and rungs in proportion.
``--quick`` has a tiny child instead and shows nothing but that the script works.

A finished pair is one line of the results file, and its database lies in a folder of the same name: a second
call goes on where the first ended, in the middle of a search too. Seconds are those of this machine with
whatever ran beside it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from evolution_table import table
from in_process import attempts_in, drive, store_in

from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Role, SearchRecord
from backprop_evo.records.training import FAIR_STEPS, RelativeStepGrid, TrainSpec
from backprop_evo.search.replay import replay, replay_pruning
from backprop_evo.search.search_language import SearchLanguage
from backprop_evo.service import Service
from backprop_evo.store.base import Store

TRAIN = TrainSpec(
    model="wrn-10-1",
    data="cifar10-mini",
    epochs=1.0,
    batch_size=16,
    train_images=2560,
    learning_rate=RelativeStepGrid(relative_steps=FAIR_STEPS, probe_epochs=0.1, extra_probes=1),
    schedule="constant",
    reestimate_batches=16,
)
TINY = TrainSpec(
    model="mlp-8",
    data="cifar10-mini",
    epochs=1.0,
    batch_size=32,
    train_images=640,
    validation_images=200,
    learning_rate=0.1,
    schedule="constant",
    augment=False,
)


@dataclass(frozen=True)
class Pair:
    """One search with its counterpart, and where its rows lie."""

    spec: SearchSpec
    database: Path
    data_dir: Path | None


def spec_of(given: argparse.Namespace, seed: int) -> SearchSpec:
    """The search of that seed; the same for both sides but for the strategy."""
    return SearchSpec(
        name=f"{given.strategy}, seed {seed}",
        seed=seed,
        trials=given.trials,
        strategy=given.strategy,
        start_random=max(2, given.trials // 5),
        in_flight=1,  # every proposal knows all results before it, whatever the machine does beside
        pruner=PrunerSpec(
            name="asha",
            rungs=(4, 12) if given.quick else (given.steps // 10, given.steps * 3 // 10),
            min_trials=4,
        ),
        train=TINY if given.quick else train_spec(given),
        confirmation=Confirmation(best=given.finalists, seeds=given.confirm_seeds, controls="none"),
    )


def train_spec(given: argparse.Namespace) -> TrainSpec:
    """Of the search and of its confirmation; the probes of a rate take a tenth of its steps."""
    epochs = given.steps * given.batch_size / given.train_images
    grid = RelativeStepGrid(relative_steps=FAIR_STEPS, probe_epochs=epochs / 10, extra_probes=1)
    named = {"model": given.model, "data": given.data, "batch_size": given.batch_size}
    return replace(TRAIN, **named, train_images=given.train_images, epochs=epochs, learning_rate=grid)


# One pair ---------------------------------------------------------------------------------------------------


def carry_out(pair: Pair) -> dict[str, Any]:
    """One row of the results."""
    resumed = pair.database.exists()
    with store_in(pair.database) as store:
        return _row(store, pair, resumed)


def _row(store: Store, pair: Pair, resumed: bool) -> dict[str, Any]:
    service = Service(store)
    search = _submitted(store, service, pair.spec)
    attempts = attempts_in(store, pair.database.parent, pair.data_dir)
    attempts.lose_predecessor()
    sides: dict[str, dict[str, Any]] = {}
    for name, search_id in (("evolution", search.id), ("random", search.counterpart)):
        assert search_id is not None
        began = time.process_time()
        drive(store, search_id, attempts)
        sides[name] = {"cpu_s": time.process_time() - began, "search_id": search_id}
    found = service.compare_searches(store.searches.get(search.id))
    for name, side in (("evolution", found.one), ("random", found.other)):
        individuals = store.individuals.of(side.search_id)
        confirmation = store.evaluations.stages_of(side.search_id).get(Role.CONFIRMATION)
        confirmed = [] if confirmation is None else store.trials.finished(confirmation.id)
        ends = store.searches.ends(side.search_id)
        sides[name] |= {
            "best": side.best.text if side.best else None,
            "mean": side.best.accuracies.mean if side.best else None,
            "std": side.best.accuracies.std if side.best else None,
            "fitness": side.fitness,
            "trainings": side.course.trainings,
            "learning_share": side.course.learning_share,
            "twins": sum(each.twin is not None for each in individuals),
            "screened_out": store.searches.get(side.search_id).screened_out,
            "search_s": side.course.worker_s,
            "all_s": sum(end.wall_time_s for end in ends)
            + sum(trial.result.wall_time_s for trial in confirmed if trial.result),
            "curve": [(point.trainings, point.worker_s, point.fitness) for point in side.course.points],
        }
    return {
        "seed": pair.spec.seed,
        "spec": repr(pair.spec),
        **sides,
        "backprop": _backprop(service, store, search.id, found.compared_by),
        "compared_by": found.compared_by,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "sentence": found.sentence,
        "replayed": all(_is_replayed(store, sides[name]["search_id"]) for name in ("evolution", "random")),
        "resumed": resumed,
    }


def _submitted(store: Store, service: Service, spec: SearchSpec) -> SearchRecord:
    """The search, submitted now or by a call before this one."""
    there = [each for each in store.searches.page().items if each.spec.strategy == spec.strategy]
    if not there:
        return service.submit_search(spec, with_counterpart=True)
    if there[0].spec != spec:
        raise SystemExit("the database is of a study with other options: name another results file")
    return there[0]


def _backprop(service: Service, store: Store, search_id: str, by: str) -> dict[str, float | None]:
    """Plain backprop on the seeds of the confirmation."""
    confirmation = store.evaluations.stages_of(search_id).get(Role.CONFIRMATION)
    if confirmation is None:
        return {"mean": None, "std": None}
    ((baseline, *_),) = (block.rows for block in service.evaluation_table(confirmation).blocks)
    found = baseline.test if by == "test" else baseline.validation
    return {"mean": found.mean if found else None, "std": found.std if found else None}


def _is_replayed(store: Store, search_id: str) -> bool:
    """Whether every proposal and every judgement, decided again, is the one that was recorded."""
    spec = store.searches.get(search_id).spec
    individuals, finishes = store.individuals.of(search_id), store.trials.finishes(search_id)
    values = store.intermediates.of(search_id)
    return replay(spec, SearchLanguage(spec), individuals, finishes) == tuple(individuals) and replay_pruning(
        spec, values
    ) == tuple(each.judged for each in values)


# All of them ------------------------------------------------------------------------------------------------


def read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def carry_out_all(pairs: Sequence[Pair], processes: int) -> Iterator[dict[str, Any]]:
    """Rows in the order in which pairs end."""
    if processes == 1:
        yield from map(carry_out, pairs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        for done in as_completed([pool.submit(carry_out, pair) for pair in pairs]):
            yield done.result()


def hardware() -> str:
    """One line on what it ran on."""
    from backprop_evo.training.run.capability import environment

    return ", ".join(f"{name}: {value}" for name, value in environment("cpu").items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, help="a file of lines of JSON; else a temporary one")
    parser.add_argument("--data", default="cifar10-mini", help="cifar10 needs `backprop-evo data fetch`")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--model", default=TRAIN.model, help="the child")
    parser.add_argument("--steps", type=int, default=160, help="of a whole training")
    parser.add_argument("--batch-size", type=int, default=TRAIN.batch_size)
    parser.add_argument("--train-images", type=int, default=TRAIN.train_images, help="so many are trained on")
    parser.add_argument("--strategy", default="evolution", help="what is compared with random search")
    parser.add_argument("--seeds", type=int, default=5, help="pairs of searches")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=60, help="equations to train in each search")
    parser.add_argument("--finalists", type=int, default=2)
    parser.add_argument("--confirm-seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny study: 2 seeds, 8 trials, an MLP")
    parser.add_argument("--table", action="store_true", help="only print the table")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.trials, given.finalists, given.confirm_seeds = 2, 8, 1, 2
    with tempfile.TemporaryDirectory() as folder:
        results = given.results or Path(folder) / "evolution.jsonl"
        if not given.table:
            study(given, results.resolve())
        rows = read(results)
    if not rows:
        raise SystemExit(f"{results}: no pair has ended yet")
    print(f"\n`{shlex.join(['python', 'benchmarks/evolution.py', *sys.argv[1:]])}`\n\n{hardware()}\n")
    print(table(rows))


def study(given: argparse.Namespace, results: Path) -> None:
    """Add a line to the results for each pair that is not there yet."""
    databases = results.with_suffix("")
    databases.mkdir(parents=True, exist_ok=True)
    pairs = [
        Pair(spec_of(given, seed), databases / f"seed-{seed}.sqlite", given.data_dir)
        for seed in range(given.first_seed, given.first_seed + given.seeds)
    ]
    done = {row["seed"]: row["spec"] for row in read(results)}
    if any(done.get(pair.spec.seed, repr(pair.spec)) != repr(pair.spec) for pair in pairs):
        raise SystemExit(f"{results}: a study with other options: name another file")
    left = [pair for pair in pairs if pair.spec.seed not in done]
    for row in carry_out_all(left, given.processes):
        with results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"seed {row['seed']}: {row['sentence']}", flush=True)


if __name__ == "__main__":
    main()
