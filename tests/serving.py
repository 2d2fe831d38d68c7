"""A real API server for tests, in a thread of its own, at a port that can be used again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import create_app
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore


@contextmanager
def serving(settings: Settings, store: SqlStore, port: int = 0) -> Iterator[str]:
    """The address; 0 is any free port."""
    listening = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(create_app(settings, store), log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
