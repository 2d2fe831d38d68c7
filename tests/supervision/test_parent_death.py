"""A child ends with its parent, however early that one dies."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PARENT = """
import subprocess, sys, time
from backprop_evo.parent_death import dying_with_parent
child = subprocess.Popen(dying_with_parent((sys.executable, "-c", "import time; time.sleep(60)")),
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def alive(process: psutil.Process) -> bool:
    """A zombie, which nobody here collects, has ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends children")
@pytest.mark.parametrize("after_s", [0.0, 0.002, 0.02, 0.1, 1.0])
def test_a_child_never_outlives_a_parent_that_is_killed(after_s: float, tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
        time.sleep(after_s)
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.02)


def test_a_program_whose_parent_is_another_than_it_was_told_never_begins() -> None:
    argv = (sys.executable, "-m", "backprop_evo.parent_death", "1", sys.executable, "-c", "print('began')")
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
