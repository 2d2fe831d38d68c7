"""The embedded Redis is a real one, private, and keeps what it was told through a kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from backprop_evo.errors import Unavailable
from backprop_evo.settings import Settings
from workers import embedded
from workers.app import make_app
from workers.dispatch import CeleryBroker


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[bytes], redis.Redis]]]:
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> tuple[subprocess.Popen[bytes], redis.Redis]:
        process = subprocess.Popen(
            (sys.executable, "-m", "workers.embedded"),
            env={**os.environ, "BACKPROP_EVO_HOME": str(tmp_path)},
            stdout=subprocess.DEVNULL,
        )
        running.append(process)
        return process, connect(tmp_path)

    yield begin
    for process in running:
        process.kill()
        process.wait()


def connect(home: Path) -> redis.Redis:
    client = redis.Redis(unix_socket_path=str(embedded.socket_path(home)))
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
            return client
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)


def test_it_survives_a_kill_and_listens_on_no_port(
    start: Callable[[], tuple[subprocess.Popen[bytes], redis.Redis]], tmp_path: Path
) -> None:
    process, client = start()
    client.rpush("trials", "one")
    assert client.config_get("port") == {"port": "0"}
    assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700
    time.sleep(1.1)  # written to disk every second
    process.send_signal(signal.SIGKILL)
    process.wait()
    client.close()
    _, client = start()
    assert client.lrange("trials", 0, -1) == [b"one"]
    client.close()


def test_a_long_home_folder_gets_a_short_socket(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 30)
    path = embedded.socket_path(home)
    assert len(os.fsencode(path)) <= 107
    assert path == embedded.socket_path(home)
    assert path != embedded.socket_path(tmp_path / ("other" * 30))


def test_without_any_binary_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(Unavailable, match="no Redis server found") as caught:
        embedded.redis_binary()
    assert "redis-server" in str(caught.value.hint)


def test_a_redis_that_was_named_is_used(tmp_path: Path) -> None:
    named = Settings(home=tmp_path, redis_url="redis://somewhere:6379/0")
    assert embedded.broker_url(named) == "redis://somewhere:6379/0"
    assert embedded.broker_url(Settings(home=tmp_path)).startswith("redis+socket:///")


def test_the_broker_counts_what_waits_in_a_real_redis(
    start: Callable[[], tuple[subprocess.Popen[bytes], redis.Redis]], tmp_path: Path
) -> None:
    _, client = start()
    broker = CeleryBroker(make_app(Settings(home=tmp_path)))
    assert broker.waiting() == 0
    broker.send(["one", "two"])
    assert broker.waiting() == 2
    client.flushall()
    assert broker.waiting() == 0
    broker.send(["three"])
    assert broker.waiting() == 1
    client.close()


def test_a_redis_that_is_away_is_said_to_be_away(tmp_path: Path) -> None:
    broker = CeleryBroker(make_app(Settings(home=tmp_path)))
    with pytest.raises(Unavailable, match="Redis cannot be reached"):
        broker.send(["one"])
    with pytest.raises(Unavailable, match="Redis cannot be reached"):
        broker.waiting()
