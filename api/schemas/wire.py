"""What all schemas share: how records become JSON, and pages of them."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from backprop_evo.records.stored import Page

T = TypeVar("T")


class Wire(BaseModel):
    """Built from records by attribute; numbers that are not finite become null."""

    model_config = ConfigDict(from_attributes=True, ser_json_inf_nan="null")


class PageOut(Wire, Generic[T]):
    """One page; pass ``next_cursor`` on as ``cursor`` for the next one. It is null on the last page."""

    items: list[T]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[Any]) -> PageOut[T]:
        """A page of records, each turned into its schema by attribute."""
        return cls.model_validate({"items": page.items, "next_cursor": page.next_cursor})
