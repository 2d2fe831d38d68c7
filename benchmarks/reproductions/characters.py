"""Bits per character of a text, by truncated BPTT and by synthetic gradients, windows of T = 5, 8 and 20.

Published (Jaderberg et al. 2017, figures recalled) on Penn Treebank, which no package ships: 1.37, 1.35, 1.35
for BPTT with T = 5, 8, 20, and 1.34 for synthetic gradients with T = 5, of 1,024 units. Ours is the text that
comes with Python, so that only the difference of the two methods can be compared. Bits are of its last part,
with ``--part validation`` of the part before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backprop_evo.training.sequences.spec import SequenceSpec
from reproductions.copying import learn
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

#: T → published bits on another text, for BPTT and DNI.
PUBLISHED: Mapping[int, str] = {5: "1.37, 1.34", 8: "1.35, –", 20: "1.35, –"}


def trainings(sizes: Sizes, seed: int) -> Iterable[Training]:
    # A line of the results names its part only where that is not the test, as those of before.
    left_out = {"truncations", "scales"} | ({"part"} if sizes["part"] == "test" else set())
    common = {name: value for name, value in sizes.items() if name not in left_out}
    for truncation in sizes["truncations"]:
        own = {**common, "truncation": truncation}
        yield Training("bptt", seed, own)
        for scale in sizes["scales"]:
            yield Training("dni", seed, {**own, "gradient_scale": scale})


def carry_out(training: Training, given: Circumstances) -> dict[str, Any]:
    settings = {name: value for name, value in training.settings.items() if name != "part"}
    tests = _part(training.settings) == "test" and given.stop_after is None
    return learn(training, SequenceSpec(task="text", evaluate_test=tests, **settings), given)


def _part(settings: Mapping[str, Any]) -> str:
    return str(settings.get("part", "test"))


def table(rows: Sequence[Row]) -> str:
    scales = list(dict.fromkeys(row["settings"]["gradient_scale"] for row in chosen(rows, "dni")))
    lines = []
    for truncation in dict.fromkeys(row["settings"]["truncation"] for row in rows):
        own = chosen(rows, truncation=truncation)
        found = [chosen(own, "bptt"), *(chosen(own, "dni", gradient_scale=scale) for scale in scales)]
        cells = [spread(told(each), 3) for each in found]
        lines.append([str(truncation), *cells, PUBLISHED.get(truncation, "–")])
    bits = f"{_part(rows[0]['settings'])} bits"
    header = ["T", f"`bptt`, {bits}", *(f"`dni`, predictions × {scale:g}, {bits}" for scale in scales)]
    return markdown([*header, "published, another text"], lines)


def told(rows: Sequence[Row]) -> list[float]:
    """Of those that came to their end."""
    ended = [row for row in rows if row["result"]["ended"] == "completed"]
    named = {"test": "test_bits", "validation": "bits"}
    return [row["result"][named[_part(row["settings"])]] for row in ended]


EXPERIMENT = Experiment(
    name="characters",
    title="Bits per character of the text that comes with Python, LSTM",
    sizes={
        "steps": 2000,
        "units": 256,
        "width": 1024,
        "rate": 1e-3,
        "predictor_rate": 1e-3,
        "truncations": [5, 8, 20],
        "scales": [0.1],
    },
    tiny={"steps": 2, "units": 4, "width": 4, "truncations": [5]},
    trainings=trainings,
    carry_out=carry_out,
    table=table,
)
