"""The API as a process over one home folder; it can be killed and started again on the same port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from backprop_evo.cli.stack import free_port
from backprop_evo.parent_death import dying_with_parent
from backprop_evo.service import Service
from backprop_evo.store import migrations
from backprop_evo.store.sql import open_store

STARTS_WITHIN_S = 60.0


class Served:
    """A home with a migrated database, and the API over it at ``url``."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = f"sqlite:///{home / 'backprop-evo.sqlite'}"
        self.environment = {
            **os.environ,
            **{f"BACKPROP_EVO_{name}": value for name, value in settings.items()},
            "BACKPROP_EVO_HOME": str(home),
            "BACKPROP_EVO_DATABASE_URL": self.database_url,
            "BACKPROP_EVO_API_PORT": str(self.port),
        }
        migrations.upgrade(self.database_url)
        self.store = open_store(self.database_url)
        self.service = Service(self.store)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it answers."""
        with (self.home / "api.log").open("ab") as output:
            self._process = subprocess.Popen(
                dying_with_parent((sys.executable, "-m", "api")),
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            assert self._process.poll() is None, (self.home / "api.log").read_text()
            assert time.monotonic() < deadline, "the API does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def process_id(self) -> int:
        """Of the process that answers, or of the one that watches over it."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Process and store."""
        if self._process is not None:
            self._end(signal.SIGTERM)
        self.store.close()

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
