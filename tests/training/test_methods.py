"""Methods as values and as declarations: canonical text, strict settings, names, and what is declared."""

import copy
import json
import pickle
from dataclasses import asdict, dataclass

import pytest
from pydantic import TypeAdapter

import dsl
from backprop_evo.errors import InvalidEquation, InvalidSettings
from backprop_evo.records.methods import MethodSpec, equation_method, read_method
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    TrainSpec,
)
from backprop_evo.training import train_child
from backprop_evo.training.methods import Declared, Method, as_method, declared, method_of
from backprop_evo.training.methods.declaration import setting

SPEC = MethodSpec("made-up", {"beta": 0.5, "alpha": True})

# The value ----------------------------------------------


def test_a_method_has_one_canonical_text_by_which_it_is_compared():
    turned = MethodSpec("made-up", {"alpha": True, "beta": 0.5})
    assert SPEC.json == turned.json == '{"name":"made-up","settings":{"alpha":true,"beta":0.5}}'
    assert turned == SPEC
    assert len({SPEC, turned, MethodSpec("made-up"), MethodSpec("made-up", {"beta": 0.5, "alpha": 1})}) == 3
    assert SPEC.json != SPEC


@pytest.mark.parametrize(
    "spec", [SPEC, MethodSpec("a"), equation_method("b_{i+1}^p ∂h"), equation_method('"')]
)
def test_a_method_survives_every_way_of_keeping_it(spec):
    adapter = TypeAdapter(MethodSpec)
    ways = [
        read_method(spec.json),
        pickle.loads(pickle.dumps(spec)),
        copy.deepcopy(spec),
        MethodSpec(**asdict(spec)),
        adapter.validate_json(adapter.dump_json(spec)),
    ]
    assert [way.json for way in ways] == [spec.json] * len(ways)


def test_a_method_cannot_be_changed():
    given = {"beta": 1}
    spec = MethodSpec("made-up", given)
    given["beta"] = 2
    assert spec.settings == {"beta": 1}
    with pytest.raises(TypeError, match="cannot be changed"):
        spec.settings["beta"] = 2
    for change in (spec.settings.update, spec.settings.pop, spec.settings.setdefault, spec.settings.clear):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    with pytest.raises(AttributeError):
        spec.name = "other"


@pytest.mark.parametrize(
    ("name", "settings", "field"),
    [
        ("Made Up", {}, "method.name"),
        ("", {}, "method.name"),
        ("a" * 65, {}, "method.name"),
        ("a", {"b-c": 1}, "method.settings"),
        ("a", {"b": [1]}, "method.settings.b"),
        ("a", {"b": float("nan")}, "method.settings.b"),
        ("a", {"b": float("inf")}, "method.settings.b"),
    ],
)
def test_what_is_no_method_is_refused(name, settings, field):
    with pytest.raises(InvalidSettings) as refused:
        MethodSpec(name, settings)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "method"),
        ("[]", "method"),
        ("{}", "method"),
        ('{"name": "a", "setting": {}}', "method.setting"),
        ('{"name": "a", "settings": []}', "method.settings"),
        ('{"name": "a", "settings": {"b": {}}}', "method.settings.b"),
        ('{"name": "a", "settings": {"b": NaN}}', "method.settings.b"),
    ],
)
def test_text_that_is_no_method_is_refused(text, field):
    with pytest.raises(InvalidSettings) as refused:
        read_method(text)
    assert refused.value.field == field


# The declaration ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    rate: float = setting("how fast", low=0.0, high=1.0)
    layers: int = setting("how many", default=2, low=1)
    kind: str = setting("which", default="plain", choices=("plain", "other"))
    shared: bool = setting("whether", default=False)
    width: float | None = setting("how wide", default=None)


def refuse_shared_other(settings):
    if settings.shared and settings.kind == "other":
        raise InvalidSettings("other is never shared", field="method.settings.shared")


MADE_UP = Declared(
    name="made-up",
    title="Made up",
    description="Of no use.",
    source="nobody",
    settings=Settings,
    check=refuse_shared_other,
    prepare=lambda *_: None,
)


def test_settings_have_their_defaults_and_their_types():
    assert MADE_UP.read({"rate": 1}) == Settings(rate=1.0, layers=2, kind="plain", shared=False, width=None)
    assert type(MADE_UP.read({"rate": 1}).rate) is float
    assert MADE_UP.read({"rate": 0.5, "width": 3}).width == 3.0
    assert MADE_UP.read({"rate": 0.5, "width": None}).width is None
    assert [(row.name, row.required, row.default) for row in MADE_UP.rows()][:2] == [
        ("rate", True, None),
        ("layers", False, 2),
    ]
    assert MADE_UP.rows()[0].wants == "a number from 0 up to 1"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "rate"),
        ({"rate": 2}, "rate"),
        ({"rate": -0.1}, "rate"),
        ({"rate": "1"}, "rate"),
        ({"rate": True}, "rate"),
        ({"rate": None}, "rate"),
        ({"rate": 1, "layers": 1.0}, "layers"),
        ({"rate": 1, "layers": 0}, "layers"),
        ({"rate": 1, "layers": True}, "layers"),
        ({"rate": 1, "kind": "third"}, "kind"),
        ({"rate": 1, "shared": 1}, "shared"),
        ({"rate": 1, "width": "wide"}, "width"),
        ({"rate": 1, "depth": 1}, "depth"),
        ({"rate": 1, "shared": True, "kind": "other"}, "shared"),
    ],
)
def test_a_wrong_setting_is_named(settings, field):
    with pytest.raises(InvalidSettings) as refused:
        MADE_UP.read(settings)
    assert refused.value.field == f"method.settings.{field}"
    assert field in refused.value.message or "never shared" in refused.value.message


