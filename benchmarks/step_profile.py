"""Where the time of one training step goes, and what limits it. ``python benchmarks/step_profile.py``

Times are torch's own per operation (self time, mean over ``--steps`` steps), grouped. Arithmetic is counted
by torch from the shapes of the operations. The limit is that arithmetic at the speed which a large matrix
product reaches on the same threads in the same run: no step of this arithmetic can be faster on them.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections import defaultdict

import torch
from steps import BATCH, Step, stepper
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from backprop_evo.training.run.capability import choose, environment
from dsl.known import KNOWN

GROUPS = {
    "convolutions forward": ("aten::mkldnn_convolution", "aten::convolution"),
    "convolutions backward": ("aten::convolution_backward",),
    "BatchNorm": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "aten::addmm_", "aten::baddbmm"),
    "optimiser": ("Optimizer.step#SGD.step", "Optimizer.zero_grad#SGD.zero_grad", "aten::_foreach_add_"),
}


def grouped(step: Step, steps: int) -> dict[str, float]:
    """Milliseconds of one step by group; what is elementwise or a sum stands under "other tensors"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with profile(activities=[ProfilerActivity.CPU]) as recorded:
            for _ in range(steps):
                step()
        averages = recorded.key_averages()
    by_name = {name: group for group, names in GROUPS.items() for name in names}
    spent: dict[str, float] = defaultdict(float)
    for average in averages:
        other = "other tensors" if average.key.startswith("aten::") else "Python and autograd"
        spent[by_name.get(average.key, other)] += average.self_cpu_time_total / steps / 1e3
    return dict(spent)


def arithmetic(step: Step) -> float:
    """GFLOP of one step, a multiplication and an addition being two."""
    with FlopCounterMode(display=False) as counted:
        step()
    return counted.get_total_flops() / 1e9


def product_speed(size: int = 2048, times: int = 9) -> float:
    """GFLOP/s of a product of two square float32 matrices."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / statistics.median(seconds[2:]) / 1e9


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument(
        "equations", nargs="*", help="default: plain, g / fro(g), direct feedback alignment"
    )
    arguments.add_argument("--steps", type=int, default=10)
    arguments.add_argument("--model", default="wrn-16-2")
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    capability = choose("cpu", precision="float32", images=True)
    print("  ".join(f"{name}: {value}" for name, value in environment("cpu").items()))
    speed = product_speed()
    print(
        f"{given.model}, batch {BATCH}, {given.threads} threads; a large matrix product: {speed:.0f} GFLOP/s"
    )
    for equation in given.equations or ["plain", "g / fro(g)", KNOWN["direct-feedback-alignment"].text]:
        step = stepper(equation, capability, given.model)
        for _ in range(3):
            step()
        flop = arithmetic(step)
        spent = grouped(step, given.steps)
        whole, limit = sum(spent.values()), 1e3 * flop / speed
        print(f"\n{equation}: {whole:.0f} ms, {BATCH / whole * 1e3:.0f} images/s")
        for group, ms in sorted(spent.items(), key=lambda item: -item[1]):
            print(f"  {group:24}{ms:8.1f} ms{100 * ms / whole:7.1f} %")
        print(
            f"  arithmetic: {flop:.1f} GFLOP, at least {limit:.0f} ms ({BATCH / limit * 1e3:.0f} images/s): "
            f"{100 * limit / whole:.0f} % of the step"
        )


if __name__ == "__main__":
    main()
