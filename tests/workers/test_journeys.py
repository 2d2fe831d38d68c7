"""What one trial costs a worker: statements are journeys to the server, and time that no training has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore
from tests.stores import opened
from workers.attempt import Attempts, Ending

#: Three looks before the claim, three statements of the claim, ten of the report.
MOST = 16


@pytest.fixture
def options(tmp_path: Path) -> Settings:
    """No renewal falls into so short a trial."""
    return Settings(home=tmp_path, heartbeat_s=10)


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    yield from opened(database_url)


@pytest.fixture
def statements(store: SqlStore) -> list[str]:
    """Whatever is sent but for the bounds of transactions."""
    sent: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    # On PostgreSQL what the reader does is told to those who listen to the writer.
    engines = (store.database.writer, *([store.database.reader] if store.database.is_sqlite else []))
    for each in engines:
        event.listen(each, "before_cursor_execute", hear)
    return sent


def test_a_trial_costs_its_worker_a_bounded_number_of_statements(
    attempts: Attempts, trial_id: str, statements: list[str]
) -> None:
    statements.clear()
    assert attempts.run(trial_id) is Ending.FINISHED
    assert len(statements) <= MOST, "\n".join(statements)
