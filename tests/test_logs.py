"""A full disk ends no process that logs to it, and no log fills a disk."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from backprop_evo.logs import SteadyStream, limit_log
from backprop_evo.supervision import MAX_LOG_BYTES, ProcessSpec, Supervisor


class FullNowAndThen:
    """A stream without a file, on a disk that is full while ``full``."""

    def __init__(self) -> None:
        self.full, self.text = False, ""

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        self.text += text
        return len(text)

    def isatty(self) -> bool:
        return False


def test_lines_that_cannot_be_written_are_counted_and_told_once() -> None:
    disk = FullNowAndThen()
    stream = SteadyStream(disk)  # type: ignore[arg-type]
    stream.write("first\n")
    disk.full = True
    for _ in range(3):
        stream.write("lost\n")
    disk.full = False
    stream.write("last\n")
    stream.write("and more\n")
    told = "3 lines of this log were lost: [Errno 28] No space left on device\n"
    assert disk.text == f"first\n{told}last\nand more\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_process_whose_log_is_on_a_full_disk_goes_on() -> None:
    program = """
        import structlog
        from backprop_evo.logs import configure_logs
        configure_logs()
        for number in range(3000):
            structlog.get_logger("x").error("a line", number=number)
        print("still there")
    """
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            stderr=full,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ended.stdout, ended.returncode) == ("still there\n", 0)


def test_a_long_log_begins_anew_and_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    with path.open("ab", buffering=0) as log:
        log.write(b"x" * 90)
        limit_log(path, 100)
        assert path.stat().st_size == 90
        log.write(b"y" * 90)
        limit_log(path, 100)
        log.write(b"after\n")
    assert path.read_bytes() == b"after\n"
    assert (tmp_path / "node.log.1").read_bytes() == b"x" * 10 + b"y" * 90


def test_a_log_that_cannot_be_copied_is_dropped_rather_than_kept(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    path.write_bytes(b"x" * 200)
    (tmp_path / "node.log.1").mkdir()  # nothing can be written there
    limit_log(path, 100)
    assert path.read_bytes() == b""
    limit_log(tmp_path / "nowhere.log", 100)


def test_a_supervisor_keeps_the_logs_of_its_processes_short(tmp_path: Path) -> None:
    path = tmp_path / "talkative.log"
    supervisor = Supervisor()
    argv = (sys.executable, "-c", "import time; time.sleep(60)")
    supervisor.add(ProcessSpec(name="talkative", argv=argv, env=dict(os.environ), log=path, grace_s=5))
    try:
        with path.open("ab") as log:
            log.truncate(MAX_LOG_BYTES + 1)
        supervisor.restart_crashed()
        assert path.stat().st_size < 1000
    finally:
        supervisor.stop_in_order()
