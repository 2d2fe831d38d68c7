"""The use cases: what is refused and why, what is stored, what is answered."""

import subprocess
import sys

import pytest

from backprop_evo.equations import report_on
from backprop_evo.errors import (
    Conflict,
    IllegalTransition,
    InvalidEquation,
    InvalidSettings,
    NotFound,
    PreconditionFailed,
    UnknownDataset,
)
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.proposing import VocabularySpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.lifecycle import VERBS
from backprop_evo.service import utc_now
from backprop_evo.service.use_cases import MORE_THAN_TRANSITIONS, NODE_SILENCE_S
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
        service.apply_verb("extend", search.id, {"trials": 6})
        clone = service.apply_verb("clone", search.id, {"name": "again", "seed": 5})
        assert clone.spec == small_spec(name="again", seed=5, trials=10)

    def test_verbs_need_a_search_and_a_state_that_allows_them(self, service, small_spec):
        with pytest.raises(NotFound):
            service.apply_verb("pause", "nobody")
        search = service.submit_search(small_spec())
        service.apply_verb("cancel", search.id)
        assert service.apply_verb("cancel", search.id).state is SearchState.CANCELLED
        with pytest.raises(IllegalTransition) as refused:
            service.apply_verb("resume", search.id)
        assert refused.value.legal == ("clone",)

    def test_every_verb_is_a_transition_or_has_its_function(self):
        assert {verb.name for verb in VERBS.values() if verb.to is None} == set(MORE_THAN_TRANSITIONS)

    def test_an_unknown_verb_is_answered_with_those_that_are_known(self, service, small_spec):
        search = service.submit_search(small_spec())
        with pytest.raises(NotFound, match="explode") as refused:
            service.apply_verb("explode", search.id)
        assert refused.value.hint == f"known: {', '.join(VERBS)}"

    @pytest.mark.parametrize(
        ("verb", "arguments", "field"),
        [
            ("extend", {}, "trials"),
            ("extend", {"trials": 0}, "trials"),
            ("extend", {"trials": 10_000_000}, "trials"),
            ("pause", {"trials": 3}, "trials"),
            ("clone", {"seed": -1}, "seed"),
            ("clone", {"name": " "}, "name"),
        ],
    )
    def test_a_wrong_argument_is_named_and_nothing_changes(
        self, service, store, small_spec, verb, arguments, field
    ):
        search = service.submit_search(small_spec())
        with pytest.raises(InvalidSettings) as refused:
            service.apply_verb(verb, search.id, arguments)
        assert refused.value.field == field
        assert store.searches.page().items == (search,)

    @pytest.mark.parametrize("verb", [name for name in VERBS if name != "resume"])
    def test_a_verb_acts_on_the_version_that_was_seen_only(self, service, store, small_spec, verb):
        search = service.submit_search(small_spec())
        example = VERBS[verb].example
        with pytest.raises(PreconditionFailed, match="version 1, not 2"):
            service.apply_verb(verb, search.id, example, expected_version=2)
        assert store.searches.page().items == (search,)
        assert service.apply_verb(verb, search.id, example, expected_version=1) != search

    def test_a_node_is_live_until_it_was_silent_for_too_long(self, service, store, clock):
        node = NodeRecord(
            name="n", slots=1, devices=("cpu",), code_version="1", started_at=clock.now, seen_at=clock.now
        )
        store.nodes.record_heartbeat(node)
        clock.pass_by(NODE_SILENCE_S - 1)
        assert service.live_nodes() == [node]
        clock.pass_by(1)
        assert service.live_nodes() == []


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
