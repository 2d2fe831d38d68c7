"""Relative steps: what rate they become, and that measuring leaves no trace."""

from dataclasses import replace
from statistics import median

import pytest
import torch

import dsl
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.training.methods import as_method
from backprop_evo.training.methods.learner import SiteLearner
from backprop_evo.training.run import calibration, rate_choice
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import Child
from backprop_evo.training.run.loop import Run
from backprop_evo.training.run.trainer import train_child

TINY = TrainSpec(
    model="wrn-10-1",
    epochs=1,
    batch_size=16,
    train_images=128,
    validation_images=50,
    learning_rate=RelativeStepGrid(relative_steps=(0.03,)),
)
G = dsl.parse("g")


def at(rate: float, spec: TrainSpec = TINY) -> TrainSpec:
    return replace(spec, learning_rate=rate)


def curve(result):
    return [(p.epoch, p.train_loss, p.validation_accuracy, p.learning_rate) for p in result.curve]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
@pytest.mark.parametrize("text", ["g", "drop(g, 0.3) + bn(b_next_W)", "standardise(g) + b_top_R_L_dh"])
def test_the_training_is_bit_for_bit_that_at_the_absolute_rate(text, optimizer):
    """Noise, running averages, momentum and BatchNorm included: measuring left no trace."""
    spec, equation = replace(TINY, optimizer=optimizer), dsl.parse(text)
    relative = train_child(equation, spec, seed=3)
    assert relative.outcome is TrialState.COMPLETED
    assert relative.relative_step == 0.03
    assert relative.probes == ()
    absolute = train_child(equation, at(relative.learning_rate, spec), seed=3)
    assert curve(relative) == curve(absolute)
    assert absolute.relative_step is None


@pytest.mark.parametrize("text", ["g", "g / fro(g)", "drop(g, 0.3)"])
def test_the_first_update_of_the_training_has_the_relative_step_asked_for(text, monkeypatch):
    """Plain SGD without weight decay: the weights' own movement in the first step, layer by layer."""
    moved, original = [], Child.update

    def update(self):
        before = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        original(self)
        moved.append(
            median(
                float((p.detach() - before[name]).norm() / before[name].norm())
                for name, p in self.model.named_parameters()
                if p.dim() > 1 and name != "classifier.weight"
            )
        )

    monkeypatch.setattr(Child, "update", update)
    train_child(dsl.parse(text), replace(TINY, weight_decay=0.0), seed=1)
    assert moved[0] == pytest.approx(0.03, rel=1e-4)


@pytest.mark.parametrize(("alignment_every", "of_its_own"), [(0, 0), (4, 1)])
def test_it_costs_no_pass_where_the_first_step_takes_what_was_measured(
    alignment_every, of_its_own, monkeypatch
):
    passes, original = [], SiteLearner.learn

    def learn(self, x_BCHW, labels_B):
        passes.append(len(labels_B))
        return original(self, x_BCHW, labels_B)

    monkeypatch.setattr(SiteLearner, "learn", learn)
    spec = replace(TINY, alignment_every=alignment_every)
    result = train_child(G, spec, seed=0)
    relative = len(passes)
    absolute = train_child(G, at(result.learning_rate, spec), seed=0)
    assert relative == len(passes) - relative + of_its_own
    assert (curve(absolute), absolute.alignment) == (curve(result), result.alignment)
    assert set(passes) == {16}


def test_a_factor_in_the_equation_is_taken_out_again():
    """Exactly: a power of two rounds nothing. (The classifier, which no equation reaches, learns faster.)"""
    spec = replace(TINY, model="mlp-20", weight_decay=0.0)
    one, half = (train_child(dsl.parse(text), spec, seed=0) for text in ("g", "0.5 * g"))
    assert half.learning_rate == 2 * one.learning_rate


def child_with(sizes: dict[str, float]) -> Child:
    """An mlp whose layers below the classifier have gradients of the given sizes against their weights."""
    capability = choose("cpu", precision="float32", images=False)
    child = Child(
        as_method(G), replace(TINY, model="mlp-7-6-5"), capability, image_shape=(1, 4, 4), classes=3, seed=0
    )
    for name, layer in child.model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            layer.weight.grad = layer.weight.detach() * sizes.get(name, 77.0)
    return child


def test_it_is_the_median_over_the_layers_below_the_classifier():
    sizes = calibration.update_sizes(child_with({"1": 2.0, "3": 0.5, "5": 1e6}))
    assert sizes == pytest.approx({"1": 2.0, "3": 0.5, "5": 1e6})
    assert calibration._unit(sizes) == pytest.approx(0.5)


