"""The quiet fitness: BatchNorm's statistics estimated anew before an evaluation, and no trace of it after."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import dsl
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods import as_method
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import Child
from backprop_evo.training.run.evaluation import accuracy, reestimated
from backprop_evo.training.run.resident import make_resident
from backprop_evo.training.run.trainer import train_child

SPEC = TrainSpec(
    model="wrn-10-1", epochs=2, batch_size=16, learning_rate=0.1, train_images=128, validation_images=100
)
G = dsl.parse("g")


class Split:
    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.randint(
            0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8
        ).numpy()
        self.labels = torch.arange(count).remainder(10).numpy()


@pytest.fixture
def child() -> Child:
    torch.manual_seed(0)
    capability = choose("cpu", precision="float32", images=True)
    return Child(as_method(G), SPEC, capability, image_shape=(3, 32, 32), classes=10, seed=0)


def resident(count: int, seed: int = 0):
    return make_resident(Split(count, seed), torch.device("cpu"), channels_last=True)


def norms(model):
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_the_lowest_statistics_are_the_mean_over_the_batches(child):
    train = resident(70)
    lowest, seen = child.model.groups[0][0].norm1, []
    handle = lowest.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    with reestimated(child, train, batches=4, batch_size=16):
        handle.remove()
        assert [len(x) for x in seen] == [16] * 4
        mean = torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0)
        variance = torch.stack([x.var((0, 2, 3)) for x in seen]).mean(0)
        torch.testing.assert_close(lowest.running_mean, mean, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(lowest.running_var, variance, rtol=1e-5, atol=1e-6)


def test_afterwards_everything_is_as_it_was_in_the_same_tensors(child):
    child.set_rate(0.1)
    x_BCHW, labels_B = resident(32).prepared(torch.arange(32))
    child.step(x_BCHW, labels_B)
    before, places = state(child.model), [norm.running_mean.data_ptr() for norm in norms(child.model)]
    randomness, mode = torch.get_rng_state(), child.model.training
    with reestimated(child, resident(64), batches=2, batch_size=16):
        inside = state(child.model)
        assert not torch.equal(inside["norm.running_var"], before["norm.running_var"])
        assert child.model.training is mode
    after = state(child.model)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert [norm.running_mean.data_ptr() for norm in norms(child.model)] == places
    assert {norm.momentum for norm in norms(child.model)} == {0.1}
    assert torch.equal(torch.get_rng_state(), randomness)


def test_it_is_restored_after_an_error_too(child):
    before = state(child.model)
    with pytest.raises(ZeroDivisionError), reestimated(child, resident(32), batches=1, batch_size=16):
        raise ZeroDivisionError
    assert all(torch.equal(value, before[name]) for name, value in state(child.model).items())


def test_zero_batches_and_networks_without_batch_norm_are_left_alone(child, monkeypatch):
    with reestimated(child, None, batches=0, batch_size=16):
        pass
    spec = replace(SPEC, model="mlp-8", reestimate_batches=4)
    plain, quiet = (train_child(G, replace(spec, reestimate_batches=n), seed=0) for n in (0, 4))
    assert plain.validation_accuracy == quiet.validation_accuracy
    monkeypatch.setattr(child, "logits", None)
    with reestimated(child, None, batches=0, batch_size=16):
        pass


def test_the_training_is_the_same_and_only_what_is_measured_differs():
    """Dropout of the equation included: the measure draws nothing."""
    equation = dsl.parse("drop(g, 0.1)")
    plain, quiet = (train_child(equation, replace(SPEC, reestimate_batches=n), seed=3) for n in (0, 4))
    assert [p.train_loss for p in plain.curve] == [p.train_loss for p in quiet.curve]
    assert plain.late_train_loss == quiet.late_train_loss
    assert [p.validation_accuracy for p in plain.curve] != [p.validation_accuracy for p in quiet.curve]
    again = train_child(equation, replace(SPEC, reestimate_batches=4), seed=3)
    assert [p.validation_accuracy for p in again.curve] == [p.validation_accuracy for p in quiet.curve]


def test_early_on_the_training_images_are_classified_better_by_it():
    """What it is for: after a few steps the running averages have seen little."""
    spec = replace(SPEC, epochs=1, train_images=640, batch_size=64, validation_images=None, learning_rate=0.3)
    plain, quiet = (
        [train_child(G, replace(spec, reestimate_batches=n), seed=s).validation_accuracy for s in range(2)]
        for n in (0, 8)
    )
    assert sum(quiet) > sum(plain)


def test_the_test_split_is_measured_in_the_same_way(monkeypatch):
    from backprop_evo.training.run import loop

    used, original = [], loop.reestimated

    def spy(child, train, *, batches, batch_size):
        used.append((batches, batch_size))
        return original(child, train, batches=batches, batch_size=batch_size)

    monkeypatch.setattr(loop, "reestimated", spy)
    train_child(G, replace(SPEC, epochs=1, reestimate_batches=3, evaluate_test=True), seed=0)
    assert used == [(3, 16), (3, 16)]


def test_fewer_images_than_asked_for_give_as_many_whole_batches(child):
    with reestimated(child, resident(40), batches=16, batch_size=16):
        assert {int(norm.num_batches_tracked) for norm in norms(child.model)} == {2}
        assert 0 <= accuracy(child, resident(20, seed=1)) <= 1


def test_a_negative_number_is_refused():
    with pytest.raises(InvalidSettings, match="reestimate_batches"):
        replace(SPEC, reestimate_batches=-1)