def test_text_is_read_by_the_kind_of_the_setting():
    rows = {row.name: row for row in MADE_UP.rows()}
    assert rows["rate"].from_text("1e-1") == 0.1
    assert rows["layers"].from_text("3") == 3
    assert rows["kind"].from_text("12") == "12"
    assert rows["shared"].from_text("true") is True
    assert rows["width"].from_text("null") is None
    for wrong in ("fast", "null"):
        assert rows["rate"].from_text(wrong) == wrong


def test_the_fingerprint_tells_settings_apart_and_names_the_method():
    one, same, other = (
        Method(MADE_UP, MADE_UP.read(given))
        for given in (
            {"rate": 0.5},
            {"rate": 0.5, "layers": 2},
            {"rate": 0.5, "layers": 3},
        )
    )
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()
    assert one.fingerprint().startswith("method:made-up:")
    assert len(one.fingerprint().rpartition(":")[2]) == 12
    assert one.text() == "Made up"
    assert method_of(equation_method("g")).spec == equation_method("g")
    assert one.spec.settings == {"rate": 0.5, "layers": 2, "kind": "plain", "shared": False, "width": None}


def test_a_setting_of_another_kind_is_no_setting():
    @dataclass(frozen=True)
    class Bad:
        many: tuple = setting("a tuple", default=())

    bad = Declared(name="b", title="", description="", source="", settings=Bad, prepare=lambda *_: None)
    with pytest.raises(TypeError, match="many"):
        bad.rows()


# What is declared ----------------------------------------------


def test_every_method_is_described_and_no_name_means_two_things():
    assert {"equation", "indirect-feedback"} <= set(declared())
    for name, each in declared().items():
        assert each.name == name
        assert each.title
        assert each.source
        assert each.description.endswith(".")
        assert all(row.help for row in each.rows())
        assert name not in dsl.KNOWN
        with pytest.raises(dsl.EquationError):
            dsl.parse(name)


def test_only_equations_can_be_parents():
    assert [name for name, each in declared().items() if each.can_be_parent] == ["equation"]


def test_a_name_is_a_method_before_a_known_equation_before_an_equation():
    assert as_method("indirect-feedback") == MethodSpec("indirect-feedback")
    assert as_method(" feedback-alignment ") == equation_method("b_next_R_dh")
    assert as_method("g / fro(g)") == equation_method("g / fro(g)")
    assert as_method(dsl.parse("g/fro(g)")) == equation_method("g / fro(g)")
    assert as_method(SPEC) is SPEC
    assert as_method(SPEC, {"beta": 1}).settings == {"alpha": True, "beta": 1}
    assert as_method("equation", {"text": "g"}) == equation_method("g")


def test_an_equation_is_read_and_fingerprinted_by_the_language():
    method = method_of(equation_method("g/fro(g)"))
    assert method.text() == "g / fro(g)"
    assert method.fingerprint() == dsl.fingerprint(dsl.parse("g / fro(g)"))
    with pytest.raises(InvalidEquation, match="infeasible"):
        method_of(equation_method("W"))
    with pytest.raises(InvalidEquation) as refused:
        method_of(equation_method("g +"))
    assert refused.value.column is not None


def test_unknown_methods_are_refused_with_the_known_names():
    with pytest.raises(InvalidSettings, match="hindsight") as refused:
        method_of(MethodSpec("hindsight"))
    assert refused.value.field == "method.name"
    assert refused.value.hint == "known: " + ", ".join(declared())


@pytest.mark.parametrize("name", sorted(declared()))
def test_every_method_trains_a_small_child_the_same_way_twice(name):
    settings = {"text": "drop(g, 0.1)"} if name == "equation" else {}
    spec = TrainSpec(
        model="mlp-16-8-tanh",
        epochs=1,
        train_images=64,
        validation_images=50,
        batch_size=16,
        learning_rate=0.1,
    )
    one, again = (train_child(MethodSpec(name, settings), spec, seed=0) for _ in range(2))
    assert one.outcome is TrialState.COMPLETED
    assert [point.train_loss for point in one.curve] == [point.train_loss for point in again.curve]
    assert json.dumps(one.environment)


def test_a_method_that_cannot_train_the_child_is_refused_before_the_data(monkeypatch):
    monkeypatch.setattr("backprop_evo.training.run.images.load", None)
    with pytest.raises(InvalidSettings, match="plain chain") as refused:
        train_child("indirect-feedback", TrainSpec(model="cnn"), seed=0)
    assert refused.value.field == "train.model"
    assert "direct-feedback-alignment" in refused.value.hint


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_indirect_feedback_trains_aligned_and_in_both_precisions(precision):
    spec = TrainSpec(
        model="mlp-32-16",
        epochs=2,
        learning_rate=0.1,
        train_images=64,
        validation_images=50,
        batch_size=16,
        precision=precision,
        alignment_every=2,
    )
    result = train_child("indirect-feedback", spec, seed=0)
    assert result.outcome is TrialState.COMPLETED
    assert [point.site for point in result.alignment[:3]] == ["1", "3", "5"]
    first = {point.site: point.update_angle for point in result.alignment[:3]}
    assert first["5"] < 1 < 45 < first["1"]
    plain = train_child("g", spec, seed=0)
    assert [p.train_loss for p in plain.curve] != [p.train_loss for p in result.curve]
