"""What people noted of equations: one row a behaviour."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from typing_extensions import override

from backprop_evo.errors import NotFound
from backprop_evo.records.steering import EquationChanges, EquationMarks
from backprop_evo.store.engine import Database
from backprop_evo.store.steering_base import Equations
from backprop_evo.store.tables import EQUATION_MARKS, TRIALS


@dataclass(frozen=True, slots=True)
class SqlEquations(Equations):
    """Over SQLite or PostgreSQL."""

    database: Database

    @override
    def marks(self, fingerprint: str) -> EquationMarks:
        with self.database.read() as connection:
            return _marks(connection, fingerprint)

    @override
    def mark(self, fingerprint: str, changes: EquationChanges, *, now: datetime) -> EquationMarks:
        named = {name: value for name, value in asdict(changes).items() if value is not None}
        here = EQUATION_MARKS.c.fingerprint == fingerprint
        with self.database.write() as connection:
            _check_trained(connection, fingerprint)
            values: dict[str, Any] = {**named, "changed_at": now}
            if connection.execute(update(EQUATION_MARKS).where(here).values(**values)).rowcount == 0:
                first = asdict(EquationMarks()) | values
                connection.execute(insert(EQUATION_MARKS).values(fingerprint=fingerprint, **first))
            return _marks(connection, fingerprint)


def _marks(connection: Connection, fingerprint: str) -> EquationMarks:
    columns = (EQUATION_MARKS.c.starred, EQUATION_MARKS.c.note)
    row = connection.execute(select(*columns).where(EQUATION_MARKS.c.fingerprint == fingerprint)).first()
    return EquationMarks() if row is None else EquationMarks(starred=row.starred, note=row.note)


def _check_trained(connection: Connection, fingerprint: str) -> None:
    of_it = select(TRIALS.c.id).where(TRIALS.c.fingerprint == fingerprint).limit(1)
    if connection.execute(of_it).first() is None:
        raise NotFound(
            f"nothing was trained of the behaviour {fingerprint[:64]!r}",
            hint="copy a fingerprint from a leaderboard",
        )
