"""``change``, ``delete``, ``trial retry`` and ``search export`` against a service that is pretended."""

import json

import httpx2
import pytest
from typer.testing import CliRunner

from backprop_evo.cli import exporting, steering, trial
from backprop_evo.cli.main import app
from backprop_evo.client import Client
from tests.cli.test_verbs import SEARCH

PROBLEM = {"title": "Conflict", "status": 409, "detail": "search is running", "hint": "stop it", "errors": []}


@pytest.fixture
def service(monkeypatch):
    """What it was asked for, and what it answers next."""
    said = {"asked": [], "answers": []}

    def answer(request):
        said["asked"].append((request.method, str(request.url).split("/api/v1")[1], request.content))
        return said["answers"].pop(0) if said["answers"] else httpx2.Response(200, json=SEARCH)

    def client(url, *, api_key):
        return Client(url, api_key=api_key, transport=httpx2.MockTransport(answer))

    for module in (steering, exporting, trial):
        monkeypatch.setattr(module, "Client", client)
    return said


def invoke(words, **options):
    return CliRunner().invoke(app, words.split(), **options)


@pytest.mark.parametrize(
    ("words", "body"),
    [
        ("--priority 3", {"priority": 3}),
        ("--tag a --tag b --note x", {"tags": ["a", "b"], "note": "x"}),
        ("--archive", {"archived": True}),
        ("--no-archive --trials 40", {"archived": False, "trials": 40}),
    ],
)
@pytest.mark.parametrize(("noun", "path"), [("search", "/searches"), ("evaluate", "/evaluations")])
def test_change_sends_what_is_said_alone(service, words, body, noun, path):
    done = invoke(f"{noun} change 3f0a5c {words} --json")
    assert done.exit_code == 0, done.output
    ((method, asked, sent),) = service["asked"]
    assert (method, asked, json.loads(sent)) == ("PATCH", f"{path}/3f0a5c", body)


def test_an_empty_tag_takes_all_off(service):
    assert CliRunner().invoke(app, ["search", "change", "3f0a5c", "--tag", "", "--json"]).exit_code == 0
    assert json.loads(service["asked"][0][2]) == {"tags": []}


def test_delete_asks_first(service):
    kept = invoke("search delete 3f0a5c", input="n\n")
    assert kept.exit_code == 1
    assert [method for method, *_ in service["asked"]] == ["GET"]
    assert "Delete 'a search' with all its trials" in kept.stderr
    gone = invoke("search delete 3f0a5c --yes --json")
    assert json.loads(gone.stdout) == {"deleted": "3f0a5c"}
    assert service["asked"][-1][:2] == ("DELETE", "/searches/3f0a5c")


def test_what_the_service_refuses_is_said_in_its_words(service):
    service["answers"] = [httpx2.Response(409, json=PROBLEM)]
    refused = invoke("trial retry 3f0a5c.1")
    assert refused.exit_code == 2
    assert "search is running" in refused.stderr
    assert "stop it" in refused.stderr


def test_retry_names_the_trial(service):
    service["answers"] = [httpx2.Response(200, json={"id": "3f0a5c.1", "state": "queued"})]
    assert invoke("trial retry 3f0a5c.1").stdout == "trial 3f0a5c.1 is queued\n"
    assert service["asked"][0][:2] == ("POST", "/trials/3f0a5c.1:retry")


def test_export_is_written_to_the_file_in_the_format_of_its_ending(service, tmp_path):
    service["answers"] = [httpx2.Response(200, content=b"{}\n" * 3)]
    file = tmp_path / "rows.jsonl"
    done = invoke(f"search export 3f0a5c trials -o {file} --state completed --component fro --sort best")
    assert done.exit_code == 0, done.output
    assert file.read_bytes() == b"{}\n" * 3
    ((_, asked, _),) = service["asked"]
    assert asked == "/searches/3f0a5c/tables/trials?format=jsonl&state=completed&component=fro&sort=best"


def test_a_refused_export_leaves_no_file_and_the_one_before(service, tmp_path):
    file = tmp_path / "rows.parquet"
    file.write_text("before")
    problem = {**PROBLEM, "status": 501, "detail": "needs pyarrow"}
    service["answers"] = [httpx2.Response(501, json=problem)]
    refused = invoke(f"search export 3f0a5c -o {file}")
    assert (refused.exit_code, "needs pyarrow" in refused.stderr) == (1, True)
    assert [each.name for each in tmp_path.iterdir()] == ["rows.parquet"]
    assert file.read_text() == "before"


def test_export_goes_to_standard_output(service):
    service["answers"] = [httpx2.Response(200, content=b"rank\r\n")]
    assert invoke("search export 3f0a5c").stdout_bytes == b"rank\r\n"
    assert service["asked"][0][1] == "/searches/3f0a5c/tables/leaderboard?format=csv"
