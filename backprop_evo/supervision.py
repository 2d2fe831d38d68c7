"""Child processes of ours: started tied to us, restarted with back-off when they crash, stopped in reverse
order.

Processes run in sessions of their own, so that Ctrl-C in a terminal reaches only the supervisor, which then
stops them in order. Call everything from one thread: a child dies with the thread that started it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from backprop_evo.errors import Unavailable
from backprop_evo.logs import limit_log
from backprop_evo.parent_death import dying_with_parent

log = structlog.get_logger(__name__)

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 30.0
MAX_LOG_BYTES = 20 * 2**20
"""Of a log file; as much again is kept of what came before."""

STEADY_AFTER_S = 60.0
"""A process that ran that long is no longer counted as crashing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run. ``env`` is the whole environment; output goes to ``log``, or to ours where that is
    None."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path | None = None
    grace_s: float = 10.0


@dataclass(slots=True)
class Supervised:
    """One process and its history."""

    spec: ProcessSpec
    clock: Callable[[], float] = time.monotonic
    process: subprocess.Popen[bytes] | None = None
    crashes: int = 0
    started_at: float = 0.0
    next_start: float = 0.0

    def start(self) -> None:
        """Raises ``Unavailable`` when the program or its log file cannot be opened."""
        self.started_at = self.clock()
        try:
            output = self.spec.log.open("ab") if self.spec.log is not None else None
            try:
                self.process = subprocess.Popen(
                    dying_with_parent(self.spec.argv),
                    env=dict(self.spec.env),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    # So that Ctrl-C reaches us alone, and a kill reaches all that the child started.
                    start_new_session=True,
                )
            finally:
                if output is not None:
                    # The child has its own copy.
                    output.close()
        except OSError as error:
            raise Unavailable(
                f"cannot start {self.spec.name}: {error}",
                hint="check free disk space, memory and file rights",
            ) from error
        log.info("process started", process=self.spec.name, pid=self.process.pid)

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started; negative for a signal."""
        return self.process.poll() if self.process is not None else None

    @property
    def is_running(self) -> bool:
        """False before the first start and between two."""
        return self.process is not None and self.process.poll() is None

    def restart_if_crashed(self) -> None:
        """Start the process again, later each time, when it has ended by itself."""
        if self.is_running:
            return
        now = self.clock()
        if self.process is not None:
            self._note_crash(now)
        if now >= self.next_start:
            self.start()

    def _note_crash(self, now: float) -> None:
        steady = now - self.started_at > STEADY_AFTER_S
        self.crashes = 1 if steady else self.crashes + 1
        # Doubling: a process that cannot start must not keep the machine busy.
        delay = min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** (self.crashes - 1))
        self.next_start = now + delay
        log.error("process ended", process=self.spec.name, exit_code=self.exit_code, restart_in_s=delay)
        self.process = None

    def send(self, number: signal.Signals) -> None:
        """A signal, where it runs."""
        if self.process is not None and self.is_running:
            self.process.send_signal(number)

    def ask_to_stop(self) -> None:
        """SIGTERM, once; ``stop`` waits and insists."""
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to it and whatever it left in its session."""
        if self.process is not None:
            _kill_group(self.process.pid)
            self.process.wait()

    def stop(self) -> None:
        """SIGTERM, ``grace_s`` to end, then SIGKILL to it and whatever it left in its session."""
        if self.process is None:
            return
        self.ask_to_stop()
        try:
            self.process.wait(self.spec.grace_s)
        except subprocess.TimeoutExpired:
            log.warning("process does not end: killing it", process=self.spec.name, pid=self.process.pid)
            _kill_group(self.process.pid)
            self.process.wait()
        log.info("process stopped", process=self.spec.name, exit_code=self.process.returncode)
        self.process = None


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


@dataclass(slots=True)
class Supervisor:
    """Several processes; the last started is the first stopped."""

    members: list[Supervised] = field(default_factory=list)

    def add(self, spec: ProcessSpec) -> Supervised:
        """Start a process and keep it running. Raises ``Unavailable``."""
        member = Supervised(spec)
        self.members.append(member)
        member.start()
        return member

    def restart_crashed(self) -> None:
        """Restart what crashed, and keep logs short; call it about once a second. A failed restart is tried
        again later."""
        for member in self.members:
            if member.spec.log is not None:
                limit_log(member.spec.log, MAX_LOG_BYTES)
            try:
                member.restart_if_crashed()
            except Unavailable as error:
                # No memory or no file rights: at once it would only fail again.
                member.next_start = member.clock() + MAX_DELAY_S
                log.error("restart failed", process=member.spec.name, reason=error.message)

    def stop_in_order(self) -> None:
        """One after another, the last started first: those before it are what it needs."""
        while self.members:
            self.members[-1].stop()
            self.members.pop()

    def stop_together(self) -> None:
        """All of them are asked first and waited for afterwards: for equals that need not outlive each
        other."""
        for member in self.members:
            member.ask_to_stop()
        self.stop_in_order()


def tail(path: Path, lines: int = 12) -> Sequence[str]:
    """The last lines of a log, for an error message; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return ()
