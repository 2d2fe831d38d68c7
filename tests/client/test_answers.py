"""What the client knows of an answer is what the service says in it; values go to JSON and back whole."""

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from api.schemas import comparisons as compared
from api.schemas import equations, evaluations, leaderboard, operations, plans, searches, stages, trials
from api.schemas.methods import MethodOut
from api.schemas.setting import SettingOut
from backprop_evo.client import answers, comparisons, trial_answers
from backprop_evo.client.node_answers import Node
from backprop_evo.client.reading import plain, read
from backprop_evo.errors import BackpropEvoError
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.logged import LogLine
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.nodes import NodeWish, SlotTraining
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import EventRecord
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.service import parse_search_spec, search_spec_to_json

SAID = [
    (searches.SearchOut, answers.Search),
    (searches.IndividualOut, answers.Individual),
    (evaluations.EvaluationOut, answers.Evaluation),
    (stages.StageOut, answers.StageOfSearch),
    (leaderboard.LeaderboardRowOut, answers.LeaderboardRow),
    (leaderboard.SettingResultsOut, answers.SettingResults),
    (trials.TrialOut, trial_answers.Trial),
    (trials.TrialDetailOut, trial_answers.TrialDetail),
    (trials.AttemptOut, trial_answers.Attempt),
    (trials.TrialLogOut, trial_answers.TrialLog),
    (trials.LogLineOut, LogLine),
    (equations.KnownEquationOut, answers.KnownEquation),
    (operations.DatasetOut, answers.Dataset),
    (operations.NodeOut, Node),
    (operations.NodeWishOut, NodeWish),
    (operations.SlotTrainingOut, SlotTraining),
    (operations.EventOut, EventRecord),
    (operations.VersionOut, answers.Version),
    (MethodOut, answers.Method),
    (SettingOut, answers.Setting),
    (plans.CheckedSearchOut, comparisons.CheckedSearch),
    (plans.PlanOut, comparisons.Plan),
    (plans.StageOut, comparisons.PlannedStage),
    (compared.ComparisonOut, comparisons.Comparison),
    (compared.SideOut, comparisons.Side),
    (compared.BestOut, comparisons.Best),
    (compared.CourseOut, comparisons.Course),
    (compared.CoursePointOut, comparisons.CoursePoint),
]


@pytest.mark.parametrize(("out", "known"), SAID, ids=lambda kind: kind.__name__)
def test_the_client_knows_every_field_that_the_service_says(out: Any, known: Any) -> None:
    assert {each.name for each in fields(known)} == set(out.model_fields)


def test_an_equation_s_tree_is_called_as_on_the_wire() -> None:
    said = {field.serialization_alias or name for name, field in equations.EquationOut.model_fields.items()}
    assert {each.name for each in fields(answers.Equation)} == said


SPECS = [
    SearchSpec(name="plain"),
    SearchSpec(
        name="all sorts",
        budget=90.0,
        start=("g", "g / fro(g)"),
        lengths=(1.0, 0.0, 0.0),
        yardsticks=(MethodSpec("indirect-feedback"), equation_method("g")),
        pruner=PrunerSpec(name="median", rungs=(1, 2)),
        train=TrainSpec(epochs=1, learning_rate=LearningRateGrid(rates=(0.1, 1.0)), time_limit_s=5.0),
        confirmation=Confirmation(best=2, seeds=4),
    ),
    SearchSpec(name="one rate", train=TrainSpec(learning_rate=0.25)),
    SearchSpec(name="steps", train=TrainSpec(learning_rate=RelativeStepGrid(relative_steps=(0.5,)))),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_spec_goes_to_json_as_the_service_writes_it_and_back(spec: SearchSpec) -> None:
    assert plain(spec) == search_spec_to_json(spec)
    assert parse_search_spec(plain(spec)) == spec
    assert read(SearchSpec, plain(spec)) == spec


def test_an_evaluation_s_spec_comes_back() -> None:
    spec = EvaluationSpec(
        name="e",
        methods=(equation_method("g / fro(g)"),),
        settings=(Setting(name="quick", train=TrainSpec()),),
        seeds=3,
    )
    assert read(EvaluationSpec, plain(spec)) == spec


@dataclass(frozen=True)
class Pair:
    one: tuple[int, str]
    other: float | None = None


def test_a_newer_service_may_say_more_and_an_older_one_less() -> None:
    assert read(Pair, {"one": [1, "a"], "other": None, "new": {}}) == Pair((1, "a"))
    assert read(Pair, {"one": [1, "a"]}) == Pair((1, "a"))
    node = read(Node, plain(NODE) | {"color": "red"})
    assert node == NODE
    older = {name: value for name, value in plain(NODE).items() if name not in ("faults", "quarantine")}
    assert read(Node, older) == replace(NODE, faults=0, quarantine=None)


NODE = read(
    Node,
    {
        "name": "n",
        "slots": 2,
        "devices": ["cpu"],
        "code_version": "0",
        "started_at": "2026-01-01T00:00:00Z",
        "seen_at": "2026-01-01T00:00:00Z",
        "faults": 3,
        "quarantine": "because",
    },
)


@pytest.mark.parametrize(
    "value", [{}, {"one": [1]}, {"one": ["x", "a"]}, {"one": [1, "a"], "other": "z"}, [], 3, None]
)
def test_what_is_no_such_value_is_refused_in_words(value: Any) -> None:
    with pytest.raises(BackpropEvoError, match="no Pair that this client knows"):
        read(Pair, value)
