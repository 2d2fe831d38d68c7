"""The form that starts an evaluation, read into the document that a program would send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from api.errors import details
from api.pages.forms import Form, whole
from backprop_evo.errors import InvalidEquation, InvalidInput, InvalidSettings, UnknownDataset
from backprop_evo.records.methods import ControlGroup
from backprop_evo.records.presets import PRESETS
from backprop_evo.service.documents import train_document, train_spec
from backprop_evo.service.spec_fields import train_fields

YES_OR_NO = (("no", "no"), ("yes", "yes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A field of the form. ``told_of`` are the fields of the document whose errors belong to it."""

    name: str
    label: str
    help: str
    value: str = ""
    told_of: tuple[str, ...] = ()
    lines: bool = False
    is_number: bool = False
    choices: Sequence[tuple[str, str]] = ()
    problem: InvalidInput | None = None


INPUTS = (
    Input(
        name="methods",
        label="Methods",
        help="Equations, names of methods or known equations, or the groups table-1, known, controls.",
        value="g / fro(g)",
        told_of=("methods", "equation", "method"),
        lines=True,
    ),
    Input(
        name="changes",
        label="Changes of the setting",
        help="What is not as in the preset, one a line, such as epochs = 5 or model = cnn.",
        told_of=("changes", "settings", "train"),
        lines=True,
    ),
    Input(
        name="presets",
        label="Presets",
        help=f"One setting each, with commas between: {', '.join(PRESETS)}.",
        value="quick",
        told_of=("preset", "presets"),
    ),
    Input(
        name="baseline",
        label="Against",
        help="The method that the others are compared with.",
        value="g",
        told_of=("baseline",),
    ),
    Input(
        name="seeds",
        label="Seeds",
        help="So many, the same for all methods.",
        value="5",
        told_of=("seeds",),
        is_number=True,
    ),
    Input(
        name="test",
        label="Read the test split",
        help="And compare by it.",
        value="no",
        told_of=("test",),
        choices=YES_OR_NO,
    ),
    Input(
        name="controls",
        label="Controls",
        help="Trained beside the methods, to be beaten; few are the placebo and g / fro(g).",
        value="all",
        told_of=("controls",),
        choices=[(each, each) for each in reversed(get_args(ControlGroup))],
    ),
    Input(
        name="in_momentum",
        label="In momentum too",
        help="Each setting by SGD once more in momentum, at rates of the same grid.",
        value="no",
        told_of=("in_momentum",),
        choices=YES_OR_NO,
    ),
    Input(name="name", label="Name", help="What it is called; the methods by default.", told_of=("name",)),
)
OF_A_SEARCH = ("methods", "baseline")
"""Given where the methods are those that a search has confirmed."""


@dataclass(frozen=True, slots=True)
class EvaluationForm:
    """``problem`` is what was wrong with it, told beside the input that it is about where there is one."""

    inputs: Sequence[Input]
    from_search: str
    problem: InvalidInput | None = None

    @property
    def is_told_beside(self) -> bool:
        """Whether the problem stands beside an input."""
        return any(each.problem is not None for each in self.inputs)

    @classmethod
    def of(cls, form: Mapping[str, str], problem: InvalidInput | None = None) -> EvaluationForm:
        """The form with what was typed."""
        from_search = form.get("from_search", "")
        shown = [each for each in INPUTS if not (from_search and each.name in OF_A_SEARCH)]
        wrong = _wrong_input(problem)
        return cls(
            [
                replace(
                    each,
                    value=form.get(each.name, each.value),
                    problem=problem if each.name == wrong else None,
                )
                for each in shown
            ],
            from_search,
            problem,
        )


def evaluation_document(form: Form) -> dict[str, Any]:
    """What a program would send. Raises ``InvalidSettings``."""
    texts = {each.name: form.get(each.name, each.value).strip() for each in INPUTS}
    document: dict[str, Any] = {
        "settings": _settings(texts["presets"], texts["changes"]),
        "seeds": whole(texts["seeds"], "seeds"),
        "controls": texts["controls"],
        "test": texts["test"] == "yes",
        "in_momentum": texts["in_momentum"] == "yes",
    }
    if form.get("from_search"):
        document["from_search"] = form["from_search"]
    else:
        document["methods"] = [each.strip() for each in texts["methods"].splitlines() if each.strip()]
        document["baseline"] = texts["baseline"] or "g"
    name = texts["name"] or ", ".join(document.get("methods", ()))
    return document | ({"name": name[:200]} if name else {})


def _settings(presets: str, changes: str) -> list[dict[str, Any]]:
    texts = _changes(changes)
    words = [f"{name} {text}" for name, text in texts.items()]
    return [
        {"name": ", ".join([preset, *words])[:100], "train": train_document(train_spec(preset, texts))}
        for preset in (each.strip() for each in presets.split(","))
        if preset
    ]


def _changes(text: str) -> dict[str, str]:
    known = {each.name for each in train_fields()}
    found = {}
    for line in filter(None, (each.strip() for each in text.splitlines())):
        name, equals, value = line.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in known:
            raise InvalidSettings(
                f"{line[:40]!r} changes nothing that is known",
                field="changes",
                hint="one a line, such as epochs = 5; known: " + ", ".join(sorted(known)),
            )
        found[name] = value.strip()
    return found


def _wrong_input(problem: InvalidInput | None) -> str | None:
    """The input that a problem is about."""
    if problem is None:
        return None
    if isinstance(problem, InvalidEquation):
        return "methods"
    if isinstance(problem, UnknownDataset):
        return "changes"
    field = next((each.field for each in details(problem)), None) or ""
    first = field.split(".")[0].split("[")[0]
    return next((each.name for each in INPUTS if first in each.told_of), None)
