"""One matrix for all layers, against the formulas by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.training import TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.methods.shared_feedback import apply_shared_feedback


@pytest.mark.parametrize("indirect", [False, True])
def test_it_equals_the_formula(indirect):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).double()
    x, y = torch.randn(7, 6, dtype=torch.float64), torch.randint(3, (7,))
    converted = apply_shared_feedback(model, indirect=indirect, seed=1)
    F.cross_entropy(model(x), y).backward()
    W1, c1, W2, c2, W3, c3 = (p.detach() for p in model.parameters())
    h1 = torch.tanh(x @ W1.T + c1)
    a2 = h1 @ W2.T + c2
    e = (F.softmax(a2.relu() @ W3.T + c3, 1) - F.one_hot(y, 3)) / 7
    B = converted.sites[0].matrices.from_top(3, h1)
    assert torch.equal(converted.sites[1].matrices.from_top(3, a2), B[:, :4]), "the first columns of the same"
    d1 = (e @ B) * (1 - h1**2)
    d2 = (d1 @ W2.T if indirect else e @ B[:, :4]) * (a2 > 0)
    expected = [d1.T @ x, d1.sum(0), d2.T @ h1, d2.sum(0), e.T @ a2.relu(), e.sum(0)]
    for p, by_hand in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, by_hand, rtol=1e-10, atol=1e-10)


def test_the_seed_draws_the_matrix():
    def drawn(seed):
        model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
        converted = apply_shared_feedback(model, indirect=False, seed=seed)
        return converted.sites[0].matrices.from_top(3, torch.zeros(1, 5))

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))


def test_convolutions_are_refused():
    with pytest.raises(InvalidSettings, match="cut by the widths") as refused:
        train_child("shared-feedback", TrainSpec(model="cnn"), seed=0)
    assert refused.value.field == "train.model"
    with pytest.raises(InvalidSettings, match="0 is a convolution"):
        apply_shared_feedback(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), indirect=False)
