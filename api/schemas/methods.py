"""What a child is trained by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.rendering import method_text
from api.schemas.wire import Wire
from backprop_evo.records.methods import MethodSpec


class MethodOut(Wire):
    """What a child is trained by: a method's name and settings, and how people read it."""

    name: str
    settings: Mapping[str, Any]
    text: str

    @classmethod
    def of(cls, method: MethodSpec) -> MethodOut:
        """The text is written by the method itself, as in listings."""
        return cls(name=method.name, settings=method.settings, text=method_text(method))


def method_fields(method: MethodSpec) -> dict[str, Any]:
    """``equation`` is the text of an equation, null for any other method."""
    return {"method": MethodOut.of(method), "equation": method.equation}
