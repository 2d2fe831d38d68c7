"""How a method declares itself: its words, its settings with their ranges, and how a learner is prepared.

Without torch, so that a service can list methods and check their settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from html import escape
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_type_hints

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec, Scalar
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.records.training import TrainSpec

if TYPE_CHECKING:
    from backprop_evo.training.methods.learner import FreshChild, Learner

S = TypeVar("S")

_KINDS: Mapping[type, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def refuse_all_but_perceptrons(train: TrainSpec, need: str, *, example: str) -> None:
    """For methods that ``need`` a plain chain of layers, in words. Raises ``InvalidSettings`` for a model
    that is known to be none; of others the first backward pass will tell."""
    if parse_model_name(train.model).kind != "mlp":
        raise InvalidSettings(
            f"{need}, and {train.model} is none",
            field="train.model",
            hint=f"use an mlp such as {example}; direct-feedback-alignment trains every model",
        )


@dataclass(frozen=True, slots=True)
class NoSettings:
    """Of a method that has none."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting for people and forms. ``default`` is None beside ``required``, and where None is the
    default; ``low`` and ``high`` are inclusive.
    """

    name: str
    kind: type
    optional: bool
    required: bool
    default: Scalar
    help: str
    low: float | None
    high: float | None
    choices: tuple[Scalar, ...]

    @property
    def wants(self) -> str:
        """What a value has to be, in words."""
        words = _KINDS[self.kind]
        if self.choices:
            words = "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.low is not None:
            words += f" from {self.low:g}"
        if self.high is not None:
            words += f" up to {self.high:g}"
        return words + (" or null" if self.optional else "")

    def from_text(self, text: str) -> Scalar:
        """What ``text`` writes, as far as it is of the setting's kind; else the text itself."""
        if self.optional and text == "null":
            return None
        if self.kind is bool:
            return {"true": True, "false": False}.get(text, text)
        try:
            return text if self.kind is str else self.kind(text)
        except ValueError:
            return text


