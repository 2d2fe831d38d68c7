"""``backprop-evo search report``: which format is asked for, and where it goes."""

from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from backprop_evo.cli import search
from backprop_evo.cli.main import app
from backprop_evo.client import Client


def answer(request: httpx2.Request) -> httpx2.Response:
    assert request.url.path == "/api/v1/searches/3f0a5c/report"
    return httpx2.Response(200, text=f"report as {request.url.params['format']}\n")


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(url: str, *, api_key: str | None) -> Client:
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    monkeypatch.setattr(search, "Client", client)


@pytest.mark.parametrize(
    ("options", "printed"),
    [([], "report as html\n"), (["--format", "json"], "report as json\n")],
)
def test_it_goes_to_standard_output(options: list[str], printed: str) -> None:
    done = CliRunner().invoke(app, ["search", "report", "3f0a5c", *options])
    assert (done.exit_code, done.stdout) == (0, printed)


@pytest.mark.parametrize(
    ("name", "format"),
    [("report.md", "markdown"), ("report.json", "json"), ("report.html", "html"), ("report", "html")],
)
def test_the_name_of_the_file_says_the_format(tmp_path: Path, name: str, format: str) -> None:
    done = CliRunner().invoke(app, ["search", "report", "3f0a5c", "-o", str(tmp_path / name)])
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / name).read_text() == f"report as {format}\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "report.html"
    done = CliRunner().invoke(app, ["search", "report", "3f0a5c", "--output", str(file)])
    assert done.exit_code != 0
    assert str(file) in done.stderr.replace("\n", "")
