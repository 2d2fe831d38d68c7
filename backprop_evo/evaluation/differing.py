"""Specs side by side, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backprop_evo.wording import UNKNOWN


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field by its dotted name, and what each spec has there, in words."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether not all have the same there."""
        return len(set(self.values)) > 1


def fields_side_by_side(documents: Sequence[Mapping[str, Any]]) -> tuple[FieldRow, ...]:
    """Of specs as JSON documents, in their order; a field that one does not have is unknown there."""
    flat = [dict(_flat(each)) for each in documents]
    names = dict.fromkeys(name for each in flat for name in each)
    return tuple(FieldRow(name, tuple(each.get(name, UNKNOWN) for each in flat)) for name in names)


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, each in value.items():
        if isinstance(each, Mapping):
            yield from _flat(each, f"{before}{name}.")
        else:
            yield before + name, _words(each)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value)) or "none"
    return UNKNOWN if value is None else str(value)
