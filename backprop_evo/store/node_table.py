"""The table of nodes: what each told of itself, and what operators ask of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from backprop_evo.store.table_base import Base, table_of


class NodeRow(Base):
    """One machine that runs workers, as of its last heartbeat; lists and the reasons in ``fetch_faults`` are
    JSON. A heartbeat changes neither ``faults``, ``quarantine`` and ``tested_at`` nor the wish: what begins
    with ``wanted``, ``draining`` and ``gives_back``."""

    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    slots: Mapped[int]
    devices: Mapped[str] = mapped_column(Text)
    code_version: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    datasets: Mapped[str | None] = mapped_column(Text)
    free_memory_mib: Mapped[int | None]
    faults: Mapped[int] = mapped_column(server_default="0")
    quarantine: Mapped[str | None] = mapped_column(Text)
    tested_at: Mapped[datetime | None]
    own_labels: Mapped[str] = mapped_column(Text, server_default="[]")
    fetches: Mapped[bool] = mapped_column(server_default=false())
    fetching: Mapped[str | None] = mapped_column(String(200))
    fetch_faults: Mapped[str] = mapped_column(Text, server_default="{}")
    wanted_slots: Mapped[int | None]
    wanted_labels: Mapped[str | None] = mapped_column(Text)
    draining: Mapped[bool] = mapped_column(server_default=false())
    gives_back: Mapped[bool] = mapped_column(server_default=false())


NODES = table_of(NodeRow)
