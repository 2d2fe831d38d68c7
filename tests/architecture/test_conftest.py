"""What the suite says where it cannot run: one line, not an error for each test."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest

ROOT = Path(__file__).parents[2]

AS_ROOT_WITHOUT_USERADD = """
import os, pwd, shutil, sys

def nobody(name):
    raise KeyError(name)

os.geteuid, shutil.which, pwd.getpwnam = (lambda: 0), (lambda *_: None), nobody
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-c", AS_ROOT_WITHOUT_USERADD, "-q", *words)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_whole_suite_says_once_that_postgres_cannot_start() -> None:
    done = run("-n", "2", "--dist", "loadfile")
    said = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 2
    assert len(said) == 1
    assert "useradd is not on PATH" in said[0]


def test_a_part_without_postgres_runs_all_the_same() -> None:
    assert run("tests/test_wording.py").returncode == 0


def test_nothing_is_missing_where_postgres_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest.shutil, "which", lambda _: None)
    monkeypatch.setattr(conftest.os, "geteuid", lambda: 1000)
    assert conftest.what_postgres_lacks() is None
    monkeypatch.setattr(conftest.os, "geteuid", lambda: 0)
    monkeypatch.setattr(conftest.pwd, "getpwnam", lambda _: object())
    assert conftest.what_postgres_lacks() is None
