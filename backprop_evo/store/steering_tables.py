"""The tables of what people change: trials that were retried, equations injected, notes on equations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backprop_evo.store.table_base import Base, table_of


class RetryRow(Base):
    """The end of a trial that was retried since: what the brain heard then, and the result there was.
    ``fence`` is that of its last attempt, ``retried_at`` when somebody asked for another."""

    __tablename__ = "retries"
    __table_args__ = (Index("ix_retries_trial_id", "trial_id"),)

    search_id: Mapped[str] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"), primary_key=True)
    finish_order: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    trial_id: Mapped[str] = mapped_column(ForeignKey("trials.id", ondelete="CASCADE"))
    individual: Mapped[int]
    purpose: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    fence: Mapped[int]
    ended_at: Mapped[datetime]
    retried_at: Mapped[datetime]
    result: Mapped[str] = mapped_column(Text)


class InjectionRow(Base):
    """One equation that somebody put into a search, in the order in which they came. ``individual`` is its
    number once the brain has proposed it; null while it waits."""

    __tablename__ = "injections"

    search_id: Mapped[str] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    equation: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(128))
    hopeless: Mapped[str | None] = mapped_column(Text)
    injected_at: Mapped[datetime]
    individual: Mapped[int | None]


class EquationMarksRow(Base):
    """What people noted of a behaviour. No row is the same as no star and no note."""

    __tablename__ = "equation_marks"

    fingerprint: Mapped[str] = mapped_column(String(128), primary_key=True)
    starred: Mapped[bool]
    note: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]


EQUATION_MARKS = table_of(EquationMarksRow)
RETRIES = table_of(RetryRow)
INJECTIONS = table_of(InjectionRow)
