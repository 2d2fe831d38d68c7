"""Controls: beside every comparison unless it is asked for none, marked, and the noise floor they show."""

import csv
import io
from dataclasses import replace

import pytest

from backprop_evo.errors import InvalidEquation, InvalidSettings
from backprop_evo.evaluation.exports import as_csv, as_latex
from backprop_evo.evaluation.ordering import with_more
from backprop_evo.evaluation.report import as_html
from backprop_evo.evaluation.stages import STAGE_OF, candidates_of, stage_spec
from backprop_evo.evaluation.table import make_table
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import Role
from backprop_evo.records.training import TrainSpec
from backprop_evo.service import evaluation_spec_to_json, parse_evaluation_spec
from backprop_evo.training.methods import declared

FRO, PLACEBO = equation_method("g / fro(g)"), MethodSpec("placebo")
NAMED = {"layerwise-normalised", "clipped-gradient", "placebo", "classifier-alone"}


def names(methods):
    return {each.equation or each.name for each in methods}


def test_those_that_there_are_declare_themselves():
    assert {name for name, method in declared().items() if method.is_control} == NAMED
    assert {name for name, method in declared().items() if method.is_placebo} == {"placebo"}


@pytest.mark.parametrize(
    ("asked", "controls"),
    [
        ({}, {"g / fro(g)", *NAMED}),
        ({"controls": "all"}, {"g / fro(g)", *NAMED}),
        ({"controls": "few"}, {"g / fro(g)", "placebo"}),
        ({"controls": "none"}, set()),
        ({"baseline": "g / fro(g)"}, {"g", *NAMED}),
        ({"methods": ["fro(g) / g"], "controls": "few"}, {"g / fro(g)", "placebo"}),
        ({"methods": ["g/fro(g)", "placebo"], "controls": "few"}, set()),
    ],
)
def test_an_evaluation_has_them_unless_it_is_asked_for_none(asked, controls):
    spec = parse_evaluation_spec({"name": "x", "methods": ["h * g"]} | asked)
    assert names(spec.controls) == controls
    assert spec.methods[len(spec.methods) - len(spec.controls) :] == spec.controls
    assert parse_evaluation_spec(evaluation_spec_to_json(spec)) == spec


def test_controls_may_be_named_as_methods_are():
    document = {"name": "x", "methods": ["h * g", "g / fro(g)"], "controls": ["g / fro(g)"]}
    spec = parse_evaluation_spec(document)
    assert spec.controls == spec.methods[1:]
    with pytest.raises(InvalidSettings, match="controls must be among the methods"):
        parse_evaluation_spec(document | {"controls": ["h"]})


@pytest.mark.parametrize("wrong", ["some", 3, ["g * h"], [{"name": "placebo", "settings": {}}]])
def test_what_are_no_controls_is_refused_by_name(wrong):
    with pytest.raises(InvalidSettings) as refused:
        parse_evaluation_spec({"name": "x", "methods": ["h * g"], "controls": wrong})
    assert refused.value.field.startswith("controls")


def test_a_method_that_is_none_is_refused_where_it_was_written():
    from backprop_evo.service.evaluation_specs import check_evaluation_spec

    with pytest.raises(InvalidEquation, match="no_such_operand"):
        check_evaluation_spec(parse_evaluation_spec({"name": "x", "methods": ["g * no_such_operand"]}))


def test_backprop_in_momentum_is_a_second_setting_with_the_same_grid():
    document = {"name": "x", "methods": ["h * g"], "settings": ["quick", "A1"], "in_momentum": True}
    spec = parse_evaluation_spec(document)
    first, second, *rest = spec.settings
    assert (first.train.optimizer, second.train.optimizer) == ("sgd", "momentum")
    assert (second.name, second.train.learning_rate) == ("quick, momentum", first.train.learning_rate)
    assert len(rest) == 2 if rest[0].train.optimizer == "sgd" else len(rest) == 1
    with pytest.raises(InvalidSettings, match="in_momentum must be true or false"):
        parse_evaluation_spec(document | {"in_momentum": 1})


def confirmation_of(spec, finalists):
    return stage_spec(STAGE_OF[Role.CONFIRMATION], spec, candidates_of(spec, finalists))


def search(**options):
    return SearchSpec(name="s", train=TrainSpec(model="mlp-8"), confirmation=Confirmation(**options))


def test_a_search_orders_few_of_them_by_default():
    spec = confirmation_of(search(best=1, seeds=3), (equation_method("h * g"),))
    assert [each.equation or each.name for each in spec.rows] == ["g", "h * g", "g / fro(g)", "placebo"]
    assert (spec.controls, spec.seeds, spec.test) == ((FRO, PLACEBO), 3, True)
    (setting,) = spec.settings
    assert (setting.train.validation_part, setting.train.evaluate_test) == ("finalists", False)


def test_a_search_of_before_confirms_as_it_measured_and_without_them():
    spec = SearchSpec(
        name="s",
        train=TrainSpec(validation_part="whole"),
        confirmation=Confirmation(controls="none", test=False),
    )
    ordered = confirmation_of(spec, (equation_method("h * g"),))
    assert (ordered.controls, ordered.test) == ((), False)
    assert ordered.settings[0].train.validation_part == "whole"


def test_a_finalist_is_no_control_though_it_behaves_as_one():
    assert names(confirmation_of(search(), (FRO,)).controls) == {"placebo"}
    before = confirmation_of(search(), (equation_method("h * g"),))
    after = with_more(before, (FRO,))
    assert (after.methods, names(after.controls)) == (before.methods, {"placebo"})
    assert with_more(before, (equation_method("h * g"),)) == before


@pytest.fixture
def table(scene):
    compared, trained = scene
    spec = replace(compared("g / fro(g)", seeds=3), methods=(FRO, PLACEBO), controls=(PLACEBO,))
    outcomes = trained(spec, (0.30, 0.31, 0.32), (0.40, 0.42, 0.41), (0.31, 0.30, 0.345))
    return spec, outcomes, make_table(spec, outcomes, seeds=3)


def test_the_noise_floor_is_a_line_of_the_table(table):
    spec, outcomes, made = table
    (block,) = made.blocks
    words = "placebos differ from backprop by 1.5 points on average, by 2.5 at most (n = 3)"
    assert block.noise_floor == f"noise floor: {words}"
    assert words in as_latex(made)
    assert words in as_html(made, outcomes, evaluation_spec_to_json(spec))
    without = make_table(spec, [each for each in outcomes if each.row != 2], seeds=3)
    assert without.blocks[0].noise_floor is None


def test_a_control_is_marked_and_no_part_of_the_headline(table):
    spec, outcomes, made = table
    assert [row.is_control for row in made.blocks[0].rows] == [False, False, True]
    assert "placebo" not in made.headline
    rows = list(csv.DictReader(io.StringIO(as_csv(made))))
    assert [row["is_control"] for row in rows] == ["False", "False", "True"]
    assert r"\texttt{placebo 0} (control)" in as_latex(made)
    assert "<code>placebo 0</code> (control)" in as_html(made, outcomes, evaluation_spec_to_json(spec))


def test_controls_alone_are_a_headline(scene):
    compared, trained = scene
    spec = replace(compared("g", seeds=2), methods=(PLACEBO,), controls=(PLACEBO,))
    made = make_table(spec, trained(spec, (0.3, 0.31), (0.31, 0.31)), seeds=2)
    assert made.headline.startswith("placebo 0: no difference shown")
