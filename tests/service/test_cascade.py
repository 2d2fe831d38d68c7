"""The cascade asked for: what cannot be carried out is refused in words; and driven over a real store."""

from dataclasses import replace

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.choosing import TrialChoice
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.presets import PRESETS, cascade
from backprop_evo.records.proposing import VocabularySpec
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainResult, TrainSpec
from backprop_evo.search.fruitless import notice
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import NO_ERROR, SearchLanguage
from backprop_evo.service import drive_once, parse_search_spec
from backprop_evo.service.documents import search_document
from backprop_evo.service.specs import check_search_spec

ASHA = PrunerSpec(name="asha", rungs=(8, 24))
TRAIN = TrainSpec(epochs=2.0, learning_rate=RelativeStepGrid(relative_steps=(0.01, 0.03, 0.1)))
FIXED = TrainSpec(learning_rate=0.1)
WITHOUT_ERROR = VocabularySpec(operands=("h", "mean(dh)", "W"))


@pytest.mark.parametrize(
    ("options", "field", "says", "hint"),
    [
        ({"pruner": PrunerSpec(name="asha")}, "pruner.rungs", "asha needs rungs", "62 steps"),
        ({"pruner": replace(ASHA, rungs=(8, 62))}, "pruner.rungs", "has 62 steps", "below 62"),
        ({"pruner": ASHA, "trials": 5}, "trials", "5 trials are too few for a rung", "min_trials"),
        (
            {"rates": "inherited", "train": TrainSpec(learning_rate=0.1)},
            "rates",
            "no grid of several",
            "relative",
        ),
        (
            {
                "rates": "inherited",
                "train": replace(TRAIN, learning_rate=RelativeStepGrid(relative_steps=(0.03, 0.03))),
            },
            "rates",
            "no grid of several",
            "relative",
        ),
        ({"vocabulary": WITHOUT_ERROR}, "vocabulary.operands", "carries the error", "b_next"),
        (
            {"vocabulary": WITHOUT_ERROR, "start": ("h * dh",)},
            "vocabulary.operands",
            "carries the error",
            "screening off",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_what_to_change(small_spec, options, field, says, hint):
    with pytest.raises(InvalidSettings, match=says) as refused:
        check_search_spec(small_spec(**{"trials": 30, "train": TRAIN} | options))
    assert refused.value.field == field
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    "options",
    [
        {"pruner": ASHA, "trials": 6},
        {"rates": "inherited"},
        {"vocabulary": WITHOUT_ERROR, "screening": False},
        {"vocabulary": WITHOUT_ERROR, "start": ("g * dh",)},
        {"vocabulary": VocabularySpec(operands=("h", "std(b_next)"))},
    ],
)
def test_what_can_is_accepted(small_spec, options):
    check_search_spec(small_spec(**{"trials": 30, "train": TRAIN} | options))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_search(name):
    spec = parse_search_spec(search_document({"name": "by preset"}, preset_name=name))
    check_search_spec(spec)
    assert spec.train == PRESETS[name]
    is_quick = name.startswith("quick")
    assert (spec.pruner.name, spec.rates) == (("asha", "inherited") if is_quick else ("none", "grid"))
    assert bool(cascade(name)) == is_quick


def test_a_file_goes_over_the_cascade_of_a_preset():
    file = {"name": "x", "pruner": {"rungs": [4]}, "rates": "grid"}
    spec = parse_search_spec(search_document({"pruner_spared": "0"}, preset_name="quick", file=file))
    assert (spec.pruner.name, spec.pruner.rungs, spec.pruner.spared, spec.rates) == (
        "asha",
        (4,),
        0.0,
        "grid",
    )


def drive(store, clock, search_id, result_of):
    """A controller and a worker, to the end."""
    search = store.searches.claim("c", lease_s=600, now=clock())
    progress = None
    while not store.searches.get(search_id).state.is_terminal:
        progress, _ = drive_once(store, search, "c", progress, now=clock())
        for trial in store.trials.open(search_id)[:2]:
            lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=clock())
            assert store.trials.start(lease, now=clock())
            assert store.trials.finish(lease, result_of(trial), now=clock())
    return store.searches.get(search_id)


def odd(trial):
    """Every third shows nothing in its first backward pass; relative steps grow with the number."""
    if trial.purpose is Purpose.SEARCH and trial.individual % 3 == 0:
        return TrainResult(outcome=TrialState.SCREENED, reason="screened out: nothing")
    accuracy = (sum(map(ord, trial.method.equation)) % 97) / 100
    steps = trial.spec.learning_rate.relative_steps
    return TrainResult(
        outcome=TrialState.COMPLETED,
        validation_accuracy=accuracy,
        test_accuracy=accuracy,
        relative_step=steps[trial.individual % 3],
    )


def test_what_was_screened_out_is_stored_counted_apart_and_replays(store, clock, service, small_spec):
    asked = small_spec(
        trials=20,
        start=("h * dh", "g / fro(g)"),
        rates="inherited",
        train=TRAIN,
        in_flight=3,
        confirmation=Confirmation(best=0),
    )
    search = drive(store, clock, service.submit_search(asked).id, odd)
    individuals = store.individuals.of(search.id)
    by_facts = [each for each in individuals if each.screened_out]
    screened = store.trials.page(search.id, choice=TrialChoice(state=TrialState.SCREENED), limit=500).items
    assert individuals[1].screened_out == NO_ERROR
    assert screened
    assert search.screened_out == len(by_facts) + len(screened)
    assert (search.state, search.trials_done) == (SearchState.COMPLETED, 20)
    assert any(each.inherited_step for each in individuals)
    again = replay(search.spec, SearchLanguage(search.spec), individuals, store.trials.finishes(search.id))
    assert again == tuple(individuals)
    told = [number for event in store.events.after() for number in event.payload.get("screened_out", ())]
    assert sorted(told) == [each.number for each in by_facts]
    kinds = [event.kind for event in store.events.after(limit=500)]
    assert kinds.count("trial.screened") == len(screened)


def test_a_search_whose_first_trainings_all_die_goes_on_and_says_so(store, clock, service, small_spec):
    def dying(_trial):
        return TrainResult(outcome=TrialState.PRUNED, reason="pruned at rung 0 (step 8): behind")

    search = service.submit_search(small_spec(trials=12, start=("g / fro(g)",)))
    assert notice(search) is None
    claimed = store.searches.claim("c", lease_s=600, now=clock())
    progress, said = None, []
    while not store.searches.get(search.id).state.is_terminal:
        progress, _ = drive_once(store, claimed, "c", progress, now=clock())
        for trial in store.trials.open(search.id)[:1]:
            lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=clock())
            assert store.trials.start(lease, now=clock())
            assert store.trials.finish(lease, dying(trial), now=clock())
        said.append(notice(store.searches.get(search.id)))
    ended = store.searches.get(search.id)
    assert "goes on with random equations" in str(said[-3])
    assert (ended.trials_done, notice(ended)) == (12, None)
    assert "no training of the search reached a fitness" in str(ended.end_reason)
