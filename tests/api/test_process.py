"""The process: starts without torch, says which port is taken, stops in time with a stream open."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from api.__main__ import listen, show_first_key
from backprop_evo.errors import Unavailable
from backprop_evo.records.callers import KeyScope
from backprop_evo.store.sql import open_store

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["torchvision"] = sys.modules["celery"] = None
import api.__main__
from api.app import create_app
create_app().openapi()
sys.exit(any(name.split(".")[0] == "workers" for name in sys.modules))
"""


def environment(home: Path, port: int) -> dict[str, str]:
    return os.environ | {"BACKPROP_EVO_HOME": str(home), "BACKPROP_EVO_API_PORT": str(port)}


def test_it_needs_neither_torch_nor_workers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        env=environment(tmp_path, 8000),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "api"],
            env=environment(tmp_path, port),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "BACKPROP_EVO_API_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        listen("192.0.2.1", 8000)


def test_it_stops_in_time_with_a_stream_open(url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "api"], env=environment(tmp_path, port) | {"BACKPROP_EVO_DATABASE_URL": url}
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(address)
        with httpx2.Client(timeout=20) as client, client.stream("GET", address + "/api/v1/events") as answer:
            assert next(answer.iter_lines()) == ": connected"
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=15) in (0, -signal.SIGTERM)
            assert time.monotonic() - began < 8
    finally:
        process.kill()
        process.wait()


def wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{address}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not become ready")


def test_the_first_key_is_made_at_the_first_start_and_shown_once(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(sqlite_url)
    show_first_key(store.keys)
    (text,) = re.findall(r"bpe_\S+", capsys.readouterr().err)
    key = store.keys.authenticate(text)
    assert key is not None
    assert key.scope is KeyScope.ADMIN
    store.keys.revoke(key.id, now=key.created_at)
    show_first_key(store.keys)
    assert capsys.readouterr().err == "", "not even where it was revoked"
    store.close()


def test_the_second_part_of_an_answer_does_not_wait_for_the_first() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        taken, _ = listening.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
