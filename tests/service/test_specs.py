"""Search specs from outside are read strictly and checked before anything is stored."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_evo.errors import BackpropEvoError, InvalidSettings
from backprop_evo.records.proposing import Operators
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.service import parse_search_spec, search_spec_to_json
from backprop_evo.service.specs import check_search_spec
from backprop_evo.store.codec import decode, encode


class TestSpecs:
    @settings(max_examples=40, deadline=None)
    @given(
        seed=st.integers(0, 2**63 - 1),
        trials=st.integers(1, 10_000_000),
        probability=st.floats(0, 1),
        rate=st.one_of(st.floats(1e-6, 100), st.just({"rates": [0.1, 1.0], "probe_epochs": 1.0})),
        operands=st.one_of(st.none(), st.just(["g", "h"])),
    )
    def test_a_spec_survives_the_way_to_json_and_back(self, seed, trials, probability, rate, operands):
        document = {
            "name": "x",
            "seed": seed,
            "trials": trials,
            "best_probability": probability,
            "train": {"learning_rate": rate},
            "vocabulary": {"operands": operands, "constants": {"clip": [0.5]}},
            "operators": {"crossover": 0.5},
        }
        spec = parse_search_spec(document)
        assert (spec.seed, spec.trials, spec.operators) == (seed, trials, Operators(crossover=0.5))
        assert parse_search_spec(search_spec_to_json(spec)) == spec

    @pytest.mark.parametrize(
        "rate",
        [
            0.1,
            {},
            {"rates": [0.1, 1.0]},
            {"probe_epochs": 0.5},
            {"relative_steps": [0.01, 0.03]},
            {"relative_steps": [0.03], "probe_epochs": 0.5, "extra_probes": 0},
        ],
    )
    def test_a_rate_is_one_number_or_one_of_two_grids(self, rate):
        spec = parse_search_spec({"name": "x", "train": {"learning_rate": rate}})
        kind = LearningRateGrid if "rates" in str(rate) else RelativeStepGrid
        assert isinstance(spec.train.learning_rate, float if rate == 0.1 else kind)
        stored = decode(TrainSpec, encode(spec.train))
        assert stored == spec.train == parse_search_spec(search_spec_to_json(spec)).train

    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({}, "name"),
            ({"name": "x", "trails": 5}, "trails"),
            ({"name": "x", "train": {"epoch": 1}}, "train.epoch"),
            ({"name": "x", "train": {"learning_rate": {"rats": [1]}}}, "train.learning_rate.rats"),
            ({"name": "x", "train": {"learning_rate": {"relative": [1]}}}, "train.learning_rate.relative"),
            ({"name": "x", "train": {"learning_rate": {"relative_steps": ["a"]}}}, "train.learning_rate"),
            ({"name": "x", "train": {"learning_rate": {"relative_steps": [-1]}}}, "train.learning_rate"),
            (
                {"name": "x", "train": {"learning_rate": {"relative_steps": [1], "rates": [1]}}},
                "train.learning_rate.rates",
            ),
            ({"name": "x", "trials": "5"}, "trials"),
            ({"name": "x", "trials": 5.5}, "trials"),
            ({"name": "x", "trials": 0}, "trials"),
            ({"name": "x", "trials": None}, "trials"),
            ({"name": "x", "train": 5}, "train"),
            ({"name": "x", "train": {"epochs": -1}}, "train.epochs"),
            ({"name": "x", "train": {"optimizer": "adam"}}, "train.optimizer"),
            ({"name": "x", "train": {"evaluate_test": True}}, "train.evaluate_test"),
            ({"name": "x", "mutations": [0.5, 0.6]}, "mutations"),
            ({"name": "x", "mutation_redraw": "never"}, "mutation_redraw"),
            ({"name": "x", "products": "two"}, "products"),
            ({"name": "x", "operators": {"crossover": 2.0}}, "operators"),
            ({"name": ""}, "name"),
            ({"name": "x", "seed": {1, 2}}, "spec"),
        ],
    )
    def test_the_wrong_field_is_named(self, document, field):
        with pytest.raises(InvalidSettings) as refused:
            parse_search_spec(document)
        assert refused.value.field == field

    def test_a_typing_error_is_answered_with_the_nearest_field(self):
        with pytest.raises(InvalidSettings) as refused:
            parse_search_spec({"name": "x", "population": 5})
        assert "population_size" in refused.value.hint

    @settings(max_examples=25, deadline=None)
    @given(
        st.dictionaries(
            st.text(max_size=8),
            st.none() | st.floats() | st.text(max_size=3) | st.lists(st.integers()),
            max_size=3,
        )
    )
    def test_nothing_but_our_own_errors_comes_of_nonsense(self, document):
        with pytest.raises(BackpropEvoError):
            parse_search_spec(document)

    def test_defaults_are_those_of_the_spec(self):
        assert parse_search_spec({"name": "x"}) == SearchSpec(name="x")


@pytest.mark.parametrize(
    "name",
    [
        "wrn-10-1",
        "wrn-16-2",
        "wrn-28-10",
        "wrn-11-1",
        "wrn-4-1",
        "wrn-10-0",
        "wrn-10",
        "cnn",
        "cnn-1",
        "mlp",
        "mlp-0",
        "mlp-112-16",
        "mlp-5-tanh",
        "mlp-5-sigmoid",
        "mlp-5-relu",
        "mlp-5-gelu",
        "mlp-1234567",
        "mlp-01",
        "",
        "resnet18",
    ],
)
def test_a_search_accepts_the_models_that_training_builds(name, service, small_spec):
    import torch

    from backprop_evo.training.models.build import build_model

    def build():
        with torch.device("meta"):
            build_model(name, image_shape=(3, 32, 32), classes=10)

    def accepts(check):
        try:
            check()
        except InvalidSettings:
            return False
        return True

    submitted = accepts(lambda: service.submit_search(small_spec(train=TrainSpec(model=name))))
    assert submitted == accepts(build)


@pytest.mark.parametrize("name", ["dni", "cdni", "hsic"])
def test_methods_beside_the_equations_are_yardsticks_where_they_fit(name):
    spec = parse_search_spec({"name": "x", "seed": 0, "trials": 10, "yardsticks": [name]})
    check_search_spec(spec)
    document = {"name": name, "settings": {"hidden_layers": 1} if name == "cdni" else {}}
    alone = {"name": "x", "seed": 0, "trials": 10, "yardsticks": [document], "train": {"batch_size": 1}}
    with pytest.raises(InvalidSettings) as refused:
        check_search_spec(parse_search_spec(alone))
    assert refused.value.field == "train.batch_size"
