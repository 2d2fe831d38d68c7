"""The tables of counters: what a list or a metric tells of a million rows without reading them. Written by
the transactions that write the rows, so that they are never apart."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from backprop_evo.store.table_base import Base, table_of


class EndedTrialsRow(Base):
    """How many trials of a search ended in a state."""

    __tablename__ = "ended_trials"

    search_id: Mapped[str] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), primary_key=True)
    number: Mapped[int]


class SettingResultsRow(Base):
    """How many rows of a search's leaderboard belong to a setting: its own, or that of its confirmation."""

    __tablename__ = "setting_results"

    search_id: Mapped[str] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"), primary_key=True)
    setting_id: Mapped[str] = mapped_column(String(12), primary_key=True, index=True)
    number: Mapped[int]


ENDED_TRIALS = table_of(EndedTrialsRow)
SETTING_RESULTS = table_of(SettingResultsRow)
