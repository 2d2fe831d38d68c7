"""Published experiments on methods beside the equations, made again in the time that one core has.

    python benchmarks/reproduce.py --plan                                   seconds of each, measured
    python benchmarks/reproduce.py depths asynchronous --data-dir DIR       these two, with 3 seeds
    python benchmarks/reproduce.py all --results reproductions.jsonl        all of them, seed by seed
    python benchmarks/reproduce.py all --document docs/methods.md           tables, drawings
    python benchmarks/reproduce.py depths --set iterations=500000 --set predictor_width=1024

Settings are the published ones where they are known; sizes that would take days are smaller by default and
are told with every table. ``reproductions/`` has a file for each experiment, which says what was published
and what is ours. Every finished training is a line of the results file: a second call goes on where the first
ended, and what it is called with may change in between. One thread. Accuracies are of the test images;
``--part validation`` has those of validation, by which settings were chosen.

Needs ``backprop-evo data fetch mnist``, and ``fashion-mnist`` and ``cifar10`` for some.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from arguments import whole_number
from reproductions import asked, page
from reproductions.catalogue import EXPERIMENTS
from reproductions.experiment import Circumstances, Experiment, Training
from reproductions.ledger import Ledger, carry_out, told
from reproductions.progress import Pace

from backprop_evo.errors import BackpropEvoError
from backprop_evo.training.run.capability import keep_freed_memory

#: Iterations of two short trainings; their difference is a speed without the set-up.
SHORT, LONGER = 3, 9


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    try:
        carry_on(given)
    except BackpropEvoError as error:
        raise SystemExit(f"{error.message}\n{error.hint or ''}".rstrip()) from error


def carry_on(given: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    names = list(EXPERIMENTS) if given.experiments in ([], ["all"]) else given.experiments
    experiments = [_named(name) for name in dict.fromkeys(names)]
    sizes = {
        each.name: asked.sizes_of(each, given.set, tiny=given.tiny, part=given.part) for each in experiments
    }
    ledger, here = Ledger(given.results), Circumstances(given.data_dir)
    wanted = {
        each.name: [one for seed in range(given.seeds) for one in each.trainings(sizes[each.name], seed)]
        for each in experiments
    }
    for each in experiments:
        asked.refuse_none(each, wanted[each.name], sizes[each.name])
    if not given.document:
        missing = [ledger.missing(each, wanted[each.name]) for each in experiments]
        asked.load_data(chain.from_iterable(missing), given.data_dir)
    if given.plan:
        plan(experiments, wanted, ledger, given.data_dir)
    elif given.document:
        for each in experiments:
            document(each, ledger.found(each, wanted[each.name]), given)
    else:
        train_all(experiments, wanted, ledger, here)
        for each in experiments:
            print(f"\n{each.title}\n\n{each.table(ledger.found(each, wanted[each.name]))}")


def _named(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        raise SystemExit(f"no experiment is called {name!r}; there are {', '.join(EXPERIMENTS)}, and all")
    return EXPERIMENTS[name]


def train_all(
    experiments: Sequence[Experiment],
    wanted: Mapping[str, Sequence[Training]],
    ledger: Ledger,
    here: Circumstances,
) -> None:
    """Seed by seed through all experiments, so that an early stop leaves whole tables of fewer seeds."""
    missing = [
        (experiment, training)
        for experiment in experiments
        for training in ledger.missing(experiment, wanted[experiment.name])
    ]
    missing.sort(key=lambda pair: pair[1].seed)
    rows, pace = [told(*pair) for pair in missing], Pace()
    for experiment in experiments:
        for row in ledger.found(experiment, wanted[experiment.name]):
            pace.hear(row, row["cpu_seconds"])
    for place, (experiment, training) in enumerate(missing):
        named = " ".join(f"{name}={value}" for name, value in training.settings.items())
        print(
            f"{place + 1}/{len(missing)}  {experiment.name}  {training.method}  seed {training.seed}  {named}"
        )
        print(f"    {pace.left(rows[place:])}", flush=True)
        result, seconds = carry_out(experiment, training, here)
        ledger.add(experiment, training, result, seconds)
        pace.hear(rows[place], seconds)
        print(f"    {seconds:.1f} s  {result.get('ended', '')}", flush=True)


def plan(
    experiments: Sequence[Experiment],
    wanted: Mapping[str, Sequence[Training]],
    ledger: Ledger,
    data_dir: Path | None,
) -> None:
    """Prints what each experiment has left to do, from short trainings of each kind."""
    total = 0.0
    for experiment in experiments:
        missing = ledger.missing(experiment, wanted[experiment.name])
        first = [each for each in missing if each.seed == missing[0].seed]
        seeds = len(missing) / max(1, len(first))
        seconds = seeds * sum(_expected(experiment, each, data_dir) for each in first)
        total += seconds
        print(f"{experiment.name:14} {len(missing):4} trainings  {seconds / 60:7.1f} minutes", flush=True)
    print(f"{'together':14} {total / 60:24.1f} minutes of one core")


def _expected(experiment: Experiment, training: Training, data_dir: Path | None) -> float:
    short, longer = (
        carry_out(experiment, training, Circumstances(data_dir, stop_after=iterations))[0]
        for iterations in (SHORT, LONGER)
    )
    each = (longer["seconds"] - short["seconds"]) / (LONGER - SHORT)
    return each * longer["planned"]


def document(experiment: Experiment, rows: Sequence[Mapping[str, Any]], given: argparse.Namespace) -> None:
    """Puts what was found into the page; an experiment without rows leaves its place as it is."""
    if not rows:
        print(f"{experiment.name}: nothing in {given.results} yet", file=sys.stderr)
        return
    options = "".join(f" --set {text}" for text in given.set)
    options += "" if given.part == "test" else f" --part {given.part}"
    command = f"python benchmarks/reproduce.py {experiment.name}{options}"
    image = page.draw(experiment, rows, given.document)
    page.put_into(given.document, experiment.name, page.block(experiment, rows, command, image))
    print(f"{experiment.name}: {len(rows)} trainings")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    told = "\n".join(f"{each.name:14} {each.title}" for each in EXPERIMENTS.values())
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"all, or of\n{told}")
    parser.add_argument("--results", type=Path, default=Path("reproductions.jsonl"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", type=whole_number(), default=3)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another size")
    parser.add_argument("--part", choices=["test", "validation"], default="test")
    parser.add_argument("--tiny", action="store_true", help="a trial run of seconds, which shows nothing")
    parser.add_argument("--plan", action="store_true", help="train nothing, tell how long it would take")
    parser.add_argument("--document", type=Path, help="train nothing, put tables and drawings into this page")
    return parser


if __name__ == "__main__":
    main()
