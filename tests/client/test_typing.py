"""Types that a program is told: those of the answers, and what is no call of ours is found."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USE = Path(__file__).with_name("typed_use.py")
#: What no type of an answer comes from is not read: torch alone is half of all modules.
CONFIGURED = """
[mypy]
python_version = 3.11
strict = true
follow_imports = silent

[mypy-torch.*,numpy.*,IPython.*,matplotlib.*,redis.*,rich.*,PIL.*]
follow_imports = skip
follow_imports_for_stubs = true
"""


@pytest.mark.slow
def test_a_type_checker_knows_every_answer_and_finds_every_mistake(tmp_path: Path) -> None:
    configured = tmp_path / "mypy.ini"
    configured.write_text(CONFIGURED)
    # A cache of its own: two checkers at once would write into one.
    words = ("-m", "mypy", "--config-file", str(configured), "--cache-dir", str(tmp_path / "cache"), str(USE))
    done = subprocess.run((sys.executable, *words), cwd=ROOT, capture_output=True, text=True, timeout=280)
    wrong = [number for number, line in enumerate(USE.read_text().splitlines(), 1) if "# wrong" in line]
    found = {int(number) for number in re.findall(rf"{USE.name}:(\d+): error", done.stdout)}
    assert found == set(wrong), done.stdout + done.stderr
    assert "assert-type" not in done.stdout
