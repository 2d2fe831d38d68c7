"""How fast a training step is, as ratios measured in one run. ``python benchmarks/training.py``

Contenders take turns in rounds, a step or a few each, so that a slow minute of the machine hits all of
them; a row's ratio is the median over the rounds of (their seconds / our seconds) per image. Within one
process each of our steps stands between two of plain autograd's and is compared with their mean. What must
differ by process (the allocator's setting, the number of threads) runs in processes of its own, which take
turns over pipes. The rows against BioTorch need its PyPI package (``pip install --no-deps biotorch
scipy``); without it they are left out, and the table says so.

All on random images, WRN-16-2, batch 128: the step is measured, not the data.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import set_up
import torch
import torch.nn.functional as F
from steps import BATCH, Step, batch, make_child, stepper, table_1

from backprop_evo.records.training import TrainSpec
from backprop_evo.training.run.capability import Capability, choose, environment, keep_freed_memory
from dsl.parsing import parse


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ratio`` above 1 means that ours is faster."""

    ours: str
    against: str
    goal: float
    ratio: float | None
    spread: str = ""
    note: str = ""


def plain_nchw(model: str) -> Step:
    """Autograd as people write it: float32, NCHW, the allocator as it is."""
    plain = Capability("cpu", torch.get_num_threads(), False, "float32", False, False)
    return stepper("plain", plain, model)


def biotorch(mode: str, model: str) -> Step:
    from biotorch.module.biomodule import BioModule

    plain = Capability("cpu", torch.get_num_threads(), False, "float32", False, False)
    child = make_child(parse("g"), plain, model)
    net = BioModule(copy.deepcopy(child.learner.undo()), mode=mode, output_dim=10)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, weight_decay=5e-4)
    x, y = batch(False)

    def step() -> None:
        optimizer.zero_grad()
        logits = net(x, y, F.cross_entropy) if mode == "dfa" else net(x)
        F.cross_entropy(logits, y).backward()
        optimizer.step()

    return step


def seconds(step: Step, times: int = 1) -> float:
    started = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - started) / times


# Rows in one process: same dtype, same layout, same allocator ----------------------------------------------


def same_settings(rounds: int, model: str) -> list[Row]:
    capability = choose("cpu", precision="float32", images=True)
    table = {known.key: known.text for known in table_1()}
    names = {"plain": "plain", "g": "g", "dfa": "b_top_R_L_dh", **table}
    steps = {name: stepper(text, capability, model) for name, text in names.items()}
    for step in steps.values():
        step()
    ratios: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        before = seconds(steps["plain"])
        for name, step in steps.items():
            ours = seconds(step)
            after = seconds(steps["plain"])
            ratios[name].append((before + after) / 2 / ours)
            before = after
    medians = {name: statistics.median(ratios[name]) for name in table}
    worst = min(medians, key=lambda name: medians[name])
    every = ", ".join(f"{name} {value:.2f}" for name, value in medians.items())
    against = "plain autograd, same dtype and layout"
    return [
        Row("equation g", against, 0.97, statistics.median(ratios["g"]), spread(ratios["g"])),
        Row(
            "median of all Table 1 equations", against, 0.90, statistics.median(medians.values()), note=every
        ),
        Row("worst of all Table 1 equations", against, 0.80, medians[worst], spread(ratios[worst]), worst),
        Row(
            "direct feedback alignment",
            against,
            1.30,
            statistics.median(ratios["dfa"]),
            spread(ratios["dfa"]),
        ),
    ]


def spread(values: list[float]) -> str:
    return f"{min(values):.2f}–{max(values):.2f}"


# Rows between processes ----------------------------------------------


def contender(name: str, threads: int, model: str) -> None:
    """Serves rounds: a line on stdin with a number of steps, a line on stdout with the seconds of one."""
    torch.set_num_threads(threads)
    kind, _, equation = name.partition(" ")
    if kind == "ours":
        keep_freed_memory()
        step = stepper(equation, choose("cpu", precision=default_precision(), images=True), model)
    elif kind == "biotorch":
        step = biotorch(equation, model)
    else:
        step = plain_nchw(model)
    for _ in range(2):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        print(seconds(step, int(line)), flush=True)


