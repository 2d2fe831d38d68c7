"""``backprop-evo evaluate``: what is sent, what is shown, and the same plan in the foreground."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backprop_evo.cli.main import app
from backprop_evo.search.lifecycle import EVALUATION_VERBS

SMALL = (
    *("--model", "mlp-8", "--epochs", "0.2", "--learning-rate", "0.1", "--batch-size", "64"),
    *("--train-images", "640", "--validation-images", "200"),
)
ANSWER: dict[str, Any] = {
    "id": "3f0a5c",
    "state": "queued",
    "verbs": ["pause"],
    "trials_done": 0,
    "trials_total": 6,
    "seeds": 3,
    "end_reason": None,
    "created_at": "2026-01-01T12:00:00+00:00",
    "started_at": None,
    "ended_at": None,
    "search_id": None,
    "role": None,
    "spec": {
        "name": "x",
        "methods": [{}, {}],
        "controls": [{}],
        "settings": [{"name": "quick"}],
        "first_seed": 0,
    },
}


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, ["evaluate", *words])


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What was posted."""
    posted: list[tuple[str, Any]] = []

    def post(_client: Any, path: str, body: Any = None) -> Any:
        posted.append((path, body))
        return ANSWER

    monkeypatch.setattr("backprop_evo.client.Client.post", post)
    return posted


@pytest.mark.parametrize("words", [("run", "g / fro(g)", "--against", "g"), ("--against", "g", "g / fro(g)")])
def test_what_is_no_command_is_a_method(sent: list[tuple[str, Any]], words: tuple[str, ...]) -> None:
    done = invoke(*words, "--seeds", "10")
    assert done.exit_code == 0, done.output
    ((path, body),) = sent
    assert path == "/evaluations"
    assert (body["methods"], body["baseline"], body["seeds"]) == (["g / fro(g)"], "g", 10)
    assert [each["name"] for each in body["settings"]] == ["quick"]
    assert "3f0a5c" in done.output


def test_presets_are_settings_and_options_change_all_of_them(sent: list[tuple[str, Any]]) -> None:
    assert invoke("table-1", "--preset", "A1", "--preset", "B1", "--epochs", "3").exit_code == 0
    ((_, body),) = sent
    assert [(each["name"], each["train"]["epochs"]) for each in body["settings"]] == [
        ("A1, epochs 3", 3.0),
        ("B1, epochs 3", 3.0),
    ]
    assert body["name"] == "table-1"


def test_a_file_is_asked_for_as_it_is(sent: list[tuple[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "evaluation.json"
    document = {"name": "from a file", "methods": ["g"], "settings": ["A1"], "seeds": 4}
    file.write_text(json.dumps(document))
    assert invoke("run", "--file", str(file)).exit_code == 0
    assert invoke("run", "--file", str(file), "--seeds", "9").exit_code == 0
    assert [body for _, body in sent] == [document, document | {"seeds": 9}]


def test_controls_and_momentum_are_asked_for_by_name(sent: list[tuple[str, Any]]) -> None:
    done = invoke("g", "--controls", "none", "--in-momentum")
    assert invoke("g").exit_code == done.exit_code == 0
    assert "2, of them 1 controls" in done.output
    (_, asked), (_, plain) = sent
    assert (asked["controls"], asked["in_momentum"]) == ("none", True)
    assert not {"controls", "in_momentum"} & set(plain)


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ((), [("A2", "wrn-28-10"), ("A3", "wrn-16-2"), ("B1", "wrn-10-1")]),
        (("--to", "A1, quick"), [("A1", "wrn-16-2"), ("quick", "wrn-10-1")]),
        (("--to", "A1", "--model", "cnn"), [("A1, model cnn", "cnn")]),
        (("--model", "cnn"), [("model cnn", "cnn")]),
    ],
)
def test_a_transfer_goes_to_presets_or_changes_the_setting_of_the_search(
    sent: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], settings: Any
) -> None:
    def get(_client: Any, path: str, **_: Any) -> Any:
        assert path == "/searches/3f0a5c"
        return {"spec": {"train": {"model": "mlp-8", "epochs": 7.0}}}

    monkeypatch.setattr("backprop_evo.client.Client.get", get)
    done = invoke("transfer", "3f0a5c", *words, "--best", "2", "--seeds", "4")
    assert done.exit_code == 0, done.output
    ((path, body),) = sent
    assert (path, body["from_search"], body["best"], body["seeds"]) == ("/evaluations", "3f0a5c", 2, 4)
    assert [(each["name"], each["train"]["model"]) for each in body["settings"]] == settings
    if words == ("--model", "cnn"):
        assert body["settings"][0]["train"]["epochs"] == 7.0


@pytest.mark.parametrize("verb", EVALUATION_VERBS)
def test_every_verb_is_a_command(sent: list[tuple[str, Any]], verb: str) -> None:
    example = EVALUATION_VERBS[verb].example
    options = [word for name, value in example.items() for word in (f"--{name}", str(value))]
    assert invoke(verb, "3f0a5c", *options).exit_code == 0
    assert sent == [(f"/evaluations/3f0a5c:{verb}", dict(example))]


def test_an_export_goes_to_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("backprop_evo.client.Client.text", lambda _self, path, **named: f"{path} {named}")
    file = tmp_path / "table.html"
    assert invoke("export", "3f0a5c", "--format", "html", "-o", str(file)).exit_code == 0
    assert file.read_text() == "/evaluations/3f0a5c/table {'format': 'html'}"
    refused = invoke("export", "3f0a5c", "-o", str(tmp_path / "absent" / "x"))
    assert (refused.exit_code, "Traceback" in refused.output) == (2, False)


def test_the_same_evaluation_twice_gives_the_same_table_bit_for_bit() -> None:
    words = ("g / fro(g)", "indirect-feedback", "--seeds", "2", "--local", "--json")
    words = (*words, "--controls", "few", *SMALL)
    first, second = invoke(*words), invoke(*words)
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout
    (block,) = json.loads(first.stdout)["blocks"]
    assert [(row["text"], row["n"]) for row in block["rows"]] == [
        ("g", 2),
        ("g / fro(g)", 2),
        ("indirect feedback alignment", 2),
        ("placebo 0", 2),
    ]
    assert [row["is_control"] for row in block["rows"]] == [False, False, False, True]


def test_here_a_table_is_printed_with_its_verdicts() -> None:
    done = invoke("g / fro(g)", "--seeds", "1", "--controls", "few", "--local", *SMALL)
    assert done.exit_code == 0, done.output
    assert "too few seeds: n = 1" in done.stdout
    assert "placebo 0 (control)" in done.stdout
    assert "noise floor: placebos differ from backprop by" in done.stdout
    refused = invoke("g +", "--local", *SMALL)
    assert (refused.exit_code, "Traceback" in refused.output) == (2, False)
