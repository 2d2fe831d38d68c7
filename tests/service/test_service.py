"""The use cases: what is refused and why, what is stored, what is answered."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_evo.equations import report_on
from backprop_evo.errors import (
    BackpropEvoError,
    Conflict,
    IllegalTransition,
    InvalidEquation,
    InvalidSettings,
    NotFound,
    UnknownDataset,
)
from backprop_evo.records.searching import (
    Operators,
    SearchSpec,
    VocabularySpec,
)
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import NodeRecord
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.service import (
    parse_search_spec,
    search_spec_to_json,
    utc_now,
)
from backprop_evo.service.use_cases import NODE_SILENCE_S
from backprop_evo.store.codec import decode, encode
from backprop_evo.store.keyed import KeyedRequest, under_key
from dsl.known import KNOWN


class TestSubmitting:
    def test_a_search_is_stored_as_queued(self, service, store, small_spec):
        search = service.submit_search(small_spec())
        assert store.searches.get(search.id) == search
        assert (search.state, search.spec) == (SearchState.QUEUED, small_spec())

    @pytest.mark.parametrize(
        ("options", "error", "says"),
        [
            ({"start": ("g", "gg")}, InvalidEquation, r"start\[1\]"),
            ({"start": ("g +",)}, InvalidEquation, r"start\[0\]"),
            ({"start": ("W",)}, InvalidEquation, "infeasible"),
            ({"train": TrainSpec(data="imagenet")}, UnknownDataset, "imagenet"),
            ({"train": TrainSpec(model="resnet")}, InvalidSettings, "resnet"),
            ({"train": TrainSpec(model="wrn-11-1")}, InvalidSettings, "wrn-11-1"),
            ({"vocabulary": VocabularySpec(operands=("gee",))}, InvalidSettings, "gee"),
            ({"vocabulary": VocabularySpec(binaries=())}, InvalidSettings, "vocabulary"),
            ({"vocabulary": VocabularySpec(operands=("W",), binaries=("add",))}, InvalidSettings, "feasible"),
            ({"vocabulary": VocabularySpec(constants={"abs": (1.0,)})}, InvalidSettings, "vocabulary"),
        ],
    )
    def test_what_cannot_be_carried_out_is_refused_and_not_stored(
        self, service, store, small_spec, options, error, says
    ):
        with pytest.raises(error, match=says):
            service.submit_search(small_spec(**options))
        assert store.searches.page().items == ()

    def test_the_request_under_one_key_is_carried_out_once(self, service, store, small_spec):
        def request(sha256):
            return under_key(KeyedRequest(caller="", key="k", sha256=sha256, at=utc_now()))

        with request("1"):
            first = service.submit_search(small_spec())
        for sha256, spec in (("1", small_spec()), ("2", small_spec(seed=9))):
            with request(sha256), pytest.raises(Conflict, match="'k'"):
                service.submit_search(spec)
        assert store.searches.page().items == (first,)

    def test_a_clone_is_the_same_search_with_another_seed_and_the_extended_budget(self, service, small_spec):
        search = service.submit_search(small_spec())
        service.extend(search.id, 6)
        clone = service.clone(search.id, name="again", seed=5)
        assert clone.spec == small_spec(name="again", seed=5, trials=10)

    def test_verbs_need_a_search_and_a_state_that_allows_them(self, service, small_spec):
        with pytest.raises(NotFound):
            service.pause("nobody")
        search = service.submit_search(small_spec())
        service.cancel(search.id)
        assert service.cancel(search.id).state is SearchState.CANCELLED
        with pytest.raises(IllegalTransition) as refused:
            service.resume(search.id)
        assert refused.value.legal == ("clone",)

    def test_a_node_is_live_until_it_was_silent_for_too_long(self, service, store, clock):
        node = NodeRecord(
            name="n", slots=1, devices=("cpu",), code_version="1", started_at=clock.now, seen_at=clock.now
        )
        store.nodes.record_heartbeat(node)
        clock.pass_by(NODE_SILENCE_S - 1)
        assert service.live_nodes() == [node]
        clock.pass_by(1)
        assert service.live_nodes() == []


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
        kind = RelativeStepGrid if "relative_steps" in str(rate) else LearningRateGrid
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
                "train.learning_rate.relative_steps",
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


class TestEquations:
    def test_a_report_says_everything(self):
        report = report_on("g/fro( g )")
        assert report.text == "g / fro(g)"
        assert report.canonical == "g / fro(g)"
        assert report.infeasible is None
        assert report.facts["needs"] == ["W"]
        assert report.mathml.startswith("<math")
        assert report.fingerprint == report_on("g / fro(g)").fingerprint

    def test_an_infeasible_equation_is_reported_with_the_reason(self):
        report = report_on("W")
        assert report.infeasible
        assert (report.canonical, report.fingerprint, report.facts) == (None, None, {})

    def test_an_error_points_at_its_column(self):
        with pytest.raises(InvalidEquation) as refused:
            report_on("g + gg")
        assert refused.value.column == 5
        assert refused.value.hint

    def test_known_equations_include_plain_backprop(self):
        known = {each.key: each for each in KNOWN.values()}
        assert known["backprop"].text == "g"
        assert all(report_on(each.text).infeasible is None for each in known.values())


def test_api_and_controller_need_no_torch():
    code = "import sys, backprop_evo.service; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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
