"""What a child is trained by, as it is asked for, stored and compared: a method's name and its settings.

An equation is the method ``equation`` with the setting ``text``. What methods there are, and which settings
each takes, says ``backprop_evo.training.methods``; here any well-formed name and settings pass. Standard
library only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NoReturn

from backprop_evo.errors import InvalidSettings

Scalar = str | int | float | bool | None

EQUATION = "equation"
"""The method whose setting ``text`` is an equation."""

ControlGroup = Literal["none", "few", "all"]
"""Which controls are trained beside what is compared."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SETTING = re.compile(r"[a-z][a-z0-9_]*")
_MAX_NAME = 64


class FrozenSettings(dict[str, Scalar]):
    """A dict that cannot be changed: JSON and pydantic write it like any other."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the settings of a method cannot be changed; make another MethodSpec")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[type[FrozenSettings], tuple[dict[str, Scalar]]]:
        return FrozenSettings, (dict(self),)


@dataclass(frozen=True, slots=True, eq=False)
class MethodSpec:
    """A method by name, with the settings that differ from its defaults. Equal where ``json`` is equal.

    Raises InvalidSettings for a name that is no word with dashes, and for a setting that is no JSON scalar.
    """

    name: str
    settings: Mapping[str, Scalar] = field(default_factory=FrozenSettings)

    def __post_init__(self) -> None:
        if len(self.name) > _MAX_NAME or not _NAME.fullmatch(self.name):
            raise InvalidSettings(
                f"{self.name!r} cannot be the name of a method",
                field="method.name",
                hint="lower-case words with dashes between them, such as indirect-feedback",
            )
        for name, value in self.settings.items():
            _check_setting(name, value)
        ordered = FrozenSettings({name: self.settings[name] for name in sorted(self.settings)})
        object.__setattr__(self, "settings", ordered)

    @property
    def json(self) -> str:
        """The canonical text: names in order, no spaces. ``read_method`` reads it."""
        return json.dumps(
            {"name": self.name, "settings": self.settings},
            ensure_ascii=False,
            separators=(",", ":"),
            sort_keys=True,
        )

    @property
    def equation(self) -> str | None:
        """The text of an equation; None for any other method."""
        text = self.settings.get("text") if self.name == EQUATION else None
        return None if text is None else str(text)

    def __eq__(self, other: object) -> bool:
        return self.json == other.json if isinstance(other, MethodSpec) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.json)


@lru_cache(maxsize=65_536)
def equation_method(text: str) -> MethodSpec:
    """The method that trains by the equation written in ``text``, which is not looked at here.

    Cached: a value cannot change, and lists say the same equations again and again.
    """
    return MethodSpec(EQUATION, {"text": text})


def read_method(text: str) -> MethodSpec:
    """The method whose ``json`` is ``text``. Raises InvalidSettings for any other text."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidSettings(f"a method is written as JSON: {error}", field="method") from None
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise InvalidSettings("a method is an object with a name", field="method")
    settings = document.get("settings", {})
    if unknown := set(document) - {"name", "settings"}:
        raise InvalidSettings(f"a method has no field {min(unknown)!r}", field=f"method.{min(unknown)}")
    if not isinstance(settings, dict):
        raise InvalidSettings("the settings of a method are an object", field="method.settings")
    return MethodSpec(document["name"], settings)


def _check_setting(name: object, value: object) -> None:
    if not isinstance(name, str) or not _SETTING.fullmatch(name):
        raise InvalidSettings(f"{name!r} cannot be the name of a setting", field="method.settings")
    if not (value is None or isinstance(value, str | int | float)):
        raise InvalidSettings(
            f"method.settings.{name} must be text, a number, true, false or null",
            field=f"method.settings.{name}",
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidSettings(f"method.settings.{name} must be finite", field=f"method.settings.{name}")
