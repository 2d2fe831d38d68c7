"""Truncated windows against autograd over the whole: what is sent, and what M learns from."""

from dataclasses import replace

import pytest
import torch

from backprop_evo.errors import InvalidSettings
from backprop_evo.training.sequences.episodes import Curriculum, Episodes
from backprop_evo.training.sequences.future import Nothing, PredictedFuture
from backprop_evo.training.sequences.learner import WindowLearner, cross_entropy
from backprop_evo.training.sequences.network import SequenceNetwork
from backprop_evo.training.sequences.run import train_sequence
from backprop_evo.training.sequences.spec import (
    SequenceSpec,
    refuse_images,
    refuse_sequences,
    sequence_method,
)
from backprop_evo.training.sequences.text import python_topics
from backprop_evo.training.sequences.windows import joined

INPUTS, UNITS, OUTPUTS, BATCH = 5, 6, 4, 3
TINY = SequenceSpec(steps=12, units=8, batch_size=4, width=16, truncation=3)


def network(dtype=torch.float64) -> SequenceNetwork:
    torch.manual_seed(0)
    return SequenceNetwork(INPUTS, UNITS, OUTPUTS).to(dtype)


def windows(count: int, length: int = 3, seed: int = 1):
    """Random ones, some time steps of which do not count."""
    generator = torch.Generator().manual_seed(seed)
    curriculum = Curriculum(repeats=False, batch_size=BATCH, level=2)
    episodes = Episodes(OUTPUTS - 1, BATCH, curriculum, generator, torch.float64)
    return [episodes.next(length) for _ in range(count)]


def predicted(scale=1.0, seed=2, dtype=torch.float64, **changed) -> PredictedFuture:
    given = {"hidden_layers": 1, "width": 16, "rate": 0.01} | changed
    generator = torch.Generator().manual_seed(seed)
    return PredictedFuture(2 * UNITS, scale=scale, generator=generator, dtype=dtype, **given)


def gradients(net) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in net.parameters()]


class TrueFuture:
    """The gradient of all later windows at a state, by autograd over them together."""

    def __init__(self, net, later) -> None:
        self.net, self.later, self.arrived = net, list(later), []

    def gradient(self, state_BS):
        self.later.pop(0)
        if not self.later:
            return torch.zeros_like(state_BS)
        state = state_BS.requires_grad_()
        rest = joined(self.later)
        (found,) = torch.autograd.grad(cross_entropy(self.net(rest.x_BTI, state)[0], rest), state)
        return found

    def learn(self, state_BS, arrived_BS) -> None:
        self.arrived.append((state_BS, arrived_BS))


# Against autograd ----------------------------------------------


@pytest.mark.parametrize("length", [1, 3])
def test_with_the_true_gradient_at_their_ends_windows_train_as_bptt_over_all_of_them(length):
    """Several sequences of four windows, one update each; only that update is taken by the joined window."""
    ours, whole = network(), network()
    ours_adam, whole_adam = (torch.optim.Adam(net.parameters(), lr=0.01) for net in (ours, whole))
    for seed in range(5):
        given = windows(4, length, seed)
        ours_adam.zero_grad()
        whole_adam.zero_grad()
        learner = WindowLearner(ours, TrueFuture(ours, given), ours.empty_state(BATCH))
        losses = [float(learner.learn(window)) for window in given]
        together = joined(given)
        loss = cross_entropy(whole(together.x_BTI, whole.empty_state(BATCH))[0], together) / BATCH
        loss.backward()
        assert sum(losses) == pytest.approx(float(loss.detach()), abs=1e-10)
        torch.testing.assert_close(gradients(ours), gradients(whole), rtol=1e-10, atol=1e-10)
        ours_adam.step()
        whole_adam.step()
    torch.testing.assert_close(ours.state_dict(), whole.state_dict(), rtol=1e-8, atol=1e-8)


