"""The command line as a person meets it: help, version, errors, tables."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from backprop_evo.cli import search
from backprop_evo.cli.demo import DEMO, TINY
from backprop_evo.cli.doctor import examine
from backprop_evo.cli.main import app
from backprop_evo.cli.stack import Stack, check_port, free_port
from backprop_evo.cli.tables import leaderboard_table
from backprop_evo.errors import InvalidInput, Unavailable
from backprop_evo.service import parse_search_spec
from backprop_evo.settings import Settings

COMMANDS = "up demo search evaluate train equation leaderboard data api controller node db doctor"

ROW: dict[str, Any] = {
    "rank": 1,
    "method": {"name": "equation", "settings": {"text": "g / fro(g)"}, "text": "g / fro(g)"},
    "is_yardstick": False,
    "equation": "g / fro(g)",
    "validation": {"mean": 0.4123, "std": 0.008, "n": 3},
    "test": {"mean": 0.4, "std": None, "n": 1},
    "learning_rate": 0.01,
    "is_baseline": False,
    "is_control": False,
    "confirmed": True,
    "starred": False,
}


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, words)


def test_every_command_is_there_and_explains_itself() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(COMMANDS.split()) <= set(commands)
    for name, command in commands.items():
        assert command.help or command.callback.__doc__, name


def test_version() -> None:
    done = invoke("--version")
    assert done.exit_code == 0
    assert done.stdout.startswith("backprop-evo 0.")


def test_errors_are_a_message_and_a_hint_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROP_EVO_API_URL", "http://127.0.0.1:9")
    done = invoke("search", "list")
    assert done.exit_code == 2
    assert "no answer from http://127.0.0.1:9" in done.stderr
    assert "backprop-evo up" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("content", ["no json", "[1]"])
def test_a_search_file_that_is_no_object_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "search.json"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=r"search\.json"):
        search.read_document(file)
    with pytest.raises(InvalidInput, match="No such file"):
        search.read_document(tmp_path / "absent.json")


def test_the_tiny_demo_is_the_demo_with_hardly_any_training() -> None:
    spec, whole = (parse_search_spec({**each, "seed": 0}) for each in (TINY, DEMO))
    assert spec.trials < 5
    assert spec.train.epochs < whole.train.epochs
    assert spec.pruner.name == whole.pruner.name
    assert (spec.screening, spec.rates, spec.train.data) == (True, whole.rates, whole.train.data)


def test_the_demo_search_is_valid_and_fair() -> None:
    spec = parse_search_spec({**DEMO, "seed": 0})
    assert spec.trials >= 24
    assert spec.confirmation.seeds >= 3
    assert spec.train.model == "wrn-10-1"
    assert spec.train.data == "cifar10-mini"


def test_leaderboard_table_says_n_and_marks_backprop() -> None:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(
        leaderboard_table([ROW, {**ROW, "rank": 2, "equation": "g", "is_baseline": True, "test": None}])
    )
    text = console.export_text()
    console.file.close()
    assert "41.2 ± 0.8 (3)" in text
    assert "40.0 (1)" in text
    assert "backprop" in text


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port}"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", free_port())


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot write to"):
        Stack(Settings(home=tmp_path / "file" / "home")).__enter__()


@pytest.mark.parametrize("command", ["controller", "node"])
def test_a_cluster_process_wants_a_redis(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from backprop_evo.settings import settings

    monkeypatch.delenv("BACKPROP_EVO_REDIS_URL", raising=False)
    settings.cache_clear()
    done = invoke(command)
    assert done.exit_code == 2
    assert "BACKPROP_EVO_REDIS_URL is not set" in done.stderr


def test_the_doctor_looks_at_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"torch": "2.11.0|2|0", "redis": "/usr/bin/redis-server"}
    monkeypatch.setattr(
        "backprop_evo.cli.doctor._ask_python",
        lambda code: (asked["torch"] if "torch" in code else asked["redis"], ""),
    )
    findings = list(examine(Settings(home=tmp_path, api_port=free_port())))
    assert [each.name for each in findings if not each.ok] == []
    assert {"Python", "torch", "Redis", "database", "port", "bundled images"} <= {
        each.name for each in findings
    }


def test_the_doctor_says_what_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "backprop_evo.cli.doctor._ask_python",
        lambda _code: (None, "ModuleNotFoundError: No module named 'x'"),
    )
    missing = [each for each in examine(Settings(home=tmp_path, api_port=free_port())) if not each.ok]
    assert {each.name for each in missing} == {"torch", "Redis"}
    assert all(each.next_step for each in missing)
    assert json.dumps([each.found for each in missing])
