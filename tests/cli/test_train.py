"""``backprop-evo train`` in the foreground: table, JSON, comparison, errors that name the culprit."""

import json
from statistics import stdev

import pytest
from typer.testing import CliRunner

from backprop_evo.cli.main import app
from backprop_evo.cli.training_report import paired_difference
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainResult
from backprop_evo.service.documents import train_spec

SMALL = [
    "--model",
    "mlp-8",
    "--data",
    "cifar10-mini",
    "--train-images",
    "200",
    "--epochs",
    "0.5",
    "--learning-rate",
    "0.05",
]


def run(*arguments: str):
    return CliRunner().invoke(app, ["train", *arguments])


def test_it_prints_a_table_with_the_difference():
    result = run("g / fro(g)", *SMALL, "--seeds", "2", "--compare", "backprop")
    assert result.exit_code == 0, result.output
    assert "±" in result.output
    assert "g / fro(g)  minus  backprop" in result.output


def test_it_prints_json_with_every_training():
    result = run("g", *SMALL, "--seeds", "2", "--seed", "5", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["seeds"] == [5, 6]
    assert told["spec"]["model"] == "mlp-8"
    (equation,) = told["equations"]
    assert [r["outcome"] for r in equation["results"]] == ["completed", "completed"]
    assert told["difference"] is None


def test_the_difference_is_taken_seed_by_seed():
    told = json.loads(run("g / fro(g)", *SMALL, "--seeds", "3", "--compare", "backprop", "--json").stdout)
    ours, plain = ([r["validation_accuracy"] for r in e["results"]] for e in told["equations"])
    pairs = [one - other for one, other in zip(ours, plain, strict=True)]
    assert told["difference"] == {
        "mean": pytest.approx(sum(pairs) / 3),
        "std": pytest.approx(stdev(pairs)),
        "n": 3,
        "left_out": 0,
    }


def test_a_seed_without_an_accuracy_for_both_is_left_out_and_said_so():
    good, bad = (
        TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=accuracy) for accuracy in (0.5, None)
    )
    difference = paired_difference({"a": [good, good, good], "b": [good, bad, good]})
    assert (difference.n, difference.left_out, difference.mean) == (2, 1, 0.0)
    assert paired_difference({"a": [bad], "b": [good]}) is None


def test_feedback_is_up_to_the_caller():
    told = json.loads(run("feedback-alignment", *SMALL, "--feedback", "usf", "--json").stdout)
    assert told["spec"]["feedback"] == "usf"
    refused = run("feedback-alignment", *SMALL, "--feedback", "sign")
    assert refused.exit_code != 0


def test_the_quiet_fitness_is_up_to_the_caller():
    told = json.loads(run("g", *SMALL, "--reestimate-batches", "4", "--json").stdout)
    assert told["spec"]["reestimate_batches"] == 4
    assert told["equations"][0]["results"][0]["late_train_loss"] > 0


def test_a_grid_is_probed():
    result = run("g", *SMALL[:-1], "0.01,0.1", "--probe-epochs", "0.25", "--json")
    (training,) = json.loads(result.stdout)["equations"][0]["results"]
    assert [probe["learning_rate"] for probe in training["probes"]] == [0.01, 0.1]


