"""``backprop-evo sequence``: table, JSON, help, and errors that lead from sequences to images and back."""

import json

import pytest
from typer.testing import CliRunner

from backprop_evo.cli.main import app

SMALL = ["--steps", "4", "--units", "4", "--batch-size", "2", "--width", "8", "--truncation", "2"]


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def test_two_methods_stand_in_one_table():
    result = run("sequence", "dni", *SMALL, "--compare", "bptt", "--seeds", "2")
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if "completed" in line]
    assert ["dni" in row for row in rows] == [True, False]
    assert "±" in rows[0]


def test_json_tells_every_training():
    result = run("sequence", "dni", *SMALL, "--compare", "bptt", "--seeds", "2", "--seed", "3", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["seeds"] == [3, 4]
    assert told["spec"]["truncation"] == 2
    assert [each["method"] for each in told["methods"]] == ["dni", "bptt"]
    ours, plain = (each["results"] for each in told["methods"])
    assert len(ours) == len(plain) == 2
    assert ours[0]["curve"][-1]["step"] == 4
    assert ours[0]["length"] is None, "nothing was solved in four windows"


def test_a_text_is_told_with_its_bits():
    result = run("sequence", "bptt", *SMALL, "--task", "text", "--test", "--json")
    (training,) = json.loads(result.stdout)["methods"][0]["results"]
    assert 6 < training["validation_bits"] < 7
    assert 6 < training["test_bits"] < 7
    assert "Python" in training["environment"]["text"]


def test_the_help_has_examples():
    result = run("sequence", "--help")
    assert result.exit_code == 0
    for part in ("Examples:", "--truncation", "--task", "--gradient-scale", "repeat-copy"):
        assert part in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sequence", "hsic"], "backprop-evo train hsic"),
        (["sequence", "dni", "--compare", "g"], "known: bptt, dni"),
        (["sequence", "dni", "--task", "mnist"], "backprop-evo train METHOD --data mnist"),
        (["sequence", "dni", "--task", "sort"], "copy or repeat-copy or text"),
        (["sequence", "dni", "--truncation", "0"], "sequence.truncation"),
        (["sequence", "dni", "--units", "many"], "a whole number"),
        (["train", "bptt"], "backprop-evo sequence bptt --task copy"),
        (["train", "g", "--compare", "bptt"], "backprop-evo sequence bptt --task copy"),
        (["train", "dni", "--data", "text"], "backprop-evo sequence dni --task text"),
    ],
)
def test_what_cannot_be_ends_with_code_2_and_says_what_next(arguments, says):
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.output
