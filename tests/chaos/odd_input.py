"""A broken node beside a healthy one, specs that ask for too much, input that was crafted: their tests,
called by name, so that the table tells of them too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.setting import SQLITE, Setting, case
from tests.chaos.table import Row

ROOT = Path(__file__).parents[2]
TESTS = {
    "a broken node beside a healthy one spoils no trial": ("tests/workers/test_node_faults.py",),
    "a poison spec is refused, and one that is stored delays others by no more than a step": (
        "tests/service/test_limits.py",
        "tests/workers/test_turns.py",
    ),
    "NUL and crafted input are refused in words, on both databases": ("tests/api/test_odd_requests.py",),
}


@case("odd input")
def odd_input(setting: Setting) -> Iterator[Row]:
    """Once: the tests choose their databases themselves."""
    if setting.database.kind != SQLITE or setting.short:
        return
    for must_hold, files in TESTS.items():
        setting.tell(", ".join(files))
        ended = subprocess.run(
            (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        counted = re.findall(r"\d+ (?:passed|failed|errors?)", ended.stdout)
        yield setting.row(must_hold, f"tests: {', '.join(counted) or 'none'}", ended.returncode == 0)