def test_relative_steps_are_calibrated_probed_and_told():
    result = run(
        "g", *SMALL[:-2], "--learning-rate", "relative 0.01,0.03", "--probe-epochs", "0.25", "--json"
    )
    document = json.loads(result.stdout)
    assert document["spec"]["learning_rate"]["relative_steps"] == [0.01, 0.03]
    (training,) = document["equations"][0]["results"]
    assert {0.01, 0.03} <= {probe["relative_step"] for probe in training["probes"]}
    chosen = next(p for p in training["probes"] if p["relative_step"] == training["relative_step"])
    assert chosen["learning_rate"] == training["learning_rate"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["g", *SMALL[:-2], "--learning-rate", "relative small"], "small"),
        (["g +", *SMALL], "expected"),
        (["g", *SMALL, "--model", "alexnet"], "alexnet"),
        (["g", *SMALL, "--data", "cifar11"], "cifar11"),
        (["g", *SMALL, "--preset", "A9"], "A9"),
        (["g", *SMALL, "--optimizer", "adam"], "optimizer"),
        (["g", *SMALL[:-1], "fast"], "fast"),
        (["g", *SMALL, "--setting", "beta=1"], "no setting beta"),
        (["g", *SMALL, "--setting", "beta"], "name=value"),
        (["equation", *SMALL], "needs the setting text"),
        (["indirect-feedback", *SMALL, "--setting", "seed=1"], "no setting seed"),
        (["h_next_pre", *SMALL], "infeasible"),
    ],
)
def test_bad_requests_end_with_code_2_and_name_the_culprit(arguments, says):
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_a_preset_is_changed_by_what_is_given():
    spec = train_spec("A1-momentum", {"epochs": "1.0", "model": "", "probe_epochs": "0.5"})
    assert (spec.model, spec.epochs, spec.optimizer) == ("wrn-16-2", 1.0, "momentum")
    assert spec.learning_rate == RelativeStepGrid(probe_epochs=0.5, extra_probes=3)
    relative = train_spec("A1", {"learning_rate": "relative 0.03"}).learning_rate
    assert relative == RelativeStepGrid(relative_steps=(0.03,), probe_epochs=1.0, extra_probes=3)
    single = train_spec("A1", {"learning_rate": "0.3", "test": "true"})
    assert (single.learning_rate, single.evaluate_test) == (0.3, True)
    with pytest.raises(InvalidSettings):
        train_spec("A1", {"learning_rate": "-1"})


def test_alignment_is_a_second_table():
    arguments = [*SMALL, "--batch-size", "50", "--alignment-every", "1", "--compare", "backprop"]
    result = run("feedback-alignment", *arguments)
    assert result.exit_code == 0, result.output
    for equation in ("feedback-alignment", "backprop"):
        assert f"{equation}: angle between update and true gradient" in result.output
    rows = [line for line in result.output.splitlines() if "→" in line]
    assert len(rows) == 1, "of two layers one has an R, and only under feedback alignment"


def test_without_a_history_there_is_no_alignment_table():
    assert "angle between" not in run("g", *SMALL).output
    measured_once = run("g", *SMALL, "--alignment-every", "1")
    assert measured_once.exit_code == 0
    assert "angle between" not in measured_once.output


def test_json_tells_every_measurement():
    result = run("feedback-alignment", *SMALL, "--alignment-every", "1", "--json")
    (training,) = json.loads(result.stdout)["equations"][0]["results"]
    points = training["alignment"]
    assert [(point["step"], point["site"]) for point in points] == [(0, "1"), (0, "3")]
    assert points[0]["feedback_angle"] is None
    assert 80 < points[1]["feedback_angle"] < 100


def test_a_method_is_trained_and_compared_by_its_name():
    told = json.loads(run("indirect-feedback", *SMALL, "--compare", "backprop", "--json").stdout)
    assert [each["method"] for each in told["equations"]] == [
        {"name": "indirect-feedback", "settings": {}},
        {"name": "equation", "settings": {"text": "g"}},
    ]
    assert told["difference"]["n"] == 1
    table = run("g", *SMALL, "--compare", "indirect-feedback")
    assert table.exit_code == 0, table.output
    assert "g  minus  indirect-feedback" in table.output


@pytest.mark.parametrize("arguments", [["indirect-feedback"], ["g", "--compare", "indirect-feedback"]])
def test_a_model_that_the_method_cannot_train_is_refused_before_anything_runs(arguments, monkeypatch):
    monkeypatch.setattr("backprop_evo.cli.train._train", None)
    result = run(*arguments, *SMALL, "--model", "wrn-10-1")
    assert result.exit_code == 2
    assert "plain chain of layers, and wrn-10-1 is none" in result.output
    assert "use an mlp" in result.output
    assert "direct-feedback-alignment" in result.output


def test_settings_are_given_by_name():
    told = json.loads(run("equation", *SMALL, "--setting", "text=g / fro(g)", "--json").stdout)
    (each,) = told["equations"]
    assert each["equation"] == "equation text=g / fro(g)"
    assert each["method"]["settings"] == {"text": "g / fro(g)"}
