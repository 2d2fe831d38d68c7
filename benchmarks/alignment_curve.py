"""Align, then memorise: how feedback alignment's updates turn towards the true gradient, and away again.

    python benchmarks/alignment_curve.py --svg docs/images/align-then-memorise.svg

Feedback alignment, and plain backprop for its accuracy, on 2,000 images of CIFAR-10 without augmentation or
weight decay, so few that a small perceptron can learn them by heart. Several times an epoch every layer's
update is compared with the true gradient. Refinetti et al. 2021 describe two phases: the weights first align
with the random feedback, then memorise, which costs alignment. Needs ``backprop-evo data fetch cifar10``.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import torch

from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult, TrainSpec
from backprop_evo.training import train_child

SPEC = TrainSpec(
    model="mlp-64-16-tanh",
    data="cifar10",
    epochs=80,
    batch_size=32,
    learning_rate=0.3,
    schedule="constant",
    weight_decay=0.0,
    augment=False,
    train_images=2000,
    alignment_every=10,
)
STEPS_PER_EPOCH = SPEC.steps_per_epoch(2000)
WINDOW = 5
"""Epochs taken together where a lowest angle is looked for: one batch's angle scatters by some degrees."""

Curves = Mapping[str, Sequence[float]]
"""Layer → one angle (degrees) for each epoch."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=int(SPEC.epochs))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--svg", type=Path, help="Draw it into this file (needs matplotlib).")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    spec = replace(SPEC, epochs=options.epochs)
    started = time.monotonic()
    aligned = [train("feedback-alignment", spec, seed) for seed in range(options.seeds)]
    plain = [train("backprop", replace(spec, alignment_every=0), seed) for seed in range(options.seeds)]
    print(f"{platform.machine()}, torch {torch.__version__}, n = {options.seeds}", end=", ")
    print(f"{time.monotonic() - started:.0f} s\n")
    print_epochs(aligned, plain)
    print_phases(aligned)
    if options.svg is not None:
        draw(aligned, plain, options.svg)


def train(name: str, spec: TrainSpec, seed: int) -> TrainResult:
    result = train_child(name, spec, seed=seed)
    if result.outcome is not TrialState.COMPLETED:
        raise SystemExit(f"{name}, seed {seed}: {result.outcome}: {result.reason}")
    return result


def by_epoch(
    points: Sequence[AlignmentPoint],
    steps_per_epoch: int,
    angle: Callable[[AlignmentPoint], float | None],
) -> dict[str, list[float]]:
    """Layer → mean angle of each epoch's measurements; layers without that angle are left out."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        if (degrees := angle(point)) is not None:
            found[point.site][point.step // steps_per_epoch].append(degrees)
    return {layer: [mean(epochs[epoch]) for epoch in sorted(epochs)] for layer, epochs in found.items()}


def update_angles(result: TrainResult) -> dict[str, list[float]]:
    """Without the last layer: its update is the true gradient under every equation."""
    curves = by_epoch(result.alignment, STEPS_PER_EPOCH, lambda point: point.update_angle)
    return {layer: angles for layer, angles in curves.items() if max(angles) > 1}


def feedback_angles(result: TrainResult) -> dict[str, list[float]]:
    return by_epoch(result.alignment, STEPS_PER_EPOCH, lambda point: point.feedback_angle)


def mean_curves(curves: Sequence[Curves]) -> dict[str, list[float]]:
    """The mean over seeds."""
    return {
        layer: [mean(each) for each in zip(*(c[layer] for c in curves), strict=True)] for layer in curves[0]
    }


def rise(seeds: Sequence[Sequence[float]], window: int) -> tuple[int, list[float], list[float]]:
    """Where ``window`` epochs have the lowest mean over seeds: their first epoch (from 0), each seed's mean
    there, and how many degrees higher each seed's last ``window`` epochs are."""
    together = [mean(each) for each in zip(*seeds, strict=True)]
    starts = range(len(together) - window + 1)
    lowest = min(starts, key=lambda start: mean(together[start : start + window]))
    at_lowest = [mean(seed[lowest : lowest + window]) for seed in seeds]
    return lowest, at_lowest, [mean(seed[-window:]) - low for seed, low in zip(seeds, at_lowest, strict=True)]


def spread(values: Sequence[float], digits: int = 1) -> str:
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


def print_epochs(aligned: Sequence[TrainResult], plain: Sequence[TrainResult]) -> None:
    updates, feedbacks = map(update_angles, aligned), map(feedback_angles, aligned)
    columns = {f"update {layer}": angles for layer, angles in mean_curves(list(updates)).items()}
    columns |= {f"W–R {layer}": angles for layer, angles in mean_curves(list(feedbacks)).items()}
    names = ["epoch", "loss", "validation, %", *columns, "loss, backprop", "validation, backprop, %"]
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    epochs = len(aligned[0].curve)
    for epoch in sorted({*range(min(5, epochs)), *range(4, epochs, 5), epochs - 1}):
        cells = [str(epoch + 1), *learnt(aligned, epoch)]
        cells += [f"{angles[epoch]:.1f}" for angles in columns.values()]
        print("| " + " | ".join([*cells, *learnt(plain, epoch)]) + " |")


def learnt(runs: Sequence[TrainResult], epoch: int) -> tuple[str, str]:
    """Training loss and validation accuracy (%), mean ± std over seeds."""
    points = [run.curve[epoch] for run in runs]
    return (
        spread([point.train_loss for point in points], 3),
        spread([100 * (point.validation_accuracy or 0.0) for point in points]),
    )


def print_phases(aligned: Sequence[TrainResult]) -> None:
    print("\n| angle | first measured | lowest | in epochs | last epochs minus lowest | risen in seeds |")
    print("|---|---|---|---|---|---|")
    for name, curves_of in (("update", update_angles), ("W–R", feedback_angles)):
        curves = [curves_of(run) for run in aligned]
        for layer in curves[0]:
            first = [angle_at_start(run, layer, name) for run in aligned]
            start, lowest, risen = rise([each[layer] for each in curves], WINDOW)
            print(
                f"| {name} {layer} | {spread(first)} | {spread(lowest)} | {start + 1}–{start + WINDOW} "
                f"| {spread(risen)} | {sum(each > 0 for each in risen)} of {len(risen)} |"
            )


def angle_at_start(run: TrainResult, layer: str, kind: str) -> float:
    point = next(point for point in run.alignment if point.site == layer)
    return point.update_angle if kind == "update" else point.feedback_angle or 0.0


def draw(aligned: Sequence[TrainResult], plain: Sequence[TrainResult], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "align-then-memorise", "svg.fonttype": "none", "font.size": 9}
    mpl.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 4, figsize=(11, 2.9), layout="constrained")
    losses, accuracies, updates, feedbacks = panels
    for label, runs in (("feedback alignment", aligned), ("plain backprop", plain)):
        band(losses, label, [[point.train_loss for point in run.curve] for run in runs])
        validated = [[100 * (point.validation_accuracy or 0.0) for point in run.curve] for run in runs]
        band(accuracies, label, validated)
    colours = {layer: f"C{place + 2}" for place, layer in enumerate(every_layer(aligned))}
    for axes, curves_of in ((updates, update_angles), (feedbacks, feedback_angles)):
        curves = [curves_of(run) for run in aligned]
        for layer in curves[0]:
            band(axes, f"layer {layer}", [each[layer] for each in curves], color=colours[layer])
    losses.set(title="training loss", yscale="log")
    accuracies.set(title="validation accuracy, %")
    updates.set(title="update against gradient, °")
    feedbacks.set(title="W against R, °")
    turn = turning_epoch([update_angles(run) for run in aligned])
    for axes in panels:
        axes.axvline(turn, color="grey", linestyle=":", linewidth=1)
        axes.set(xlabel="epoch")
        axes.legend(frameon=False, fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, format="svg", facecolor="white", metadata={"Date": None})


def every_layer(aligned: Sequence[TrainResult]) -> list[str]:
    return list(dict.fromkeys(point.site for point in aligned[0].alignment))


def turning_epoch(curves: Sequence[Curves]) -> float:
    """Middle of the lowest ``WINDOW`` epochs of the angle, the mean over layers."""
    over_layers = [[mean(each) for each in zip(*seed.values(), strict=True)] for seed in curves]
    return rise(over_layers, WINDOW)[0] + (WINDOW + 1) / 2


def band(axes, label: str, seeds: Sequence[Sequence[float]], **style: str) -> None:  # type: ignore[no-untyped-def]
    """The mean over seeds at each epoch, in a band from the lowest seed to the highest."""
    epochs = range(1, len(seeds[0]) + 1)
    at_epoch = list(zip(*seeds, strict=True))
    (line,) = axes.plot(epochs, [mean(each) for each in at_epoch], label=label, linewidth=1.4, **style)
    low, high = [min(each) for each in at_epoch], [max(each) for each in at_epoch]
    axes.fill_between(epochs, low, high, color=line.get_color(), alpha=0.2, linewidth=0)


if __name__ == "__main__":
    main()
