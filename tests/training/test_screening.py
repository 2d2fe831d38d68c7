"""Screening: what one backward pass shows, that it is certain, and that it leaves no trace."""

from dataclasses import replace

import pytest

import dsl
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.methods.learner import SiteLearner
from backprop_evo.training.run.child import Child
from backprop_evo.training.run.guards import EndedEarly
from backprop_evo.training.run.rungs import Rungs
from backprop_evo.training.run.screening import screen

SCREENED = Rungs(screens=True)
TINY = TrainSpec(
    model="wrn-10-1", epochs=0.5, batch_size=16, train_images=128, validation_images=50, learning_rate=0.1
)
RATES = {
    "one rate": 0.1,
    "a grid": LearningRateGrid(rates=(0.01, 0.1), probe_epochs=0.1),
    "relative steps": RelativeStepGrid(relative_steps=(0.01, 0.03), probe_epochs=0.1),
}
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("g - g", "zero at every layer below the classifier"),
        ("cube(1 / (g - g)) / dh", "NaN or infinite"),
        ("cube(cube(1000000.0 * h_pre)) + g", "NaN or infinite"),
    ],
)
def test_what_cannot_learn_ends_before_its_first_step(text, says, rate, monkeypatch):
    monkeypatch.setattr(Child, "update", None)
    spec = replace(TINY, learning_rate=RATES[rate])
    result = train_child(dsl.parse(text), spec, seed=0, rungs=SCREENED)
    assert result.outcome is TrialState.SCREENED
    assert says in (result.reason or "")
    assert (result.epochs_done, result.probes, result.curve) == (0.0, (), ())


@pytest.mark.parametrize("text", ["g - g", "cube(1 / (g - g)) / dh"])
def test_it_is_certain_what_is_screened_out_has_no_future(text):
    """Trained all the same, a guard ends it."""
    result = train_child(dsl.parse(text), replace(TINY, epochs=2), seed=0)
    assert result.outcome in (TrialState.PRUNED, TrialState.DIVERGED)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "text", ["g", "g / fro(g)", "b_top_R_L_dh", "drop(g, 0.3)", "0.5 * g / (std(dh) + 0.1)"]
)
def test_what_can_learn_is_trained_bit_for_bit_as_without(text, rate):
    spec = replace(TINY, learning_rate=RATES[rate])
    plain, looked_at = (train_child(dsl.parse(text), spec, seed=1, rungs=r) for r in (Rungs(), SCREENED))
    assert looked_at.outcome is TrialState.COMPLETED
    same = [(p.epoch, p.train_loss, p.validation_accuracy) for p in plain.curve]
    assert [(p.epoch, p.train_loss, p.validation_accuracy) for p in looked_at.curve] == same
    assert looked_at.learning_rate == plain.learning_rate


def test_relative_steps_are_screened_by_the_pass_that_calibrates_them(monkeypatch):
    passes, original = [], SiteLearner.learn

    def learn(self, x_BCHW, labels_B):
        passes.append(len(labels_B))
        return original(self, x_BCHW, labels_B)

    monkeypatch.setattr(SiteLearner, "learn", learn)
    spec = replace(TINY, learning_rate=RATES["relative steps"])
    train_child(dsl.parse("g"), spec, seed=0)
    without = len(passes)
    train_child(dsl.parse("g"), spec, seed=0, rungs=SCREENED)
    assert len(passes) == 2 * without


def test_a_signal_that_is_zero_at_some_layers_may_still_teach_the_others():
    screen({"stem": 0.0, "block": 1e-6})
    screen({})


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"stem": 0.0, "block": 0.0}, "zero at every layer"),
        ({"stem": 1e-40, "block": 0.0}, "zero at every layer"),
        ({"stem": NAN, "block": 1.0}, "layer stem is NaN"),
        ({"stem": NAN, "block": INF}, "layer block is NaN or infinite"),
    ],
)
def test_one_layer_without_numbers_is_enough_all_without_signal_are_needed(sizes, says):
    with pytest.raises(EndedEarly, match=says) as caught:
        screen(sizes)
    assert caught.value.outcome is TrialState.SCREENED
