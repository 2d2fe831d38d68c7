"""A worker looks for a Redis that was away every few seconds, however long it was."""

from itertools import pairwise
from pathlib import Path

import kombu.utils.functional
import pytest

from backprop_evo.settings import Settings
from workers.app import make_app
from workers.reconnecting import LONGEST_PAUSE_S, ReconnectingConsumer

TRIES = 12


class EnoughError(Exception):
    """It has tried often enough."""


def test_the_pauses_between_two_tries_stay_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(Settings(home=tmp_path))
    assert app.conf.worker_consumer == "workers.reconnecting:ReconnectingConsumer"
    slept: list[float] = []
    monkeypatch.setattr(kombu.utils.functional, "sleep", slept.append)
    connection, tries = app.connection_for_read(), []

    def refuse() -> None:
        tries.append(sum(slept))
        if len(tries) == TRIES:
            raise EnoughError
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(connection, "_connection_factory", refuse)
    # Without a worker around it, of which this needs nothing else.
    consumer = ReconnectingConsumer.__new__(ReconnectingConsumer)
    consumer.app, consumer.broker_connection_retry_attempt = app, 0
    with pytest.raises(EnoughError):
        consumer.ensure_connected(connection)
    pauses = [after - before for before, after in pairwise(tries)]
    assert len(pauses) == TRIES - 1
    assert 0 < max(pauses) <= LONGEST_PAUSE_S
