"""The trainer end to end on real images: determinism, the fair protocol, guards, limits, bad requests."""

from dataclasses import replace

import pytest
import torch

import dsl
from backprop_evo.errors import InvalidEquation, InvalidSettings, UnknownDataset
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    LearningRateGrid,
    TrainSpec,
)
from backprop_evo.training.methods import as_method
from backprop_evo.training.run import guards, images
from backprop_evo.training.run.alignment import compare, true_gradients
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import Child
from backprop_evo.training.run.trainer import train_child
from dsl.equation import Equation, Operand, Operation, Unary

TINY = TrainSpec(
    model="cnn",
    epochs=2,
    batch_size=16,
    learning_rate=0.05,
    train_images=64,
    validation_images=50,
    augment=True,
)
G = dsl.parse("g")


def curve(result):
    return [(p.epoch, p.train_loss, p.validation_accuracy) for p in result.curve]


def test_a_training_reports_what_happened():
    told = []
    result = train_child(G, TINY, seed=0, on_progress=told.append)
    assert result.outcome is TrialState.COMPLETED
    assert result.reason is None
    assert [p.epoch for p in result.curve] == [1.0, 2.0]
    assert result.validation_accuracy == result.curve[-1].validation_accuracy
    assert result.test_accuracy is None
    assert result.epochs_done == 2.0
    assert result.learning_rate == 0.05
    assert result.wall_time_s > 0
    assert result.images_per_s > 0
    assert result.peak_memory_mib > 0
    assert {"torch", "device", "threads", "seed", "code", "precision"} <= set(result.environment)
    assert told[-1].epoch == told[-1].epochs == 2.0
    assert told[-1].phase == "train"


@pytest.mark.parametrize("equation", ["g", "drop(g, 0.1) + mean(g)", "b_top_R_L_dh"])
def test_the_same_seed_gives_the_same_curve_bit_for_bit_and_another_seed_another(equation):
    parsed = dsl.parse(equation)
    torch.manual_seed(123)
    one = train_child(parsed, TINY, seed=4)
    torch.manual_seed(321)
    again = train_child(parsed, TINY, seed=4)
    other = train_child(parsed, TINY, seed=5)
    assert curve(one) == curve(again)
    assert curve(one) != curve(other)


def test_global_random_state_is_left_as_it_was():
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    train_child(G, replace(TINY, epochs=0.25), seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_plain_backprop_learns_real_images():
    spec = replace(
        TINY,
        model="mlp-100",
        epochs=6,
        batch_size=32,
        train_images=2000,
        validation_images=None,
        learning_rate=0.02,
    )
    result = train_child(G, replace(spec, augment=False), seed=0)
    assert result.train_loss < 2.0
    assert result.validation_accuracy > 0.25


@pytest.mark.parametrize("model", ["wrn-10-1", "mlp-20-16", "mlp-20-tanh"])
def test_every_kind_of_model_trains(model):
    result = train_child(
        dsl.parse("g / fro(g)"), replace(TINY, model=model, epochs=0.5, batch_size=8), seed=1
    )
    assert result.outcome is TrialState.COMPLETED


def test_the_test_split_is_touched_only_when_asked_for(monkeypatch):
    original, opened = images.make_resident, []

    def spy(split, *args, **kwargs):
        opened.append(split)
        return original(split, *args, **kwargs)

    monkeypatch.setattr(images, "make_resident", spy)
    train_child(G, replace(TINY, epochs=0.25), seed=0)
    assert len(opened) == 2
    with_test = train_child(G, replace(TINY, epochs=0.25, evaluate_test=True), seed=0)
    assert len(opened) == 5
    assert with_test.test_accuracy is not None


# The fair protocol ----------------------------------------------


def test_every_rate_is_probed_and_the_best_continued():
    grid = LearningRateGrid(rates=(1e-6, 0.05, 1e9), probe_epochs=0.5)
    told = []
    result = train_child(G, replace(TINY, learning_rate=grid), seed=0, on_progress=told.append)
    assert [probe.learning_rate for probe in result.probes] == [1e-6, 0.05, 1e9]
    assert result.probes[-1].validation_accuracy is None
    best = max(result.probes[:2], key=lambda probe: probe.validation_accuracy)
    assert result.learning_rate in (1e-6, 0.05)
    assert best.validation_accuracy == next(
        probe.validation_accuracy for probe in result.probes if probe.learning_rate == result.learning_rate
    )
    assert {progress.phase for progress in told} == {"probe", "train"}


def test_continuing_a_probe_equals_training_at_that_rate_from_the_start():
    """Randomness included: the equation draws noise, and another rate's probe ran in between."""
    equation = dsl.parse("drop(g, 0.1)")
    alone = train_child(equation, replace(TINY, learning_rate=0.05), seed=2)
    grid = LearningRateGrid(rates=(0.05, 1e-7), probe_epochs=0.5)
    probed = train_child(equation, replace(TINY, learning_rate=grid), seed=2)
    assert probed.learning_rate == 0.05
    assert probed.curve[-1].validation_accuracy == alone.curve[-1].validation_accuracy
    assert probed.curve[-1].train_loss == alone.curve[-1].train_loss


def test_under_a_cosine_schedule_the_best_rate_starts_afresh():
    grid = LearningRateGrid(rates=(0.05, 1e9), probe_epochs=0.5)
    cosine = replace(TINY, schedule="cosine")
    probed = train_child(G, replace(cosine, learning_rate=grid), seed=2)
    assert curve(probed) == curve(train_child(G, replace(cosine, learning_rate=0.05), seed=2))
    assert probed.curve[-1].learning_rate < 0.05


def test_no_surviving_rate_is_a_result_with_the_reasons():
    grid = LearningRateGrid(rates=(1e9, 1e12), probe_epochs=1.0)
    result = train_child(G, replace(TINY, learning_rate=grid), seed=0)
    assert result.outcome is TrialState.DIVERGED
    assert "1e+09" in result.reason
    assert "1e+12" in result.reason
    assert result.validation_accuracy is None


# Guards ----------------------------------------------


def test_divergence_is_a_result():
    result = train_child(G, replace(TINY, learning_rate=1e9), seed=0)
    assert result.outcome is TrialState.DIVERGED
    assert "loss" in result.reason
    assert result.epochs_done < 2


def test_an_exactly_zero_signal_ends_the_run():
    result = train_child(dsl.parse("g - g"), replace(TINY, epochs=10), seed=0)
    assert result.outcome is TrialState.PRUNED
    assert "exactly zero" in result.reason
    assert result.epochs_done <= guards.ZERO_SIGNAL_STEPS / 4


def test_a_run_that_stays_at_chance_ends_half_way():
    result = train_child(G, replace(TINY, learning_rate=1e-12, epochs=8, augment=False), seed=0)
    assert result.outcome is TrialState.PRUNED
    assert "stuck" in result.reason
    assert result.epochs_done == 4


def test_time_memory_and_a_request_to_stop_end_a_run():
    timeout = train_child(G, replace(TINY, epochs=500, time_limit_s=0.5), seed=0)
    assert timeout.outcome is TrialState.TIMEOUT
    assert "0.5 s" in timeout.reason
    memory = train_child(G, replace(TINY, epochs=500, memory_limit_mib=1.0), seed=0)
    assert memory.outcome is TrialState.OOM
    assert "MiB" in memory.reason
    stopped = train_child(G, replace(TINY, epochs=500), seed=0, should_stop=lambda: True)
    assert stopped.outcome is TrialState.CANCELLED


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"
        ),
    ],
)
def test_a_lack_of_memory_is_a_result(monkeypatch, error):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(images, "make_resident", full)
    result = train_child(G, TINY, seed=0)
    assert result.outcome is TrialState.OOM
    assert "out of memory on" in result.reason
    assert not result.begun