def test_without_a_future_the_gradient_of_joined_windows_is_another():
    net = network()
    given = windows(4)
    learner = WindowLearner(net, Nothing(), net.empty_state(BATCH))
    for window in given:
        learner.learn(window)
    truncated = gradients(net)
    net.zero_grad()
    together = joined(given)
    (cross_entropy(net(together.x_BTI, net.empty_state(BATCH))[0], together) / BATCH).backward()
    assert not torch.allclose(truncated[1], net.lstm.weight_hh_l0.grad, rtol=1e-2)


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_what_m_learns_from_is_what_autograd_brings_to_the_windows_start(scale):
    net, future = network(), predicted(scale)
    heard = []
    learn = future.learn
    future.learn = lambda state, arrived: (heard.append((state, arrived)), learn(state, arrived))
    learner = WindowLearner(net, future, net.empty_state(BATCH))
    given = windows(6)
    for window in given[:5]:
        learner.learn(window)
    assert len(heard) == 4, "nothing came before the first window, so that nobody predicted its start"
    start, last = learner.state_BS.clone().requires_grad_(), given[5]
    logits, end = net(last.x_BTI, start)
    sent = future(end.detach()).detach() * scale
    assert sent.abs().max() > 1e-4, "M has learnt something to bootstrap from"
    loss = cross_entropy(logits, last)
    (expected,) = torch.autograd.grad([loss, end], start, [torch.ones_like(loss), sent])
    learner.learn(last)
    torch.testing.assert_close(heard[-1][0], start.detach(), rtol=0, atol=0)
    torch.testing.assert_close(heard[-1][1], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("hidden_layers", [0, 1, 2])
def test_an_m_that_sends_nothing_is_truncated_bptt_bit_for_bit(hidden_layers):
    """Its rate is so low that its last layer stays zero; in float32, as in trainings."""
    ends = []
    for future in (Nothing(), predicted(0.0, dtype=torch.float32, hidden_layers=hidden_layers)):
        net = network(torch.float32)
        adam = torch.optim.Adam(net.parameters(), lr=0.01)
        learner = WindowLearner(net, future, net.empty_state(BATCH))
        for window in windows(20):
            adam.zero_grad()
            window = replace(window, x_BTI=window.x_BTI.float(), counted_BT=window.counted_BT.float())
            learner.learn(window)
            adam.step()
        ends.append(net.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_fresh_m_predicts_zero_and_learns_a_gradient_that_stands_still():
    future = predicted(rate=0.01, width=32)
    generator = torch.Generator().manual_seed(3)
    state, arrived = (torch.randn(8, 2 * UNITS, dtype=torch.float64, generator=generator) for _ in range(2))
    assert not future.gradient(state).any()
    for _ in range(300):
        future.learn(state, arrived)
    assert (future(state) - arrived).norm() < 0.2 * arrived.norm()


def test_m_is_updated_apart_from_the_network():
    net, future = network(), predicted()
    learner = WindowLearner(net, future, net.empty_state(BATCH))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for window in windows(3):
        learner.learn(window)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert future(learner.state_BS).abs().max() > 0


# Trainings ----------------------------------------------


@pytest.mark.parametrize("method", ["bptt", "dni"])
def test_a_training_is_the_same_twice_and_leaves_torchs_randomness_alone(method):
    before = torch.get_rng_state()
    one, again = (train_sequence(method, TINY, seed=0, clock=lambda: 0.0) for _ in range(2))
    assert one == again
    assert one.outcome == "completed"
    assert [point.step for point in one.curve] == list(range(1, 13))
    assert torch.equal(torch.get_rng_state(), before)
    assert train_sequence(method, TINY, seed=1, clock=lambda: 0.0).curve != one.curve


def test_methods_start_alike_and_part():
    bptt, dni = (train_sequence(method, TINY, seed=0).curve for method in ("bptt", "dni"))
    assert bptt[:2] == dni[:2], "M has learnt nothing before the second window is done"
    assert bptt != dni


def test_a_short_copy_is_learnt_and_becomes_longer():
    # Windows in which a whole episode fits: what truncation costs is no matter of this test.
    spec = SequenceSpec(steps=250, units=24, batch_size=16, truncation=12, rate=0.02)
    assert train_sequence("bptt", spec, seed=0).length >= 4


def test_a_text_is_measured_on_the_parts_that_were_asked_for():
    spec = replace(TINY, task="text", steps=20, rate=0.01, batch_size=32)
    result = train_sequence("dni", spec, seed=0)
    assert result.length is None
    assert result.test_bits is None
    assert result.validation_bits == min(point.validation_bits for point in result.curve) < 6.7
    assert result.environment["text"] == python_topics().described


def test_the_test_part_is_read_only_when_asked_for():
    spec = replace(TINY, task="text", steps=2, batch_size=32, evaluate_test=True)
    assert 6 < train_sequence("bptt", spec, seed=0).test_bits < 7


def test_a_training_that_diverges_says_so():
    result = train_sequence("bptt", replace(TINY, rate=1e38, steps=50), seed=0)
    assert result.outcome == "diverged"
    assert "the loss of window" in result.reason


# What cannot be ----------------------------------------------


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"task": "sort"}, "task"),
        ({"truncation": 0}, "truncation"),
        ({"rate": 0.0}, "rate"),
        ({"symbols": 1}, "symbols"),
        ({"gradient_scale": -1.0}, "gradient_scale"),
    ],
)
def test_a_wrong_value_is_named(changed, field):
    with pytest.raises(InvalidSettings) as refused:
        replace(TINY, **changed)
    assert refused.value.field == f"sequence.{field}"


@pytest.mark.parametrize(
    ("refuse", "hint"),
    [
        (lambda: sequence_method("hsic"), "backprop-evo train hsic"),
        (lambda: sequence_method("backwards"), "bptt, dni"),
        (lambda: refuse_images("mnist"), "--data mnist"),
        (lambda: refuse_sequences("bptt", None), "backprop-evo sequence bptt"),
        (lambda: refuse_sequences("dni", "repeat-copy"), "--task repeat-copy"),
    ],
)
def test_sequences_and_images_are_told_apart_with_what_to_do(refuse, hint):
    with pytest.raises(InvalidSettings) as refused:
        refuse()
    assert hint in refused.value.hint


def test_what_belongs_together_is_let_through():
    assert sequence_method("dni") == "dni"
    refuse_images("copy")
    refuse_sequences("dni", "mnist")
