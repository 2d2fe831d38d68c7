"""The classifier alone: a softmax regression on a body that stays as it was."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.training import train_child
from backprop_evo.training.methods.learner import cross_entropy
from backprop_evo.training.run.calibration import update_sizes
from tests.training.small_children import (
    CLASSES,
    RATE,
    SPEC,
    batches,
    child_of,
    stepped,
)

SHORT = TrainSpec(model="mlp-16-8", epochs=1, batch_size=4, train_images=64, validation_images=50)


def test_the_classifier_alone_is_calibrated_over_the_classifier():
    spec = replace(SHORT, learning_rate=RelativeStepGrid(relative_steps=(0.03,)))
    child = child_of("classifier-alone", spec)
    child.learner.learn(*next(batches(1)))
    classifier = child.model[-1].weight
    assert update_sizes(child) == {
        "5": pytest.approx(float(classifier.grad.norm() / classifier.detach().norm()))
    }
    result = train_child("classifier-alone", spec, seed=0)
    assert (result.outcome, result.relative_step) == (TrialState.COMPLETED, 0.03)


@pytest.mark.parametrize("model", ["wrn-10-1", "cnn", "mlp-9-7"])
def test_the_classifier_alone_leaves_the_body_as_it_was(model):
    child = child_of("classifier-alone", replace(SPEC, model=model))
    before = copy.deepcopy(child.model.state_dict())
    after = stepped(child, 5)
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    *_, top = (name for name, module in child.model.named_modules() if isinstance(module, nn.Linear))
    statistics = {name for name in after if "running" in name or "num_batches" in name}
    assert moved == {f"{top}.weight", f"{top}.bias"} | statistics
    assert bool(statistics) is (model == "wrn-10-1")


def test_the_classifier_alone_is_softmax_regression_on_the_body_in_train_mode():
    child = child_of("classifier-alone")
    body = copy.deepcopy(child.model)
    body.classifier = nn.Identity()
    regression = copy.deepcopy(child.model.classifier)
    optimizer = torch.optim.SGD(regression.parameters(), lr=RATE, momentum=0.9, weight_decay=0.01)
    W, c = (p.detach().double().clone() for p in regression.parameters())
    speed_W, speed_c = torch.zeros_like(W), torch.zeros_like(c)
    for x_BCHW, labels_B in batches(4):
        child.step(x_BCHW, labels_B)
        with torch.no_grad():
            features_BI = body(x_BCHW)
        optimizer.zero_grad()
        cross_entropy(regression(features_BI), labels_B).backward()
        optimizer.step()
        f_BI = features_BI.double()
        error_BK = ((f_BI @ W.T + c).softmax(1) - nn.functional.one_hot(labels_B, CLASSES)) / len(labels_B)
        speed_W = 0.9 * speed_W + error_BK.T @ f_BI + 0.01 * W
        speed_c = 0.9 * speed_c + error_BK.sum(0) + 0.01 * c
        W, c = W - RATE * speed_W, c - RATE * speed_c
    learnt = list(child.model.classifier.parameters())
    assert all(torch.equal(p, q) for p, q in zip(learnt, regression.parameters(), strict=True))
    torch.testing.assert_close([p.double() for p in learnt], [W, c], rtol=1e-5, atol=1e-6)


def test_the_classifier_alone_is_not_cut_off_and_gives_the_network_back():
    result = train_child("classifier-alone", replace(SHORT, alignment_every=1), seed=0)
    assert result.outcome is TrialState.COMPLETED, "sixteen steps without a signal are no reason to end"
    assert result.alignment == ()
    child = child_of("classifier-alone")
    x_BCHW, labels_B = next(batches(1))
    child.step(x_BCHW, labels_B)
    assert not child.signal_is_zero()
    body = list(child.model.parameters())[:-2]
    with child.learner.plain_backprop():
        assert all(g.any() for g in torch.autograd.grad(child.loss(x_BCHW, labels_B), body))
    assert not any(p.requires_grad for p in body)
    assert all(p.requires_grad for p in child.learner.undo().parameters())
