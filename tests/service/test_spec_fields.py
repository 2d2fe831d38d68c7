"""Every field of a spec is reachable by a row, and what a row writes it reads again."""

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.funnel import Confirmation, Finalists, Transfer
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.presets import PRESETS
from backprop_evo.records.proposing import Operators, VocabularySpec
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.selecting import Selection
from backprop_evo.records.training import FAIR_STEPS, LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.service import parse_search_spec, search_spec_to_json
from backprop_evo.service.documents import search_document, texts_of
from backprop_evo.service.field_texts import kind_of
from backprop_evo.service.fields_page import with_tables
from backprop_evo.service.spec_fields import field_at, search_fields, train_fields

TOLD_BY_ANOTHER = {("train", "learning_rate", "rates"), ("train", "learning_rate", "relative_steps")}
"""What ``learning_rate`` itself writes."""

NEVER_IN_A_SEARCH = {("train", "evaluate_test"), ("train", "train_on")}

EVERYTHING = SearchSpec(
    name="every field",
    seed=3,
    trials=7,
    budget=5400.0,
    stop_after=3600.0,
    population_size=5,
    best_probability=0.25,
    mutations=(0.5, 0.5),
    mutation_redraw="place",
    products="three",
    start=("g", "min(g / fro(g), clip(h, 1.0))"),
    start_random=2,
    lengths=(0.1, 0.2, 0.7),
    vocabulary=VocabularySpec(
        operands=("g", "h"),
        unaries=("identity", "clip"),
        binaries=("min", "divide"),
        constants={"clip": (0.1, 1.0)},
    ),
    operators=Operators(change_length=0.1, mutate_constant=0.2, crossover=0.3),
    in_flight=9,
    priority=5,
    labels=("a100", "rack.2"),
    strategy="random",
    yardsticks=(MethodSpec("indirect-feedback"), equation_method("h * g")),
    screening=False,
    rates="inherited",
    selection=Selection(parents="completed", remeasured=0.25, max_measurements=3),
    pruner=PrunerSpec(
        name="asha",
        rungs=(2, 4),
        signal="validation_accuracy",
        min_trials=1,
        reduction=4.0,
        spared=0.125,
    ),
    train=TrainSpec(
        model="mlp-8",
        data="mnist",
        epochs=0.5,
        batch_size=16,
        optimizer="momentum",
        momentum=0.5,
        weight_decay=1e-5,
        learning_rate=LearningRateGrid(rates=(0.3, 1e-07), probe_epochs=0.125),
        schedule="cosine",
        augment=False,
        feedback="usf",
        precision="bf16",
        train_images=100,
        validation_images=50,
        reestimate_batches=4,
        validation_part="whole",
        classifier_rate=0.3,
        decay="decoupled",
        warm_up_steps=7,
        time_limit_s=12.5,
        memory_limit_mib=512.0,
        alignment_every=4,
        deterministic=False,
    ),
    finalists=Finalists(best=4, seeds=2, epochs=1.5),
    confirmation=Confirmation(best=2, seeds=5, epochs=2.5, controls="all", test=False),
    transfer=Transfer(best=1, seeds=4, epochs=3.5, settings=("longer", "other-optimizer")),
)

RELATIVE = replace(
    EVERYTHING,
    train=replace(
        EVERYTHING.train,
        learning_rate=RelativeStepGrid(relative_steps=(0.3, 0.9), probe_epochs=0.125, extra_probes=2),
    ),
)


def leaves(spec, path=()):
    """Paths of all fields that hold no spec of their own, from the dataclasses alone."""
    for each in fields(spec):
        value = getattr(spec, each.name)
        if is_dataclass(value):
            yield from leaves(value, (*path, each.name))
        else:
            yield (*path, each.name)


def test_every_field_of_a_search_has_a_row():
    rows = {each.path for each in search_fields()} - {("train", "learning_rate")}
    known = {*leaves(EVERYTHING), *leaves(RELATIVE)}
    assert rows == known - TOLD_BY_ANOTHER - NEVER_IN_A_SEARCH
    assert {each.path[-1] for each in train_fields()} >= {each.name for each in fields(TrainSpec)}


def test_the_tables_of_the_page_are_current():
    """If not: python -m backprop_evo.service.fields_page docs/search.md."""
    page = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
    assert with_tables(page) == page


def test_names_are_unique_and_told():
    for rows in (search_fields(), train_fields()):
        assert len({each.name for each in rows}) == len({each.path for each in rows}) == len(rows)
        assert [each.name for each in rows if not (each.told.help and each.label)] == []
        assert [each.name for each in rows if not (each.empty or each.required)] == []


def test_what_may_be_none_is_none_by_default():
    """Or an empty text could not be told from the default."""
    document = search_spec_to_json(SearchSpec(name="x"))
    optional = [each for each in search_fields() if each.kind.wants.endswith(", or none")]
    assert len(optional) > 5
    assert {texts_of(document)[each.name] for each in optional} == {""}


def test_the_example_differs_from_the_default_in_every_field():
    specs = (SearchSpec(name="x"), EVERYTHING, RELATIVE)
    plain, full, relative = (texts_of(search_spec_to_json(spec)) for spec in specs)
    assert [name for name, text in full.items() if plain[name] in (text, relative[name])] == []
    assert relative["extra_probes"] == "2"


@pytest.mark.parametrize("spec", [SearchSpec(name="x"), EVERYTHING, RELATIVE, replace(EVERYTHING, start=())])
def test_a_spec_survives_being_written_and_read(spec):
    assert parse_search_spec(search_document(texts_of(search_spec_to_json(spec)))) == spec


