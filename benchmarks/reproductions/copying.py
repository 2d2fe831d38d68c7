"""How long a copy a recurrent network learns: synthetic gradients against truncated BPTT, T = 2 to 5.

Published (Jaderberg et al. 2017, figures recalled): an LSTM of 256 units, batches of 32, Adam at 7e-5, M with
one hidden layer of 1,024, predictions times 0.1, trained to the end. Ours: as many windows as an hour has, at
a rate for so few; predictions times 0.1 and as they are, which says what ``gradient_scale`` should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from time import process_time
from typing import Any

from backprop_evo.training.sequences.run import train_sequence
from backprop_evo.training.sequences.spec import SequenceSpec
from reproductions.experiment import (
    Circumstances,
    Experiment,
    Row,
    Sizes,
    Training,
    chosen,
    markdown,
    spread,
)
from reproductions.progress import Heartbeat

#: Task → T → the longest length that was published for BPTT and for DNI.
PUBLISHED: Mapping[str, Mapping[int, tuple[int, int]]] = {
    "copy": {2: (7, 16), 3: (8, 14), 4: (10, 18), 5: (8, 18)},
    "repeat-copy": {2: (7, 39), 3: (5, 33), 4: (19, 39), 5: (23, 59)},
}
#: A short look at the speed takes so many windows for each of its iterations: one costs next to nothing.
WINDOWS_OF_A_LOOK = 40


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    common = {name: value for name, value in sizes.items() if name not in ("part", "truncations", "scales")}
    for task, published in PUBLISHED.items():
        for truncation in published:
            if truncation in sizes["truncations"]:
                own = {**common, "task": task, "truncation": truncation}
                yield Training("bptt", seed, own)
                for scale in sizes["scales"]:
                    yield Training("dni", seed, {**own, "gradient_scale": scale})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    return learn(training, SequenceSpec(**training.settings), given)


def learn(training: Training, spec: SequenceSpec, given: Circumstances) -> dict[str, Any]:
    """``planned`` is in units of what a look at the speed takes."""
    planned = spec.steps / WINDOWS_OF_A_LOOK
    if given.stop_after is not None:
        spec = replace(spec, steps=given.stop_after * WINDOWS_OF_A_LOOK)
    method, heartbeat = "bptt" if training.method == "bptt" else "dni", Heartbeat(spec.steps)
    result = train_sequence(
        method, spec, seed=training.seed, device="cpu", clock=process_time,
        on_progress=lambda point: heartbeat.tell(point.step),
    )  # fmt: skip
    return {
        "planned": planned,
        "seconds": result.seconds,
        "ended": result.reason or "completed",
        "length": result.length or 0,
        "bits": result.validation_bits,
        "test_bits": result.test_bits,
        "curve": [asdict(point) for point in result.curve],
        "text": result.environment.get("text"),
    }


def table(rows: Sequence[Row]) -> str:
    scales = list(dict.fromkeys(row["settings"]["gradient_scale"] for row in chosen(rows, "dni")))
    header = ["task", "T", "`bptt`", *(f"`dni`, predictions × {scale:g}" for scale in scales)]
    lines = []
    for task, published in PUBLISHED.items():
        for truncation, (bptt, dni) in published.items():
            own = chosen(rows, task=task, truncation=truncation)
            found = [chosen(own, "bptt"), *(chosen(own, "dni", gradient_scale=scale) for scale in scales)]
            cells = [spread([row["result"]["length"] for row in each], 1) for each in found]
            if own:
                lines.append([task, str(truncation), *cells, f"{bptt}, {dni}"])
    return markdown([*header, "published, `bptt` and `dni`"], lines)


EXPERIMENT = Experiment(
    name="copying",
    title="The longest copy that was solved, LSTM",
    sizes={
        "steps": 4000,
        "units": 256,
        "width": 1024,
        "rate": 1e-3,
        "predictor_rate": 1e-3,
        "truncations": [2, 3, 4, 5],
        "scales": [0.1, 1.0],
    },
    tiny={"steps": 2, "units": 4, "width": 4, "truncations": [3]},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)
