"""What all schemas share: how records become JSON, and pages of them."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from backprop_evo.records.stored import Page

T = TypeVar("T")


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def whole(**bounds: Any) -> Any:
    """The type of a whole number in a body, within ``bounds`` (``ge``, ``le``, ``lt``). JSON knows numbers
    only: 100.0 is 100; the text "100" and true are none."""
    return Annotated[int, Field(strict=True, **bounds), BeforeValidator(_whole)]


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
