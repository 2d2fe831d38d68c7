"""Processes of ours restart when they crash, stop in order, and never outlive us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from backprop_evo.errors import Unavailable
from backprop_evo.supervision import ProcessSpec, Supervised, Supervisor, tail

SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def spec(code: str, tmp_path: Path, name: str = "child", grace_s: float = 5.0) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=(sys.executable, "-c", code),
        env=dict(os.environ),
        log=tmp_path / f"{name}.log",
        grace_s=grace_s,
    )


def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.stop_in_order()


def test_a_crashed_process_starts_again_later_each_time(tmp_path: Path) -> None:
    time_now = [0.0]
    member = Supervised(spec("raise SystemExit(3)", tmp_path), clock=lambda: time_now[0])
    delays = []
    for _ in range(3):
        member.start()
        eventually(lambda: not member.is_running)
        member.restart_if_crashed()
        delays.append(member.next_start - time_now[0])
        member.restart_if_crashed()
        assert member.process is None, "it must wait before it starts again"
        time_now[0] = member.next_start
    assert delays == [0.5, 1.0, 2.0]
    member.restart_if_crashed()
    assert member.process is not None
    member.stop()


def test_a_process_that_ran_well_is_forgiven(tmp_path: Path) -> None:
    time_now = [0.0]
    member = Supervised(spec("pass", tmp_path), clock=lambda: time_now[0], crashes=7)
    member.start()
    eventually(lambda: not member.is_running)
    time_now[0] = 3600.0
    member.restart_if_crashed()
    assert member.next_start == 3600.5


def test_the_last_started_stops_first(supervisor: Supervisor, tmp_path: Path) -> None:
    note = tmp_path / "order"
    for name in ("first", "second"):
        ready = tmp_path / f"{name}.ready"
        code = (
            "import pathlib, signal, sys, time\n"
            f"def end(*_):\n    open({str(note)!r}, 'a').write('{name} '); sys.exit()\n"
            f"signal.signal(15, end); pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
        )
        supervisor.add(spec(code, tmp_path, name))
        eventually(ready.exists)
    supervisor.stop_in_order()
    assert note.read_text() == "second first "


def test_a_process_that_is_deaf_is_killed_with_its_children(supervisor: Supervisor, tmp_path: Path) -> None:
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); exec({DEAF!r})"
    member = supervisor.add(spec(code, tmp_path, grace_s=0.2))
    assert member.process is not None
    eventually(lambda: "deaf" in " ".join(tail(tmp_path / "child.log")))
    family = [psutil.Process(member.process.pid), *psutil.Process(member.process.pid).children()]
    assert len(family) == 2
    supervisor.stop_in_order()
    eventually(lambda: not any(_lives(each) for each in family))


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]:
    """A supervisor in a process of its own, and its child."""
    note = tmp_path / "pid"
    code = f"""
import os, sys, time
from pathlib import Path
from backprop_evo.supervision import ProcessSpec, Supervisor
child = Supervisor().add(ProcessSpec(name="c", argv=(sys.executable, "-c", {SLEEP!r}), env=dict(os.environ)))
time.sleep(0.5)
Path({str(note)!r}).write_text(str(child.process.pid))
time.sleep(60)
"""
    parent = subprocess.Popen((sys.executable, "-c", code), stdout=subprocess.DEVNULL)
    eventually(lambda: note.exists() and note.read_text() != "")
    yield parent, psutil.Process(int(note.read_text()))
    parent.kill()
    parent.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are the Linux kernel's")
def test_nothing_outlives_a_supervisor_that_was_killed(
    doomed: tuple[subprocess.Popen[bytes], psutil.Process],
) -> None:
    parent, child = doomed
    assert _lives(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    eventually(lambda: not _lives(child))


def test_a_log_that_cannot_be_written_is_an_error_of_ours(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot start child"):
        supervisor.add(spec(SLEEP, tmp_path / "no such folder"))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