def default_precision() -> str:
    return TrainSpec().precision


class Process:
    """A contender in a process of its own; ``ask`` starts a round and ``answer`` waits for its end."""

    def __init__(self, name: str, threads: int, model: str) -> None:
        command = [sys.executable, __file__, "--contender", name, "--threads", str(threads), "--model", model]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if not any(line.strip() == "ready" for line in self._process.stdout):
            raise RuntimeError(f"the contender {name!r} did not start")

    def ask(self, steps: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()

    def answer(self) -> float:
        return float(self._read())

    def round(self, steps: int) -> float:
        self.ask(steps)
        return self.answer()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def between_processes(rounds: int, steps: int, threads: int, model: str) -> list[Row]:
    with_biotorch = has_biotorch()
    names = ["plain", "ours g / fro(g)", "ours b_next_R_dh", "ours b_top_R_L_dh"]
    names += ["biotorch fa", "biotorch dfa"] if with_biotorch else []
    contenders = {name: Process(name, threads, model) for name in names}
    pair = [Process("ours g / fro(g)", max(1, threads // 2), model) for _ in range(2)]
    taken: dict[str, list[float]] = {name: [] for name in [*names, "pair"]}
    for _ in range(rounds):
        for name, process in contenders.items():
            taken[name].append(process.round(steps))
        for process in pair:
            process.ask(steps)
        together = [process.answer() for process in pair]
        taken["pair"].append(1 / sum(1 / s for s in together))
    for process in [*contenders.values(), *pair]:
        process.close()

    def row(ours: str, label: str, against: str, described: str, goal: float) -> Row:
        if against not in taken:
            return Row(
                label,
                described,
                goal,
                None,
                note="BioTorch is not installed: pip install --no-deps biotorch scipy",
            )
        ratios = [theirs / mine for theirs, mine in zip(taken[against], taken[ours], strict=True)]
        speed = f"{BATCH / statistics.median(taken[ours]):.0f} images/s"
        return Row(label, described, goal, statistics.median(ratios), spread(ratios), speed)

    default_goal, plain = 1.5, f"plain autograd, float32 NCHW, {threads} threads"
    return [
        row("ours g / fro(g)", "default settings, g / fro(g)", "plain", plain, default_goal),
        row("pair", "the same, two processes, half the threads each", "plain", plain, 2.9),
        row("ours b_next_R_dh", "default settings, feedback alignment", "biotorch fa", "BioTorch FA", 2.2),
        row(
            "ours b_top_R_L_dh",
            "default settings, direct feedback alignment",
            "biotorch dfa",
            "BioTorch DFA",
            3.0,
        ),
    ]


def before_first_step(rounds: int) -> Row:
    ratios = [step / before for before, step in set_up.measured(rounds)]
    label = "set-up of WRN-10-1 in a warm worker"
    return Row(label, "a step of it, batch 64", 1.0, statistics.median(ratios), spread(ratios))


def has_biotorch() -> bool:
    try:
        import biotorch.module.biomodule  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--steps", type=int, default=3, help="steps a round where processes take turns")
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--model", default="wrn-16-2")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--contender", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.contender:
        contender(given.contender, given.threads, given.model)
        return
    torch.set_num_threads(given.threads)
    rows = between_processes(given.rounds, given.steps, given.threads, given.model)
    rows += same_settings(given.rounds, given.model)
    rows.append(before_first_step(given.rounds))
    circumstances = environment("cpu") | {
        "threads": str(given.threads),
        "rounds": str(given.rounds),
        "model": given.model,
    }
    if given.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "environment": circumstances}, indent=2))
        return
    print("  ".join(f"{name}: {value}" for name, value in circumstances.items()))
    for row in rows:
        ratio = "   –" if row.ratio is None else f"{row.ratio:4.2f}"
        met = "" if row.ratio is None else "met  " if row.ratio >= row.goal else "SHORT"
        print(f"{ratio} {met:5} (goal {row.goal:4.2f}; {row.spread:9})  {row.ours}  /  {row.against}")
        if row.note:
            print(f"      {row.note}")


if __name__ == "__main__":
    main()