def test_sizes_whose_squares_overflow_are_measured():
    assert calibration.update_sizes(child_with({"1": 1e30}))["1"] == pytest.approx(1e30)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("sizes", "outcome", "says"),
    [
        ({"1": 0.0, "3": 0.0, "5": 0.0}, TrialState.PRUNED, "zero at every layer"),
        ({"1": 0.0, "3": NAN, "5": 0.0}, TrialState.DIVERGED, "NaN or infinite"),
        ({"1": INF, "3": NAN, "5": INF}, TrialState.DIVERGED, "NaN or infinite"),
    ],
)
def test_without_any_update_to_measure_there_is_no_training(sizes, outcome, says):
    with pytest.raises(rate_choice.EndedEarly, match=says) as caught:
        calibration._unit(sizes)
    assert caught.value.outcome is outcome


def test_layers_without_an_update_do_not_count():
    assert calibration._unit({"1": 0.0, "3": NAN, "5": 4.0}) == 0.25


@pytest.mark.parametrize(
    ("text", "outcome", "says"),
    [
        ("g - g", TrialState.PRUNED, "zero at every layer below the classifier"),
        ("cube(1 / (g - g)) / dh", TrialState.DIVERGED, "NaN or infinite"),
    ],
)
@pytest.mark.parametrize("grid", [(0.03,), (0.01, 0.1)])
def test_the_verdict_falls_before_any_step(text, outcome, says, grid, monkeypatch):
    monkeypatch.setattr(Child, "update", None)
    spec = replace(TINY, learning_rate=RelativeStepGrid(relative_steps=grid))
    result = train_child(dsl.parse(text), spec, seed=0)
    assert result.outcome is outcome
    assert says in result.reason
    assert (result.epochs_done, result.probes, result.learning_rate) == (0.0, (), None)


def test_a_real_grid_chooses_by_late_loss_and_continues_the_probe():
    grid = RelativeStepGrid(relative_steps=(0.003, 0.03), probe_epochs=0.5, extra_probes=1)
    spec = replace(TINY, epochs=2)
    result = train_child(G, replace(spec, learning_rate=grid), seed=0)
    losses = {probe.relative_step: probe.late_train_loss for probe in result.probes}
    assert len(losses) >= 2
    assert result.relative_step == min(losses, key=losses.get)
    alone = train_child(G, at(result.learning_rate, spec), seed=0)
    assert result.curve[-1].validation_accuracy == alone.curve[-1].validation_accuracy
    assert result.curve[-1].train_loss == alone.curve[-1].train_loss
    assert result.late_train_loss == alone.late_train_loss
    unit = {round(probe.learning_rate / probe.relative_step, 9) for probe in result.probes}
    assert len(unit) == 1


def test_late_loss_is_that_of_the_last_steps(monkeypatch):
    seen = []
    original = Run._read_losses

    def look(self, *, now=False):
        original(self, now=now)
        seen[:] = self._losses

    monkeypatch.setattr(Run, "_read_losses", look)
    result = train_child(G, at(0.1), seed=0)
    assert len(seen) == 8
    assert result.late_train_loss == pytest.approx(sum(seen[4:]) / 4)
    longer = train_child(G, replace(at(0.1, replace(TINY, model="mlp-8")), epochs=8), seed=0)
    assert len(seen) == 64
    assert longer.late_train_loss == pytest.approx(sum(seen[-20:]) / 20)


@pytest.mark.parametrize(
    "wrong",
    [
        {"relative_steps": ()},
        {"relative_steps": (0.1, -1.0)},
        {"relative_steps": (0.1, INF)},
        {"relative_steps": (0.1, 0.2), "probe_epochs": 0.0},
        {"relative_steps": (0.1,), "extra_probes": -1},
    ],
)
def test_a_grid_out_of_range_is_refused(wrong):
    with pytest.raises(InvalidSettings, match="learning_rate"):
        replace(TINY, learning_rate=RelativeStepGrid(**wrong))


def test_limits_hold_while_calibrating(monkeypatch):
    monkeypatch.setattr(Child, "update", None)
    assert train_child(G, TINY, seed=0, should_stop=lambda: True).outcome is TrialState.CANCELLED


def test_methods_that_are_no_equation_are_calibrated_alike():
    result = train_child("indirect-feedback", replace(TINY, model="mlp-20-16"), seed=0)
    assert result.outcome is TrialState.COMPLETED
    assert result.relative_step == 0.03
    assert curve(result) == curve(
        train_child("indirect-feedback", at(result.learning_rate, replace(TINY, model="mlp-20-16")), seed=0)
    )


def test_of_a_method_that_trains_nothing_below_the_classifier_whatever_it_trains_is_measured(monkeypatch):
    child = child_with({"1": 2.0, "3": 4.0, "5": 8.0, "7": 8.0})
    monkeypatch.setattr(SiteLearner, "trained_below_top", lambda _: [])
    assert sorted(calibration.update_sizes(child).values()) == pytest.approx([2.0, 4.0, 8.0, 8.0])
