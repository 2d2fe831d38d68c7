"""Connections that died while they rested: replaced before anybody meets them, or soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from backprop_evo.errors import Unavailable
from backprop_evo.store import engine
from backprop_evo.store.sql import SqlStore, open_store
from tests.databases import OTHERS_LEAVE, administrator_of


@pytest.fixture
def store(postgres_url: str) -> Iterator[SqlStore]:
    store = open_store(postgres_url)
    store.nodes.all()
    yield store
    store.close()


@pytest.fixture
def cut(postgres_url: str) -> Callable[[], None]:
    """Ends every connection, as a server that starts again does."""

    def end() -> None:
        with administrator_of(postgres_url) as administrator:
            administrator.exec_driver_sql(OTHERS_LEAVE)

    return end


def asked(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What connections answered that were asked whether they live."""
    answers: list[bool] = []
    ping = store.database.writer.dialect.do_ping

    def listen(connection: object) -> bool:
        answers.append(False)
        answers[-1] = ping(connection)
        return answers[-1]

    monkeypatch.setattr(store.database.writer.dialect, "do_ping", listen)
    return answers


def test_one_that_died_at_rest_is_replaced_before_it_is_used(store, cut, monkeypatch) -> None:
    monkeypatch.setattr(engine, "ASK_AFTER_S", 0.0)
    answers = asked(store, monkeypatch)
    cut()
    assert store.nodes.all() == []
    assert answers == [False]
    assert store.nodes.all() == []
    assert answers == [False, True]


def test_one_that_was_just_used_is_not_asked_and_replaced_where_it_failed(store, cut, monkeypatch) -> None:
    answers = asked(store, monkeypatch)
    cut()
    with pytest.raises(Unavailable):
        store.nodes.all()
    assert store.nodes.all() == []
    assert answers == []


def test_all_that_died_are_replaced_by_the_first_that_is_asked(store, cut, monkeypatch) -> None:
    database, made = store.database, []
    with database.read() as one, database.read() as other:
        assert one.connection.dbapi_connection is not other.connection.dbapi_connection
    monkeypatch.setattr(engine, "ASK_AFTER_S", 0.0)
    answers = asked(store, monkeypatch)
    event.listen(database.writer, "connect", lambda *_: made.append(1))
    cut()
    with database.read(), database.read():
        assert (answers, len(made)) == ([False], 2)