@settings(deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_exactly(value):
    kind = kind_of(float)
    assert kind.read(kind.write(value)) == value


METHODS = (
    MethodSpec("indirect-feedback"),
    equation_method("min(g, clip(h, 1.0))"),
    equation_method("g"),
)


def test_a_list_of_methods_is_written_one_a_line():
    kind = kind_of(tuple[MethodSpec, ...], lines=True)
    documents = [{"name": each.name, "settings": dict(each.settings)} for each in METHODS]
    assert kind.write(documents) == "indirect-feedback\nmin(g, clip(h, 1.0))\ng"
    assert kind.read(kind.write(documents)) == documents


def test_a_type_that_nobody_can_write_is_named():
    with pytest.raises(TypeError, match="set"):
        kind_of(set[int])


class TestPrecedence:
    def test_a_file_goes_over_a_preset_and_a_field_over_both(self):
        document = search_document(
            {"epochs": "3", "learning_rate": "0.2,0.4"},
            preset_name="A1-momentum",
            file={"name": "x", "train": {"epochs": 5.0, "model": "cnn"}},
        )
        spec = parse_search_spec(document)
        preset = PRESETS["A1-momentum"]
        grid = LearningRateGrid(rates=(0.2, 0.4), probe_epochs=preset.learning_rate.probe_epochs)
        assert spec.train == replace(preset, epochs=3.0, model="cnn", learning_rate=grid)

    def test_what_the_caller_gave_is_not_changed(self):
        file = {"name": "x", "train": {"epochs": 5.0}}
        search_document({"epochs": "3"}, file=file)
        assert file == {"name": "x", "train": {"epochs": 5.0}}

    def test_none_takes_back_what_a_file_says(self):
        file = {"name": "x", "population_size": 5, "start": ["g"]}
        spec = parse_search_spec(search_document({"population_size": "none", "start": "none"}, file=file))
        assert (spec.population_size, spec.start) == (None, ())

    def test_one_rate_has_no_probe(self):
        spec = parse_search_spec(
            search_document({"name": "x", "learning_rate": "0.3", "probe_epochs": "0.5"}, preset_name="A1")
        )
        assert spec.train.learning_rate == 0.3
        only = parse_search_spec(search_document({"name": "x", "probe_epochs": "0.5"}))
        assert only.train.learning_rate == RelativeStepGrid(relative_steps=FAIR_STEPS, probe_epochs=0.5)

    def test_a_broken_file_is_refused_not_mended(self):
        with pytest.raises(InvalidSettings) as refused:
            parse_search_spec(search_document({"epochs": "3"}, file={"name": "x", "train": 5}))
        assert refused.value.field == "train"


@pytest.mark.parametrize(
    ("name", "text", "field", "says"),
    [
        ("trials", "many", "trials", "whole number"),
        ("epochs", "long", "train.epochs", "a number"),
        ("epochs", "nan", "train.epochs", "above 0 and at most 10,000"),
        ("learning_rate", "fast", "train.learning_rate", "no learning rate"),
        ("learning_rate", "0.1,-1", "train.learning_rate", "above 0"),
        ("probe_epochs", "0", "train.learning_rate.probe_epochs", "above 0"),
        ("augment", "perhaps", "train.augment", "true or false"),
        ("rungs", "20,10", "pruner.rungs", "rising"),
        ("rungs", "20,x", "pruner.rungs", "whole number"),
        ("vocabulary_constants", "clip", "vocabulary.constants", "scale=0.1,3"),
        ("population_size", "0", "population_size", "at least 1"),
        ("confirm_seeds", "0", "confirmation.seeds", "at least 1"),
        ("pruner_signal", "smell", "pruner.signal", "validation_accuracy"),
        ("crossover", "2", "operators", "sum to at most 1"),
    ],
)
def test_a_wrong_text_is_refused_at_its_field(name, text, field, says):
    with pytest.raises(InvalidSettings) as refused:
        parse_search_spec(search_document({"name": "x", name: text}))
    assert refused.value.field == field
    assert says in refused.value.message
    assert field_at(field, search_fields()).panel == next(e.panel for e in search_fields() if e.name == name)


def test_an_error_is_found_at_the_nearest_field():
    rows = search_fields()
    for path, name in (
        ("train.epochs", "epochs"),
        ("train.learning_rate.rates", "learning_rate"),
        ("pruner.rungs[1]", "rungs"),
        ("operators", "change_length"),
        ("vocabulary", "vocabulary_operands"),
    ):
        assert field_at(path, rows).name == name
    assert field_at("spec", rows) is None


class TestDefaults:
    @pytest.mark.parametrize(
        ("trials", "best"), [(1, 2), (10, 2), (24, 4), (100, 20), (5_000, 1_000), (10_000_000, 1_000)]
    )
    def test_parents_come_from_a_share_of_the_trials(self, trials, best):
        assert SearchSpec(name="x", trials=trials).best_size == best
        assert SearchSpec(name="x", trials=trials, population_size=7).best_size == 7

    def test_the_rate_is_chosen_fairly(self):
        assert TrainSpec().learning_rate == RelativeStepGrid(relative_steps=FAIR_STEPS)
        assert TrainSpec(epochs=0.1).epochs == 0.1, "a probe is never longer than the training"

    def test_random_equations_have_one_to_three_operations(self):
        lengths = SearchSpec(name="x").lengths
        assert len(lengths) == 3
        assert min(lengths) > 0.2
