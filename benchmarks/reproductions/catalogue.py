"""All experiments by name, the most telling for its time first."""

from __future__ import annotations

from collections.abc import Mapping

from reproductions import (
    asynchronous,
    characters,
    copying,
    dependence_course,
    depths,
    fifty_layers,
    kernel_widths,
    needle,
    residual_blocks,
    unformatted,
    unlocked,
)
from reproductions.experiment import Experiment

EXPERIMENTS: Mapping[str, Experiment] = {
    each.EXPERIMENT.name: each.EXPERIMENT
    for each in (
        depths,
        unformatted,
        fifty_layers,
        kernel_widths,
        asynchronous,
        unlocked,
        copying,
        characters,
        needle,
        dependence_course,
        residual_blocks,
    )
}
