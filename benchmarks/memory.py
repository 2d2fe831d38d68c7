"""What a training step needs of memory, beside plain autograd. ``python benchmarks/memory.py``

Two figures, each in MiB over what the process held before its first step:

- allocated: the peak of what torch allocates within one step, from its own record of every allocation, so
  it is the same in every run. The libraries below torch keep scratch memory that it does not see.
- resident: the peak of the process's memory (VmHWM) after ten steps, median of ``--repeats`` processes.
  It holds the libraries' scratch memory and the allocator's gaps, and differs from run to run.

On random images, channels-last float32 with freed memory kept, as the trainer does it.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from steps import stepper, table_1
from torch._C._profiler import _EventType
from torch.profiler import ProfilerActivity, profile

from backprop_evo.training.run.capability import choose, environment, resident_memory_mib
from dsl.known import KNOWN

MIB = 2**20


@dataclass(frozen=True)
class Peak:
    """MiB over the process before its first step."""

    allocated: float
    resident: float


def measure(equation: str, model: str) -> Peak:
    """In this process, which should have done nothing else."""
    step = stepper(equation, choose("cpu", precision="float32", images=True), model)
    before = resident_memory_mib("cpu") or 0.0
    for _ in range(10):
        step()
    resident = peak_resident() - before
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        step()
    return Peak(highest(recorded) / MIB, resident)


def highest(recorded: profile) -> int:
    """Bytes: the largest sum of allocations that were alive at once."""
    assert recorded.profiler is not None
    sizes, events = [], list(recorded.profiler.kineto_results.experimental_event_tree())
    while events:
        event = events.pop()
        events += event.children
        if event.tag == _EventType.Allocation:
            sizes.append((event.start_time_ns, event.extra_fields.alloc_size))
    alive = top = 0
    for _, size in sorted(sizes):
        alive += size
        top = max(top, alive)
    return top


def peak_resident() -> float:
    """The most memory that this process ever held, MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def in_a_process(equation: str, model: str, threads: int) -> Peak:
    command = [sys.executable, __file__, "--one", equation, "--model", model, "--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Peak(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--model", default="wrn-16-2")
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    if given.one:
        print(json.dumps(asdict(measure(given.one, given.model))))
        return
    equations = {"plain": "plain", "g": "g", "feedback alignment": KNOWN["feedback-alignment"].text}
    equations |= {"direct feedback alignment": KNOWN["direct-feedback-alignment"].text}
    equations |= {known.key: known.text for known in table_1()}
    peaks: dict[str, list[Peak]] = {name: [] for name in equations}
    for _ in range(given.repeats):
        for name, equation in equations.items():
            peaks[name].append(in_a_process(equation, given.model, given.threads))
    print("  ".join(f"{name}: {value}" for name, value in environment("cpu").items()))
    print(f"{'MiB over the start':28}{'allocated':>10}{'/ plain':>9}{'resident':>10}{'/ plain':>9}  range")
    medians = {
        name: Peak(
            statistics.median(peak.allocated for peak in all_),
            statistics.median(peak.resident for peak in all_),
        )
        for name, all_ in peaks.items()
    }
    plain = medians["plain"]
    for name, peak in medians.items():
        low, high = min(p.resident for p in peaks[name]), max(p.resident for p in peaks[name])
        print(
            f"{name:28}{peak.allocated:10.1f}{peak.allocated / plain.allocated:9.3f}"
            f"{peak.resident:10.0f}{peak.resident / plain.resident:9.2f}  {low:.0f}–{high:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
