"""The wheel alone, in an environment that has never seen the repository: what it holds, and that it runs.

The environment borrows the installed libraries, but not an editable installation: a path in a ``.pth`` file
brings modules and no further ``.pth`` files. A hook of the interpreter refuses every file of the repository,
in every process that is started there, and keeps a list of what it refused.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("dsl", "backprop_evo", "workers", "api")
MIGRATIONS = "share/backprop-evo/alembic"

GUARD = """
import os, sys
REFUSED, KEPT, LIST = {root!r}, {libraries!r}, os.path.join(sys.prefix, "refused.txt")

def inside(path, folder):
    return path == folder or path.startswith(folder + os.sep)

def look(event, arguments):
    if event not in ("open", "os.listdir", "os.scandir") or not arguments:
        return
    path = arguments[0]
    if isinstance(path, int) or path is None:
        return
    path = os.path.abspath(os.fsdecode(path))
    if inside(path, REFUSED) and not any(inside(path, folder) for folder in KEPT):
        with open(LIST, "a") as refused:
            refused.write(path + "\\n")
        raise PermissionError("the repository is out of bounds: " + path)

sys.addaudithook(look)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: an earlier build folder in the checkout would put what is gone into it."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in (*ROOMS, "alembic"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    subprocess.run(
        (sys.executable, "-m", "pip", "wheel", "--quiet", *offline, "--wheel-dir", built, source),
        check=True,
        # An editable installation's path would be found by the build, too.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        cwd=source,
    )
    (found,) = built.glob("*.whl")
    return found


class Installed:
    """An environment with the wheel, and an empty folder to run it in."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.prefix, self.home, self.cwd = folder / "environment", folder / "home", folder / "empty"
        self.cwd.mkdir()
        subprocess.run((sys.executable, "-m", "venv", "--without-pip", self.prefix), check=True)
        self.python = self.prefix / "bin" / "python"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BACKPROP_EVO_", "PYTHON", "COV_"))
        } | {"BACKPROP_EVO_HOME": str(self.home)}
        pip = (sys.executable, "-m", "pip", "--python", self.python, "--disable-pip-version-check")
        subprocess.run((*pip, "install", "--quiet", "--no-deps", "--no-index", wheel), check=True)
        libraries = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        (site,) = self.prefix.glob("lib/python*/site-packages")
        self.site = site
        (site / "libraries.pth").write_text("".join(f"{path}\n" for path in libraries))
        kept = [os.path.abspath(sys.prefix), str(self.prefix)]  # noqa: PTH100 - links are to stay links
        (site / "out_of_bounds.py").write_text(GUARD.format(root=str(ROOT), libraries=kept))
        (site / "out_of_bounds.pth").write_text("import out_of_bounds\n")

    def run(self, *words: str | Path, timeout: float = 560) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.cwd, env=self.environment, capture_output=True, text=True, timeout=timeout
        )

    def command(self, *words: str) -> str:
        """Standard output of a command that ends well."""
        done = self.run(self.prefix / "bin" / "backprop-evo", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def refused(self) -> str:
        """The files of the repository that were asked for."""
        found = self.prefix / "refused.txt"
        return found.read_text() if found.exists() else ""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def files_of(folder: Path, start: Path) -> set[str]:
    return {
        path.relative_to(start).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_rooms_and_the_migrations_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    prefix = wheel.name.rsplit("-py3", 1)[0]
    rooms = {name for room in ROOMS for name in files_of(ROOT / room, ROOT)}
    assert {name for name in names if not name.startswith(prefix)} == rooms
    data = f"{prefix}.data/data/{MIGRATIONS}/"
    migrations = {name.removeprefix(data) for name in names if name.startswith(f"{prefix}.data/")}
    assert migrations == files_of(ROOT / "alembic", ROOT / "alembic")
    for kind in (".html", ".css", ".js", ".typed"):
        assert any(name.endswith(kind) for name in rooms), kind


@pytest.mark.slow
def test_nothing_of_the_repository_can_be_read_there(installed: Installed) -> None:
    """That the others prove something: the guard is awake, in children too."""
    reading = f"open({str(ROOT / 'pyproject.toml')!r})"
    for code in (
        reading,
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {reading!r}], check=True)",
    ):
        assert "out of bounds" in installed.run(installed.python, "-c", code).stderr
    assert installed.refused.count("pyproject.toml") == 2
    (installed.prefix / "refused.txt").unlink()
    code = (
        f"import {', '.join(ROOMS)}; print(*({', '.join(f'{room}.__file__' for room in ROOMS)},), sep='\\n')"
    )
    places = installed.run(installed.python, "-c", code).stdout.splitlines()
    assert [Path(place).parents[1] for place in places] == [installed.site] * len(ROOMS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_doctor_database_and_a_training(installed: Installed) -> None:
    findings = json.loads(installed.command("doctor", "--json"))
    assert [each["name"] for each in findings if not each["ok"]] == []
    assert "revision" in installed.command("db", "upgrade")
    assert json.loads(installed.command("db", "current", "--json"))["age"] == "current"
    options = ("--model", "mlp-8", "--data", "cifar10-mini", "--epochs", "0.1", "--learning-rate", "0.1")
    (trained,) = json.loads(installed.command("train", "g / fro(g)", *options, "--json"))["equations"]
    assert [run["outcome"] for run in trained["results"]] == ["completed"]
    saved = installed.cwd / "evo.backup"
    assert json.loads(installed.command("db", "backup", str(saved), "--json"))["rows"]["trials"] == 0
    saved.unlink()
    assert installed.refused == ""


@pytest.mark.slow
@pytest.mark.timeout(600)  # some twenty seconds of work; a machine may be busy with a lot more
def test_the_demo(installed: Installed) -> None:
    """Redis, node, controller, API with its pages, and a search of a few tiny trainings."""
    done = json.loads(installed.command("demo", "--tiny", "--slots", "1", "--json"))
    assert done["search"]["state"] == "completed"
    assert done["search"]["trials_done"] == 3
    assert any(row["confirmed"] for row in done["leaderboard"])
    assert installed.refused == ""
    assert list(installed.cwd.iterdir()) == []
