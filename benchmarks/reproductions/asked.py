"""What the command line asks for, refused with words before the first training begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backprop_evo import data
from reproductions.experiment import Experiment, Sizes, Training


def sizes_of(experiment: Experiment, pairs: Sequence[str], *, tiny: bool, part: str) -> dict[str, Any]:
    """The experiment's own, or its tiny ones, with those of ``pairs``, each NAME=VALUE, in their place.

    Raises SystemExit for a name that is none of its sizes and for a value that is of another kind.
    """
    asked = dict(_pair(text) for text in pairs)
    unknown = sorted(set(asked) - set(experiment.sizes))
    if unknown:
        raise SystemExit(
            f"{experiment.name} has no {', '.join(unknown)}; it has {', '.join(experiment.sizes)}"
        )
    given = {name: _value(experiment, name, text) for name, text in asked.items()}
    return {**experiment.sizes, **(experiment.tiny if tiny else {}), **given, "part": part}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SystemExit(f"--set takes NAME=VALUE, such as iterations=5000, not {text!r}")
    return name, value


def _value(experiment: Experiment, name: str, text: str) -> Any:
    usual = experiment.sizes[name]
    if isinstance(usual, str):
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not _alike(value, usual):
        raise SystemExit(
            f"--set {name}={text}: {experiment.name} wants something like {name}={json.dumps(usual)}"
        )
    return value


def _alike(value: Any, usual: Any) -> bool:
    """Numbers for a number; a list, with something in it, of what is alike; the same names."""
    if isinstance(usual, Mapping):
        same_names = isinstance(value, Mapping) and set(value) == set(usual)
        return same_names and all(_alike(value[name], each) for name, each in usual.items())
    if isinstance(usual, Sequence) and not isinstance(usual, str):
        return isinstance(value, list) and bool(value) and all(_alike(each, usual[0]) for each in value)
    if isinstance(usual, int | float):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # None of a count is nothing to train; a factor may be 0. β is written as a whole number and is none.
        return is_number and (value > 0 or (value == 0 and isinstance(usual, float)))
    return isinstance(value, type(usual))


def refuse_none(experiment: Experiment, trainings: Sequence[Training], sizes: Sizes) -> None:
    """Raises SystemExit where the sizes leave nothing to train, such as a T that was not published."""
    if not trainings:
        told = ", ".join(f"{name}={json.dumps(value)}" for name, value in sizes.items())
        usual = ", ".join(f"{name}={json.dumps(value)}" for name, value in experiment.sizes.items())
        raise SystemExit(f"{experiment.name} has no training with {told}; its own are {usual}")


def load_data(trainings: Iterable[Training], data_dir: Path | None) -> None:
    """Looks whether all is there, so that a night's run does not end at its first missing file.

    Raises UnknownDataset or DatasetUnusable, whose hint names the command that fetches it.
    """
    named = dict.fromkeys(training.settings["data"] for training in trainings if "data" in training.settings)
    for name in named:
        data.load(name, data_dir)
