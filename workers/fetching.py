"""Data sets that queued trials want and this node lacks, fetched one after the other in the background, where
the settings allow it.

``python -m workers.fetching NAME`` fetches one, in a process of its own that may be killed at any time: what
was downloaded is gone on from. The node tells of what is there with its heartbeat.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass, field

import structlog

from backprop_evo import data
from backprop_evo.errors import BackpropEvoError
from backprop_evo.settings import Settings, settings
from backprop_evo.store.base import Store
from workers.devices import present_datasets
from workers.side_process import SideProcess

log = structlog.get_logger(__name__)

LOOK_S = 5.0
"""Between two looks at what is wanted."""

AGAIN_S = 300.0
"""What could not be fetched is tried again then."""


@dataclass(slots=True)
class Fetching:
    """``name`` is the data set under way, ``faults`` say why others could not be had."""

    store: Store
    options: Settings
    argv: tuple[str, ...] = (sys.executable, "-m", "workers.fetching")
    name: str | None = None
    faults: dict[str, str] = field(default_factory=dict)
    _again: dict[str, float] = field(default_factory=dict)
    _process: SideProcess | None = None
    _next: float = 0.0

    def step(self, labels: Collection[str], clock: float) -> None:
        """Look at what is fetched, or begin with what is wanted of a node with these labels. ``clock`` is a
        monotonic time in seconds. Raises ``Unavailable`` when the database is away."""
        if not self.options.fetch_data:
            return
        if self._process is not None:
            self._look(clock)
        elif clock >= self._next:
            self._next = clock + LOOK_S
            wanted = self._wanted(labels)
            self._forget_faults(wanted)
            due = [each for each in wanted if clock >= self._again.get(each, 0.0)]
            if due:
                self._begin(due[0])

    def stop(self) -> None:
        """End what is under way; the next start goes on from it."""
        if self._process is not None:
            self._process.end()
            self._process = None
        self.name = None

    def _wanted(self, labels: Collection[str]) -> list[str]:
        here, known = present_datasets(self.options.resolved_data_dir), data.names()
        asked = [
            name
            for want in self.store.queue.wants()
            if set(want.labels) <= set(labels)
            for name in want.datasets
        ]
        return [name for name in dict.fromkeys(asked) if name in known and name not in here]

    def _forget_faults(self, wanted: Collection[str]) -> None:
        """What is here by now, or wanted by nobody, is no longer lacking."""
        for name in [each for each in self.faults if each not in wanted]:
            del self.faults[name], self._again[name]

    def _begin(self, name: str) -> None:
        log.info("fetching a data set that queued trials want", dataset=name)
        self.name, self._process = name, SideProcess.started((*self.argv, name))

    def _look(self, clock: float) -> None:
        assert self._process is not None
        assert self.name is not None
        code, name = self._process.poll(), self.name
        if code is None:
            return
        reason = self._process.reason()
        self.stop()
        self._next = clock
        if code == 0:
            log.info("data set is here", dataset=name)
            self.faults.pop(name, None)
            self._again.pop(name, None)
            return
        self._again[name] = clock + AGAIN_S
        self.faults[name] = f"it could not be fetched: {reason}"
        log.error("data set not fetched", dataset=name, reason=self.faults[name], again_in_s=AGAIN_S)


def main() -> int:
    """The exit code; the last line of standard error is the reason."""
    try:
        data.fetch(sys.argv[1], settings().resolved_data_dir)
    except BackpropEvoError as error:
        # One line: reasons of several sources stand on lines of their own.
        sys.stderr.write(" ".join(error.message.split()) + "\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
