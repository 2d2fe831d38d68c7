"""The whole service on one machine: Redis, database, node, controller and API, started and stopped together.

Every process is tied to this one by the kernel, so that nothing outlives it, however it ends. One stack per
home folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from backprop_evo.client import Client
from backprop_evo.errors import Unavailable
from backprop_evo.settings import Settings
from backprop_evo.store import migrations
from backprop_evo.supervision import ProcessSpec, Supervised, Supervisor, tail

START_TIMEOUT_S = 90.0
DRAIN_S = "1"
"""A stack that is stopped on purpose waits no longer for running trials; they are taken up again next
time."""


class Stack:
    """``with Stack(settings) as stack:`` serves at ``stack.url`` until the block ends.

    Entering raises ``Unavailable`` when the port is in use, the home folder serves another stack, a program
    is missing or a process does not start; everything that was started is stopped again before that.
    """

    def __init__(self, options: Settings) -> None:
        self.options = options
        self.url = f"http://{_address(options.api_host)}:{options.api_port}"
        self.logs = options.home / "logs"
        self._supervisor = Supervisor()
        self._lock: IO[str] | None = None

    def __enter__(self) -> Stack:
        try:
            self._lock_home()
            check_port(self.options.api_host, self.options.api_port)
            self._start_all()
        # Ctrl-C while it starts, too, must not leave processes behind.
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def restart_crashed(self) -> None:
        """Start again what crashed; to be called about once a second."""
        self._supervisor.restart_crashed()

    def stop(self) -> None:
        """API first, Redis last; then the home folder is free again."""
        self._supervisor.stop_in_order()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _lock_home(self) -> None:
        path = self.options.home / "stack.lock"
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self._lock = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise Unavailable(
                f"cannot write to {self.options.home}: {error.strerror}",
                hint="check free disk space and file rights, or choose another folder with --home",
            ) from error
        try:
            # The kernel gives the lock back when we die, however we die: a file alone would outlive us.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = _owner(path)
            self._lock.close()
            self._lock = None
            raise Unavailable(
                f"{self.options.home} is served already by process {owner['pid']} at {owner['url']}",
                hint="use that one, stop it, or choose another folder with --home",
            ) from None
        # Only now, with the lock held: before, it told of the owner.
        self._lock.truncate(0)
        self._lock.write(json.dumps({"pid": os.getpid(), "url": self.url}))
        self._lock.flush()

    def _start_all(self) -> None:
        if self.options.is_embedded:
            self._start("redis", "workers.embedded")
        # Before anything that reads the database is started.
        migrations.upgrade(self.options.resolved_database_url)
        # Longer than a node gives its workers to give their trials back.
        self._start("node", "workers.node", grace_s=40.0)
        self._start("controller", "workers.controller")
        self._start("api", "api")
        self._wait_until_ready()

    def _start(self, name: str, module: str, grace_s: float = 10.0) -> None:
        self._supervisor.add(
            ProcessSpec(
                name=name,
                argv=(sys.executable, "-m", module),
                env=environment(self.options),
                log=self.logs / f"{name}.log",
                grace_s=grace_s,
            )
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        with Client(self.url) as client:
            while not client.is_ready():
                for member in self._supervisor.members:
                    _check_alive(member)
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"the service at {self.url} is not ready after {START_TIMEOUT_S:.0f} s",
                        hint=f"read the logs in {self.logs}",
                    )
                time.sleep(0.1)
        # Once more: one may have died between its last look and the API's first answer.
        for member in self._supervisor.members:
            _check_alive(member)


def environment(options: Settings) -> dict[str, str]:
    """The environment of every process of a stack: ours, with the settings this stack was given."""
    return {
        # Before the environment's own, which wins.
        "BACKPROP_EVO_DRAIN_S": DRAIN_S,
        **os.environ,
        "BACKPROP_EVO_HOME": str(options.home.resolve()),
        "BACKPROP_EVO_API_HOST": options.api_host,
        "BACKPROP_EVO_API_PORT": str(options.api_port),
        "BACKPROP_EVO_SLOTS": str(options.slots),
        # Or the last lines of a process that crashed, which tell why, are lost.
        "PYTHONUNBUFFERED": "1",
    }


def check_port(host: str, port: int) -> None:
    """Raises ``Unavailable`` when somebody listens there already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server itself does: connections that are closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unavailable(
                f"port {port} on {host} cannot be used: {error.strerror}",
                hint="stop what listens there, or choose another with --port (or BACKPROP_EVO_API_PORT)",
            ) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _address(host: str) -> str:
    # One listens on every address, but asks at one.
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


def _owner(lock: Path) -> dict[str, object]:
    try:
        owner = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        owner = {}
    return {"pid": "unknown", "url": "an unknown address", **owner}


def _check_alive(member: Supervised) -> None:
    if member.exit_code is None:
        return
    lines = "\n".join(tail(member.spec.log)) if member.spec.log is not None else ""
    raise Unavailable(
        f"{member.spec.name} ended with exit code {member.exit_code}:\n{lines}",
        hint=f"read {member.spec.log}; `backprop-evo doctor` says what is missing",
    )
