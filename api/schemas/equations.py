"""Equations: read, known, and with their history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.trials import TrialOut
from api.schemas.wire import PageOut, Wire
from backprop_evo.records.steering import MAX_NOTE, EquationChanges
from dsl.known import KnownEquation
from dsl.printing import to_latex, to_text


class EquationIn(BaseModel):
    """An equation as a person writes it, for example ``min(g / fro(g), clip(h, 1.0))``."""

    model_config = ConfigDict(extra="forbid")
    equation: str = Field(examples=["g / fro(g)"])


class EquationOut(Wire):
    """An equation read, printed and measured. ``infeasible`` says why its shapes cannot match, else null."""

    text: str
    tree: Mapping[str, Any] = Field(validation_alias="json", serialization_alias="json")
    latex: str
    mathml: str
    canonical: str | None
    fingerprint: str | None
    operations: int
    infeasible: str | None
    facts: Mapping[str, Any]


class KnownEquationOut(Wire):
    """A named equation of the literature."""

    name: str
    text: str
    latex: str
    source: str

    @classmethod
    def of(cls, known: KnownEquation) -> KnownEquationOut:
        """A row of the table of known equations."""
        text, latex = to_text(known.equation), to_latex(known.equation)
        return cls(name=known.key, text=text, latex=latex, source=known.source)


class KnownEquationsOut(Wire):
    """Every named equation of the language."""

    items: list[KnownEquationOut]


class EquationHistoryOut(PageOut[TrialOut]):
    """All trials of one behaviour, over all searches, newest first, and what people noted of it."""

    fingerprint: str
    starred: bool
    note: str


class EquationMarksOut(Wire):
    """What people noted of one behaviour."""

    fingerprint: str
    starred: bool
    note: str


class EquationChangesIn(BaseModel):
    """What is to be changed of what people noted; what is not named stays."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"minProperties": 1})
    starred: bool = Field(None, description="Whether it has a star.")  # type: ignore[assignment]
    note: str = Field(None, max_length=MAX_NOTE, description="A text of yours.")  # type: ignore[assignment]

    def as_changes(self) -> EquationChanges:
        """What the body names. Raises ``InvalidSettings`` where that is nothing."""
        return EquationChanges(**self.model_dump(exclude_unset=True))
