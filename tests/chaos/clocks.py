"""By which clock a call is timed: the wall's, or what processors worked for it, here and in PostgreSQL.

Where other work runs on the same cores, the wall tells of that; the processors tell what a call costs, which
is what it takes where it is alone and its rows are in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.chaos.databases import Database

Clock = Callable[[], float]
"""Seconds since some moment."""

WALL, CPU = "wall", "cpu"


def clock_of(name: str, database: Database) -> Clock:
    if name == WALL:
        return time.perf_counter
    if database.server is None:
        return time.process_time
    server = psutil.Process(database.server.pid)
    return lambda: time.process_time() + sum(_worked_s(each.pid) for each in server.children())


def _worked_s(pid: int) -> float:
    """To the nanosecond: what psutil has is counted in hundredths of a second."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:  # it ended
        return 0.0
