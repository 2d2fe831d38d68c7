"""``backprop-evo search submit``: an option for every field, checked and shown before anything is sent."""

import json
from dataclasses import dataclass

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from backprop_evo.cli.main import app
from backprop_evo.cli.spec_options import with_options
from backprop_evo.records.described import PROBABILITY, described
from backprop_evo.records.presets import PRESETS
from backprop_evo.records.training import TrainSpec
from backprop_evo.service import parse_search_spec, spec_fields
from backprop_evo.service.spec_fields import search_fields, train_fields


def submit(*words: str):
    return CliRunner().invoke(app, ["search", "submit", "--name", "x", *words])


def dry(*words: str):
    done = submit(*words, "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    return parse_search_spec(json.loads(done.stdout))


@pytest.mark.parametrize(("command", "rows"), [("search submit", search_fields), ("train", train_fields)])
def test_every_field_has_an_option_in_its_panel_that_says_its_default(command, rows):
    found = get_command(app)
    for word in command.split():
        found = found.commands[word]
    options = {option: each for each in found.params for option in each.opts}
    for row in rows():
        assert options[row.option].rich_help_panel == row.panel
        assert row.told.help in options[row.option].help
        assert "[default: " in options[row.option].help or row.required


def test_help_is_in_panels():
    text = CliRunner().invoke(app, ["search", "submit", "--help"], env={"COLUMNS": "120"}).output
    places = [text.index(f"─ {panel} ─") for panel in ("Search", "Proposals", "Training", "Funnel")]
    assert places == sorted(places)
    assert "a fifth of the trials" in text


def test_options_of_all_parts_reach_the_spec():
    spec = dry(
        *("--preset", "A1-momentum", "--epochs", "3", "--no-augment", "--learning-rate", "0.1,1"),
        *("--start", "g", "--start", "min(g, h)", "--strategy", "random", "--population-size", "9"),
        *("--vocabulary-operands", "g,h", "--pruner", "median", "--rungs", "20,40", "--confirm-best", "2"),
    )
    assert (spec.train.model, spec.train.optimizer) == (PRESETS["A1"].model, "momentum")
    assert (spec.train.epochs, spec.train.augment) == (3.0, False)
    assert spec.train.learning_rate.rates == (0.1, 1.0)
    assert (spec.start, spec.strategy, spec.population_size) == (("g", "min(g, h)"), "random", 9)
    assert spec.vocabulary.operands == ("g", "h")
    assert (spec.pruner.name, spec.pruner.rungs, spec.confirmation.best) == ("median", (20, 40), 2)


def test_an_option_goes_over_the_file_and_the_file_over_the_preset(tmp_path):
    file = tmp_path / "search.json"
    file.write_text(json.dumps({"trials": 7, "seed": 3, "train": {"epochs": 4.0}}))
    spec = dry(str(file), "--preset", "quick", "--seed", "0")
    assert (spec.trials, spec.seed, spec.train.epochs) == (7, 0, 4.0)
    assert spec.train.learning_rate == PRESETS["quick"].learning_rate


def test_a_dry_run_prints_the_document_and_the_curl_that_sends_it(monkeypatch):
    monkeypatch.setenv("BACKPROP_EVO_API_KEY", "bpe_secret")
    done = submit("--trials", "3", "--start", "g - mean(g)", "--dry-run", "--url", "http://there:1")
    document, curl = done.stdout.split("\ncurl ")
    assert json.loads(document) == {"name": "x", "trials": 3, "start": ["g - mean(g)"]}
    assert "http://there:1/api/v1/searches" in curl
    assert "$BACKPROP_EVO_API_KEY" in curl
    assert "bpe_secret" not in done.output
    assert curl.rstrip().endswith("""-d '{"name": "x", "trials": 3, "start": ["g - mean(g)"]}'""")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "A9"], "A9"),
        (["--trials", "many"], "trials must be a whole number"),
        (["--epochs", "-1"], "train.epochs must be above 0"),
        (["--model", "resnet"], "resnet"),
        (["--data", "cifar11"], "cifar11"),
        (["--strategy", "luck"], "luck"),
        (["--pruner", "median"], "needs rungs"),
        (["--learning-rate", "fast"], "fast"),
        (["--start", "g +"], "start[0]"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_sent(words, says):
    done = submit(*words, "--dry-run")
    assert done.exit_code == 2
    assert says in done.output


def test_a_new_field_of_a_spec_is_an_option_at_once(monkeypatch):
    @dataclass(frozen=True, slots=True, kw_only=True)
    class More(TrainSpec):
        dropout: float = described(0.25, "Of activations.", bounds=PROBABILITY)

    monkeypatch.setattr(spec_fields, "TrainSpec", More)
    told = {}

    def command(texts):
        told.update(texts)

    small = typer.Typer()
    small.command()(with_options(train_fields.__wrapped__())(command))
    text = CliRunner().invoke(small, ["--help"]).output
    assert "--dropout" in text
    assert "0.25" in text
    assert CliRunner().invoke(small, ["--dropout", "0.5"]).exit_code == 0
    assert told == {"dropout": "0.5"}
