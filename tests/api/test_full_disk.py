"""A full disk is told as such: 503 in the form of every problem, and not ready."""

import errno

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backprop_evo.store.sql import SqlStore

SPEC = {"name": "on a full disk", "trials": 4}


@pytest.fixture
def fill(store: SqlStore):
    """No page more than there are, in every connection that is opened from now on."""
    import sqlalchemy as sa

    def full(connection, _record) -> None:
        connection.execute("PRAGMA max_page_count=1")

    def fill() -> None:
        store.database.writer.dispose()
        sa.event.listen(store.database.writer, "connect", full)
        # So that whatever is written needs a new page.
        with store.database.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1")

    def free() -> None:
        sa.event.remove(store.database.writer, "connect", full)
        store.database.writer.dispose()

    fill.free = free
    return fill


def test_a_full_disk_is_unavailable_and_passes(client: TestClient, fill) -> None:
    fill()
    answers = [
        client.post("/api/v1/searches", json={**SPEC, "start": ["g"] * 190, "name": "x" * 200})
        for _ in range(40)
    ]
    refused = answers[-1]
    assert {each.status_code for each in answers} <= {202, 503}
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"]
    assert "full" in refused.json()["detail"]
    fill.free()
    assert client.post("/api/v1/searches", json=SPEC).status_code == 202


def test_a_file_that_cannot_be_written_is_unavailable(client: TestClient, app: FastAPI, monkeypatch) -> None:
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SqlStore, "is_ready", full)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "disk is full" in answer.json()["detail"]


def test_readiness_tries_a_write(client: TestClient, store: SqlStore) -> None:
    assert client.get("/readyz").status_code == 200
    assert client.get("/readyz").status_code == 200
    with store.database.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    # What is left in the pool cannot write, as on a disk that is full or mounted read-only.
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "readonly" in answer.json()["detail"]