def test_a_bug_is_not_disguised_as_a_result(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(images, "make_resident", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        train_child(G, TINY, seed=0)


# Bad requests ----------------------------------------------


def test_bad_requests_are_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr(images, "load", None)
    with pytest.raises(InvalidSettings, match="no model"):
        train_child(G, replace(TINY, model="alexnet"), seed=0)
    with pytest.raises(UnknownDataset):
        train_child(G, replace(TINY, data="cifar11"), seed=0)
    with pytest.raises(InvalidSettings, match="kind of device"):
        train_child(G, TINY, seed=0, device="abacus")
    infeasible = Equation(
        Operand("W"), (Operation(Unary("identity"), Operand("W"), Unary("identity"), "add"),)
    )
    with pytest.raises(InvalidEquation, match="infeasible"):
        train_child(infeasible, TINY, seed=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_a_missing_gpu_is_said_so():
    with pytest.raises(InvalidSettings, match="no CUDA device"):
        train_child(G, TINY, seed=0, device="cuda")


@pytest.mark.parametrize("batch_size", [1, 63, 64, 65, 1000])
def test_batches_that_do_not_divide_the_data_work(batch_size):
    result = train_child(
        dsl.parse("g / row(g, 2) + mean(dh)"),
        replace(TINY, model="mlp-8", batch_size=batch_size, epochs=1),
        seed=0,
    )
    assert result.outcome is TrialState.COMPLETED
    assert result.epochs_done == 1.0


def test_what_the_feedback_matrix_is_is_up_to_the_spec():
    equation = dsl.parse("b_next_R_dh")
    names = ("gaussian", "usf", "brsf", "frsf")
    losses = {name: train_child(equation, replace(TINY, feedback=name), seed=0).train_loss for name in names}
    assert len(set(losses.values())) == len(names)
    with pytest.raises(InvalidSettings, match=r"train\.feedback"):
        replace(TINY, feedback="sign")


def test_bf16_runs_everywhere_and_says_so():
    result = train_child(dsl.parse("g / fro(g)"), replace(TINY, precision="bf16", epochs=0.5), seed=0)
    assert result.outcome is TrialState.COMPLETED
    assert result.environment["precision"] == "bf16"


def test_alignment_of_plain_backprop_is_perfect_and_measuring_changes_nothing():
    spec = replace(TINY, model="wrn-10-1", epochs=1)
    measured = train_child(G, replace(spec, alignment_every=2), seed=0)
    assert {point.step for point in measured.alignment} == {0, 2}
    assert all(point.update_angle < 0.1 for point in measured.alignment)
    assert all(point.norm_ratio == pytest.approx(1, rel=1e-4) for point in measured.alignment)
    assert curve(measured) == curve(train_child(G, spec, seed=0))


def test_a_gradient_without_a_direction_has_no_alignment():
    spec = replace(TINY, model="mlp-8")
    capability = choose("cpu", precision="float32", images=False)
    child = Child(as_method(G), spec, capability, image_shape=(3, 32, 32), classes=10, seed=0)
    x_BCHW, labels_B = torch.randn(4, 3, 32, 32), torch.arange(4)
    truth = true_gradients(child, x_BCHW, labels_B)
    child.step(x_BCHW, labels_B)
    lowest, top = (layer for layer in child.model.modules() if isinstance(layer, torch.nn.Linear))
    assert len(compare(child, truth, 0)) == 2
    lowest.weight.grad[0, 0] = float("nan")
    top.weight.grad[0, 0] = float("inf")
    assert compare(child, truth, 0) == []
