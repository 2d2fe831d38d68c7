"""Every call of either client against the real application: it says what the store holds."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import pytest

from backprop_evo import data
from backprop_evo.client.evaluations import EvaluationHandle
from backprop_evo.client.reading import plain
from backprop_evo.client.searches import SearchHandle
from backprop_evo.equations import report_on
from backprop_evo.errors import (
    IllegalTransition,
    InvalidEquation,
    InvalidInput,
    InvalidSettings,
    NotFound,
    PreconditionFailed,
)
from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import LearningRateGrid, TrainSpec
from backprop_evo.search.lifecycle import EVALUATION_VERBS, VERBS
from backprop_evo.service.search_reports import write_report
from dsl.known import KNOWN


def test_a_search_is_read_as_it_is_stored(ask: Any, seed: Any) -> None:
    found = ask(lambda client: client.search(seed.search_id).read())
    stored: SearchRecord = seed.store.searches.get(seed.search_id)
    for name in (
        "id",
        "state",
        "version",
        "spec",
        "trials_done",
        "trials_total",
        "created_at",
        "best_fitness",
    ):
        assert getattr(found, name) == getattr(stored, name), name
    assert found.has_ended is False
    assert "pause" in found.verbs
    with pytest.raises(FrozenInstanceError):
        found.state = SearchState.FAILED


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_a_search_has_a_method_with_its_arguments(verb: str) -> None:
    plan = getattr(SearchHandle, verb).__wrapped__
    named = plan.__code__.co_varnames[1 : plan.__code__.co_argcount + plan.__code__.co_kwonlyargcount]
    assert {*named} == {"at_version", *(each.name for each in VERBS[verb].arguments)}


@pytest.mark.parametrize("verb", EVALUATION_VERBS)
def test_every_verb_of_an_evaluation_has_a_method_with_its_arguments(verb: str) -> None:
    plan = getattr(EvaluationHandle, verb).__wrapped__
    named = plan.__code__.co_varnames[1 : plan.__code__.co_argcount + plan.__code__.co_kwonlyargcount]
    assert {*named} == {"at_version", *(each.name for each in EVALUATION_VERBS[verb].arguments)}


def test_a_search_is_submitted_by_fields_by_a_document_and_by_a_spec(ask: Any, store: Any) -> None:
    spec = SearchSpec(
        name="whole", trials=7, train=TrainSpec(learning_rate=LearningRateGrid(rates=(0.1, 1.0)))
    )
    for question in (
        lambda client: client.searches.submit(spec),
        lambda client: client.searches.submit(plain(spec)),
        lambda client: client.searches.submit(spec, name="whole"),
        lambda client: client.searches.submit(name="whole", trials=7, train=plain(spec.train)),
    ):
        handle = ask(question)
        assert store.searches.get(handle.id).spec == spec
        assert any("no node" in warning for warning in handle.warnings)


def test_one_key_is_one_search_whoever_sends_it(ask: Any, store: Any) -> None:
    ids = {
        ask(lambda client: client.searches.submit(name="once", idempotency_key="mine")).id for _ in range(2)
    }
    assert len(ids) == 1
    assert [each.id for each in store.searches.page().items] == [*ids]


def test_a_search_may_bring_its_counterpart(ask: Any, store: Any) -> None:
    handle = ask(lambda client: client.searches.submit(name="pair", with_counterpart=True))
    other = store.searches.get(handle.id).counterpart
    assert store.searches.get(other).spec.strategy == "random"


def test_a_search_is_checked_without_being_stored(ask: Any, store: Any) -> None:
    checked = ask(lambda client: client.searches.check(name="later", budget="2h"))
    assert checked.spec.budget == 7200.0
    assert checked.plan.minutes == 120.0
    assert checked.plan.trials > 0
    assert store.searches.page().items == ()


def test_searches_are_listed_over_pages(ask: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backprop_evo.client.nouns.PAGE", 2)
    for number in range(5):
        store.searches.add(SearchSpec(name=f"search {number}"), now=datetime(2026, 1, 1, number, tzinfo=UTC))
    newest_first = [f"search {number}" for number in reversed(range(5))]
    assert [each.spec.name for each in ask(lambda client: client.searches.list())] == newest_first
    some = ask(lambda client: client.searches.list(limit=3, state="queued"))
    assert [each.spec.name for each in some] == newest_first[:3]
    assert ask(lambda client: client.searches.list(state="running")) == []


def test_verbs_move_a_search(ask: Any, seed: Any) -> None:
    def moved(verb: str, *args: Any, **named: Any) -> Any:
        return ask(lambda client: getattr(client.search(seed.search_id), verb)(*args, **named))

    assert moved("pause").state is SearchState.PAUSED
    version = seed.store.searches.get(seed.search_id).version
    assert moved("resume", at_version=version).state is SearchState.RUNNING
    with pytest.raises(PreconditionFailed):
        moved("extend", 5, at_version=version)
    assert moved("extend", 5).trials_total == 29
    clone = moved("clone", seed=9, name="again")
    assert (seed.store.searches.get(clone.id).spec.seed, clone.id != seed.search_id) == (9, True)
    assert seed.store.searches.get(moved("challenge").id).spec.strategy == "random"
    assert moved("stop").state is SearchState.STOPPING
    assert moved("cancel").state is SearchState.CANCELLED
    with pytest.raises(IllegalTransition) as caught:
        moved("pause")
    assert caught.value.legal == ("clone",)


def test_what_a_search_has_found(ask: Any, seed: Any) -> None:
    rows = ask(lambda client: client.search(seed.search_id).leaderboard())
    stored = seed.store.leaderboard.page(seed.search_id).items
    assert [(row.fingerprint, row.validation) for row in rows] == [
        (row.fingerprint, row.validation) for row in stored
    ]
    assert rows.best.equation == "g / fro(g)"
    assert rows[0].verdict
    individuals = ask(lambda client: client.search(seed.search_id).individuals())
    assert [each.number for each in individuals] == list(range(len(individuals)))
    assert individuals[5].mutation == "replaced op2"
    stages = ask(lambda client: client.search(seed.search_id).stages())
    assert [(each.role, each.evaluation) for each in stages][-1] == ("confirmation", seed.confirmation_id)
    (evaluation,) = ask(lambda client: client.search(seed.search_id).evaluations())
    assert evaluation.id == seed.confirmation_id
    text = ask(lambda client: client.search(seed.search_id).report("json", replay=False))
    from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS

    told = write_report(
        seed.store, seed.store.searches.get(seed.search_id), REPORT_FORMATS["json"], replayed=False
    )
    assert text == (told if isinstance(told, str) else told.decode())


def test_two_searches_are_compared(ask: Any, seed: Any) -> None:
    with pytest.raises(NotFound):
        ask(lambda client: client.search(seed.search_id).comparison())
    other = ask(lambda client: client.search(seed.search_id).challenge())
    found = ask(lambda client: client.search(seed.search_id).comparison(other.id))
    assert (found.one.search_id, found.other.search_id) == (seed.search_id, other.id)
    assert found.one.course.points
    assert found.difference is None


def test_trials_of_a_search_and_one_of_them(ask: Any, seed: Any) -> None:
    done = ask(lambda client: client.search(seed.search_id).trials(state=TrialState.COMPLETED))
    assert [each.id for each in done] == [
        each.id
        for each in seed.store.trials.page(
            seed.search_id, choice=TrialChoice(state=TrialState.COMPLETED)
        ).items
    ]
    (baseline,) = ask(lambda client: client.search(seed.search_id).trials(purpose="baseline"))
    detail = ask(lambda client: client.trial(baseline.id).read())
    stored = seed.store.trials.get(baseline.id)
    assert (detail.spec, detail.result, detail.has_ended) == (stored.spec, stored.result, True)
    assert [each.outcome for each in detail.attempts] == ["completed"]


def test_a_curve_with_nan_comes_over_the_wire(ask: Any, seed: Any) -> None:
    (diverged,) = ask(lambda client: client.search(seed.search_id).trials(state="diverged"))
    curve = ask(lambda client: client.trial(diverged.id).read()).result.curve
    assert curve[1].train_loss != curve[1].train_loss


def test_events_come_as_they_are_stored(ask: Any, seed: Any) -> None:
    stored = list(seed.store.events.after(0))
    assert ask(lambda client: client.events(follow=False)) == stored
    after = stored[3].id
    of_search = [each for each in stored if each.search_id == seed.search_id and each.id > after]
    assert ask(lambda client: client.search(seed.search_id).events(after, follow=False)) == of_search


def test_evaluations(ask: Any, store: Any) -> None:
    handle = ask(
        lambda client: client.evaluations.submit(
            name="e", methods=["g / fro(g)"], settings=["quick"], seeds=2
        )
    )
    assert [each.id for each in ask(lambda client: client.evaluations.list(state="queued"))] == [handle.id]
    found = ask(lambda client: client.evaluation(handle.id).read())
    assert found.spec == store.evaluations.get(handle.id).spec
    assert ask(lambda client: client.evaluation(handle.id).extend(3)).seeds == 5
    table = ask(lambda client: client.evaluation(handle.id).table())
    assert (table.name, table.planned, table.blocks[0].rows[0].is_baseline) == (
        "e",
        found.trials_total // 2 * 5,
        True,
    )
    assert ask(lambda client: client.evaluation(handle.id).export("csv")).startswith("setting")
    assert ask(lambda client: client.evaluation(handle.id).trials()) == []
    assert ask(lambda client: client.evaluation(handle.id).cancel()).has_ended


def test_an_equation_is_starred(ask: Any, seed: Any) -> None:
    fingerprint = seed.store.leaderboard.page(seed.search_id).items[0].fingerprint
    assert ask(lambda client: client.equations.marks(fingerprint)).starred is False
    marked = ask(lambda client: client.equations.mark(fingerprint, starred=True, note="seen"))
    assert (marked.starred, marked.note) == (True, "seen")
    assert ask(lambda client: client.equations.mark(fingerprint, note="again")).starred is True
    assert ask(lambda client: client.equations.marks(fingerprint)).note == "again"
    board = ask(lambda client: client.search(seed.search_id).leaderboard(starred=True))
    assert [row.fingerprint for row in board] == [fingerprint]
    with pytest.raises(InvalidInput):
        ask(lambda client: client.equations.mark(fingerprint))
    with pytest.raises(NotFound):
        ask(lambda client: client.equations.mark("nothing", starred=True))


def test_equations(ask: Any, seed: Any) -> None:
    text = "min(g / fro(g), clip(h, 1.0))"
    told = report_on(text)
    found = ask(lambda client: client.equations.describe(text))
    for name in ("text", "latex", "mathml", "canonical", "fingerprint", "facts"):
        assert getattr(found, name) == getattr(told, name), name
    assert ask(lambda client: client.equations.latex(text)) == told.latex
    assert ask(lambda client: client.equations.simplify("g + g")) == report_on("g + g").canonical
    with pytest.raises(InvalidEquation) as caught:
        ask(lambda client: client.equations.describe("min(g)"))
    assert caught.value.column == 1
    assert [each.name for each in ask(lambda client: client.equations.known())] == [*KNOWN]
    history = ask(
        lambda client: client.equations.history(seed.store.trials.page(seed.search_id).items[0].fingerprint)
    )
    assert history


def test_the_pool_and_the_catalogue(ask: Any, seed: Any) -> None:
    (node,) = ask(lambda client: client.nodes.list())
    (stored,) = seed.store.nodes.alive(seen_after=datetime(2026, 1, 1, tzinfo=UTC))
    assert (node.name, node.slots, node.devices) == (stored.name, stored.slots, stored.devices)
    assert [each.name for each in ask(lambda client: client.datasets.list())] == list(data.names())
    (setting,) = ask(lambda client: client.settings.list())
    assert ask(lambda client: client.settings.read(setting.id)) == setting
    assert [row.rank for row in ask(lambda client: client.leaderboard(setting.id, limit=2))] == [1, 2]
    assert ask(lambda client: client.is_ready()) is True
    assert ask(lambda client: client.version()).name == "backprop-evo"


def test_raw_access_by_path(ask: Any, seed: Any) -> None:
    path = f"/searches/{seed.search_id}"
    assert ask(lambda client: client.get(path))["id"] == seed.search_id
    assert len(ask(lambda client: client.items(f"{path}/trials", limit=3))) == 3
    assert ask(lambda client: client.post(f"{path}:pause"))["state"] == "paused"
    assert ask(lambda client: client.text(f"{path}/report", format="markdown", replay=False)).startswith("#")


def test_refusals_are_errors_of_the_tree(ask: Any) -> None:
    with pytest.raises(NotFound, match="nobody"):
        ask(lambda client: client.search("nobody").read())
    with pytest.raises(InvalidSettings) as caught:
        ask(lambda client: client.searches.submit(name="x", trials=0))
    assert caught.value.field == "trials"
    with pytest.raises(InvalidInput, match="trails"):
        ask(lambda client: client.searches.submit(name="x", trails=3))
