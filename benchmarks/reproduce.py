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
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from reproductions import page
from reproductions.catalogue import EXPERIMENTS
from reproductions.experiment import Circumstances, Experiment, Training
from reproductions.ledger import Ledger, carry_out

from backprop_evo.training.run.capability import keep_freed_memory

#: Iterations of two short trainings; their difference is a speed without the set-up.
SHORT, LONGER = 3, 9


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    keep_freed_memory()
    names = list(EXPERIMENTS) if given.experiments in ([], ["all"]) else given.experiments
    experiments = [_named(name) for name in dict.fromkeys(names)]
    sizes = {each.name: sizes_of(each, given) for each in experiments}
    ledger, here = Ledger(given.results), Circumstances(given.data_dir)
    wanted = {
        each.name: [one for seed in range(given.seeds) for one in each.trainings(sizes[each.name], seed)]
        for each in experiments
    }
    if given.plan:
        plan(experiments, wanted, ledger, given.data_dir)
    elif given.document:
        for each in experiments:
            document(each, ledger.found(each, wanted[each.name]), given)
    else:
        train_all(experiments, wanted, ledger, here)
        for each in experiments:
            print(f"\n{each.title}\n\n{each.table(ledger.found(each, wanted[each.name]))}")


def sizes_of(experiment: Experiment, given: argparse.Namespace) -> dict[str, Any]:
    """The experiment's own, or its tiny ones, with what ``--set`` names. Raises SystemExit for a name that is
    none of its sizes."""
    asked = dict(_pair(text) for text in given.set)
    unknown = sorted(set(asked) - set(experiment.sizes))
    if unknown:
        raise SystemExit(
            f"{experiment.name} has no {', '.join(unknown)}; it has {', '.join(experiment.sizes)}"
        )
    sizes = {**experiment.sizes, **(experiment.tiny if given.tiny else {}), **asked}
    return {**sizes, "part": given.part}


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SystemExit(f"--set takes NAME=VALUE, such as iterations=5000, not {text!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


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
    for place, (experiment, training) in enumerate(missing, 1):
        told = " ".join(f"{name}={value}" for name, value in training.settings.items())
        print(
            f"{place}/{len(missing)}  {experiment.name}  {training.method}  seed {training.seed}  {told}",
            flush=True,
        )
        result, seconds = carry_out(experiment, training, here)
        ledger.add(experiment, training, result, seconds)
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
    asked = "".join(f" --set {text}" for text in given.set)
    command = f"python benchmarks/reproduce.py {experiment.name}{asked}"
    image = page.draw(experiment, rows, given.document)
    page.put_into(given.document, experiment.name, page.block(experiment, rows, command, image))
    print(f"{experiment.name}: {len(rows)} trainings")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    told = "\n".join(f"{each.name:14} {each.title}" for each in EXPERIMENTS.values())
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"all, or of\n{told}")
    parser.add_argument("--results", type=Path, default=Path("reproductions.jsonl"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another size")
    parser.add_argument("--part", choices=["test", "validation"], default="test")
    parser.add_argument("--tiny", action="store_true", help="a trial run of seconds, which shows nothing")
    parser.add_argument("--plan", action="store_true", help="train nothing, tell how long it would take")
    parser.add_argument("--document", type=Path, help="train nothing, put tables and drawings into this page")
    return parser


if __name__ == "__main__":
    main()
