"""The examples of the guide are requests that the API takes."""

import re
import shlex
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.equations import report_on
from backprop_evo.records.evaluating import setting_id
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult
from backprop_evo.service import Service

GUIDE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
EXAMPLES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("curl")
]


@pytest.fixture(autouse=True)
def real_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the language: the guide names equations by their text. Its host of webhooks is found."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_of, **_options: found)
    monkeypatch.setattr(
        "tests.api.conftest.fingerprint", lambda equation: str(report_on(equation).fingerprint)
    )


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_accepted(client: TestClient, seed: Any, line: str) -> None:
    # The guide reads from top to bottom: where it compares, it has ordered a counterpart.
    counterpart = Service(seed.store).apply_verb("challenge", seed.search_id)
    trials = seed.store.trials.page(seed.search_id).items
    waiting = next(each.id for each in trials if each.state is TrialState.QUEUED)
    if "$TRIAL" in line:
        lease = seed.store.trials.claim(waiting, "node-b/0", lease_s=60, now=seed.tick())
        failed = TrainResult(outcome=TrialState.FAILED, reason="no data set")
        assert seed.store.trials.start(lease, now=seed.tick())
        assert seed.store.trials.finish(lease, failed, now=seed.tick())
    seed.confirm_row(0)
    seed.heartbeat("gpu-7")
    if "DELETE" in line:
        Service(seed.store).apply_verb("cancel", seed.search_id)
    known = {"$ID": seed.search_id, "$SETTING": setting_id(seed.spec.train), "$OTHER": counterpart.id}
    known |= {"$TRIAL": waiting}
    for name, value in known.items():
        line = line.replace(name, value)
    words = shlex.split(line)
    url = next(word for word in words if word.startswith("http"))
    path = url.removeprefix("http://127.0.0.1:8000")
    headers = {
        name: value
        for flag, text in pairwise(words)
        if flag == "-H"
        for name, _, value in [text.partition(": ")]
    }
    body = words[words.index("-d") + 1] if "-d" in words else None
    method = "POST" if body is not None else "GET"
    method = words[words.index("-X") + 1] if "-X" in words else method
    path += ("&" if "?" in path else "?") + "follow=false" if "/events" in path else ""
    answer = client.request(method, path, headers=headers, content=body)
    assert answer.status_code in (200, 201, 202, 204), answer.text


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 7


def test_the_shown_problem_is_what_the_api_answers(client: TestClient) -> None:
    answer = client.post("/api/v1/equations:check", json={"equation": "min(g)"}).json()
    shown = re.search(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert shown is not None
    for field in ("type", "title", "detail", "hint"):
        assert f'"{field}": "{answer[field]}"' in shown[1]
