"""Whatever is asked for has an upper bound; what was stored before there was one stays readable."""

from dataclasses import replace

import pytest

from backprop_evo.errors import BackpropEvoError, InvalidSettings
from backprop_evo.records.funnel import Confirmation, Finalists, Transfer
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.proposing import VocabularySpec
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import LearningRateGrid, TrainSpec
from backprop_evo.service.spec_fields import search_fields
from backprop_evo.service.specs import check_search_spec
from backprop_evo.store.codec import decode, encode

HUGE = 10**30
FINE = SearchSpec(name="fine")
TRAIN = TrainSpec()
BOUNDED = [
    (replace(FINE, population_size=HUGE), "population_size"),
    (replace(FINE, start_random=10**8), "start_random"),
    (replace(FINE, start=("g",) * 10_000), "start"),
    (replace(FINE, start=("abs(" * 1000 + "g" + ")" * 1000,)), "start"),
    (replace(FINE, mutations=(0.001,) * 1000), "mutations"),
    (replace(FINE, yardsticks=(MethodSpec("placebo"),) * 1000), "yardsticks"),
    (replace(FINE, vocabulary=VocabularySpec(operands=("g",) * 1000)), "vocabulary.operands"),
    (
        replace(FINE, vocabulary=VocabularySpec(constants={"clip": (0.5,) * 5000})),
        "vocabulary.constants",
    ),
    (replace(FINE, confirmation=Confirmation(seeds=10**8)), "confirmation.seeds"),
    (replace(FINE, confirmation=Confirmation(best=10**8)), "confirmation.best"),
    (replace(FINE, confirmation=Confirmation(best=900, seeds=900)), "confirmation"),
    (replace(FINE, finalists=Finalists(best=10**8)), "finalists.best"),
    (replace(FINE, finalists=Finalists(seeds=10**8)), "finalists.seeds"),
    (replace(FINE, finalists=Finalists(best=900, seeds=900)), "finalists"),
    (replace(FINE, transfer=Transfer(best=10**8)), "transfer.best"),
    (replace(FINE, transfer=Transfer(seeds=10**8)), "transfer.seeds"),
    (replace(FINE, transfer=Transfer(best=190, seeds=900)), "transfer"),
    (replace(FINE, pruner=PrunerSpec(min_trials=HUGE)), "pruner.min_trials"),
    (replace(FINE, train=replace(TRAIN, model="wrn-9998-1")), "train.model"),
    (replace(FINE, train=replace(TRAIN, model="wrn-10-999")), "train.model"),
    (replace(FINE, train=replace(TRAIN, model="mlp-999999")), "train.model"),
    (replace(FINE, train=replace(TRAIN, model="mlp" + "-8" * 5000)), "train.model"),
    (replace(FINE, train=replace(TRAIN, train_images=HUGE)), "train.train_images"),
    (replace(FINE, train=replace(TRAIN, validation_images=HUGE)), "train.validation_images"),
    (replace(FINE, train=replace(TRAIN, alignment_every=HUGE)), "train.alignment_every"),
    (replace(FINE, train=replace(TRAIN, time_limit_s=1e30)), "train.time_limit_s"),
    (replace(FINE, train=replace(TRAIN, memory_limit_mib=1e30)), "train.memory_limit_mib"),
    (
        replace(FINE, train=replace(TRAIN, learning_rate=LearningRateGrid(rates=(0.1,) * 1000))),
        "train.learning_rate",
    ),
    (
        replace(FINE, train=replace(TRAIN, learning_rate=LearningRateGrid(probe_epochs=1e9))),
        "train.learning_rate.probe_epochs",
    ),
]


@pytest.mark.parametrize(("spec", "field"), BOUNDED, ids=[field for _, field in BOUNDED])
def test_more_than_may_be_asked_for_is_refused_by_name_and_was_readable_before(spec, field, service):
    with pytest.raises(InvalidSettings) as refused:
        service.submit_search(spec)
    assert refused.value.field == field
    assert decode(SearchSpec, encode(spec)) == spec


def test_every_number_and_every_list_has_an_upper_bound():
    """Tried, not read: the largest value of the kind is refused, whatever it is bounded by."""
    tried = []
    for each in search_fields():
        values = {"whole number": [HUGE], "number": [1e30], "list": [[0.5] * 10_000, ["g"] * 10_000]}
        for value in values.get(each.kind.name, ()):
            tried.append(each.dotted)
            with pytest.raises((BackpropEvoError, TypeError, ValueError)):
                check_search_spec(_with(FINE, each.path, value))
    assert len(tried) > 25


def _with(spec, path, value):
    name, *rest = path
    if rest:
        value = _with(getattr(spec, name), rest, value)
    elif isinstance(value, list):
        value = tuple(value)
    return replace(spec, **{name: value})


def test_the_usual_is_far_below_the_limits(service, small_spec):
    service.submit_search(small_spec(confirmation=Confirmation(best=100, seeds=30)))
    check_search_spec(replace(FINE, train=replace(TRAIN, model="wrn-40-10")))