def setting(
    help: str,
    *,
    default: Any = MISSING,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Scalar, ...] = (),
) -> Any:
    """A field of a settings class: required without ``default``; a number lies in ``low`` … ``high``."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


def _any_settings(settings: Any) -> None:
    del settings


def _any_child(settings: Any, train: TrainSpec) -> None:
    del settings, train


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Generic[S]):
    """A method as its file declares it, in ``METHOD``.

    ``settings`` is a frozen dataclass whose fields are made by ``setting`` and typed bool, int, float or str,
    each perhaps ``| None``. ``check`` raises for settings that contradict each other, ``fits`` where the
    method cannot train the child of a train spec; both without torch, which ``prepare`` alone imports.
    ``text`` is how people read it, ``latex`` and ``mathml`` as a formula, ``canonical`` the text of its
    simplest form where there is one, ``fingerprint`` equal for settings that behave equally (at most 128
    characters); by default the title, the text upright, and a hash of all settings. ``is_control``: it is
    there to be beaten; ``is_placebo``: it differs from plain backprop by chance alone.
    """

    name: str
    title: str
    description: str
    source: str
    prepare: Callable[[S, FreshChild], Learner]
    settings: type[S] = NoSettings  # type: ignore[assignment]
    check: Callable[[S], None] = _any_settings
    fits: Callable[[S, TrainSpec], None] = _any_child
    text: Callable[[S], str] | None = None
    latex: Callable[[S], str] | None = None
    mathml: Callable[[S], str] | None = None
    canonical: Callable[[S], str] | None = None
    fingerprint: Callable[[S], str] | None = None
    can_be_parent: bool = False
    is_control: bool = False
    is_placebo: bool = False

    def rows(self) -> tuple[SettingRow, ...]:
        """The settings in the order of their class."""
        hints = get_type_hints(self.settings)
        return tuple(_row(each, hints[each.name]) for each in fields(self.settings))  # type: ignore[arg-type]

    def read(self, given: Mapping[str, Scalar]) -> S:
        """The settings, checked. Raises InvalidSettings naming ``method.settings.…``, and what ``check``
        raises.
        """
        rows = {row.name: row for row in self.rows()}
        for name in given:
            if name not in rows:
                raise InvalidSettings(
                    f"the method {self.name} has no setting {name}",
                    field=f"method.settings.{name}",
                    hint=f"its settings: {', '.join(rows)}" if rows else "it has none",
                )
        values = {name: _value(row, given[name]) for name, row in rows.items() if name in given}
        for name, row in rows.items():
            if row.required and name not in values:
                raise InvalidSettings(
                    f"the method {self.name} needs the setting {name}: {row.help}",
                    field=f"method.settings.{name}",
                )
        settings = self.settings(**values)
        self.check(settings)
        return settings


@dataclass(frozen=True, slots=True)
class Method:
    """A declared method with checked settings. ``method_of`` makes it."""

    declared: Declared[Any]
    settings: Any

    @property
    def spec(self) -> MethodSpec:
        """Name and all settings, defaults written out."""
        return MethodSpec(self.declared.name, asdict(self.settings))

    def text(self) -> str:
        """The method for people, on one line."""
        return self.declared.text(self.settings) if self.declared.text else self.declared.title

    def latex(self) -> str:
        """The method as a formula."""
        return self.declared.latex(self.settings) if self.declared.latex else rf"\text{{{self.text()}}}"

    def mathml(self) -> str:
        """The same, for browsers."""
        if self.declared.mathml:
            return self.declared.mathml(self.settings)
        # Formulas do not wrap: at a common space a narrow column would end the name after its first word.
        unbroken = escape(self.text()).replace(" ", "&nbsp;")
        return f"<math><mtext>{unbroken}</mtext></math>"

    def canonical(self) -> str | None:
        """The text of its simplest form; None for methods that have none."""
        return self.declared.canonical(self.settings) if self.declared.canonical else None

    def fingerprint(self) -> str:
        """Equal for methods that behave equally; at most 128 characters."""
        if self.declared.fingerprint is not None:
            return self.declared.fingerprint(self.settings)
        # Sorted: the order in which settings were given is no difference in behaviour.
        settings = json.dumps(asdict(self.settings), sort_keys=True)
        digest = hashlib.sha256(settings.encode()).hexdigest()[:12]
        return f"method:{self.declared.name}:{digest}"

    def check_fit(self, train: TrainSpec) -> None:
        """Raises InvalidSettings where the method cannot train the child of ``train``."""
        self.declared.fits(self.settings, train)

    def prepare(self, child: FreshChild) -> Learner:
        """Puts the method into a child's network. Needs torch."""
        return self.declared.prepare(self.settings, child)


def _row(each: Any, hint: Any) -> SettingRow:
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        raise TypeError(f"a setting is bool, int, float or str, perhaps | None, and not {hint}: {each.name}")
    required = each.default is MISSING
    meta = each.metadata
    return SettingRow(
        name=each.name,
        kind=kinds[0],
        optional=type(None) in get_args(hint),
        required=required,
        default=None if required else each.default,
        help=meta["help"],
        low=meta["low"],
        high=meta["high"],
        choices=meta["choices"],
    )


def _value(row: SettingRow, given: Scalar) -> Scalar:
    """``given`` as the setting has it: of its very type, but that a whole number is a number too."""
    # A client may write 1 for 1.0 in JSON.
    if row.kind is float and type(given) is int:
        given = float(given)
    # By type, not isinstance: True is an int to Python, and not to a setting.
    ok = (given is None and row.optional) or type(given) is row.kind
    if ok and isinstance(given, int | float):
        ok = (row.low is None or given >= row.low) and (row.high is None or given <= row.high)
    if not ok or (row.choices and given not in row.choices and given is not None):
        raise InvalidSettings(
            f"method.settings.{row.name} must be {row.wants}, not {given!r}",
            field=f"method.settings.{row.name}",
            hint=row.help,
        )
    return given
