"""``apply_equation`` on models of all kinds: what is converted, what stays, what is refused, and the way
back.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import backprop_evo
from backprop_evo.errors import InvalidEquation, InvalidSettings
from backprop_evo.training import apply_equation
from backprop_evo.training.methods.sites import ActivationHidden, TopSignalMissing


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 3))


def gradients(model, x=None):
    model.zero_grad()
    torch.manual_seed(1)
    x = torch.linspace(-1, 1, 20).view(5, 4) if x is None else x
    out = model(x)
    F.cross_entropy(out, torch.arange(len(x)) % out.shape[1]).backward()
    return [p.grad.clone() for p in model.parameters()]


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_it_is_where_a_library_user_looks_for_it():
    assert backprop_evo.apply_equation is apply_equation
    assert "apply_equation" in dir(backprop_evo)
    with pytest.raises(AttributeError):
        backprop_evo.apply_equations  # noqa: B018


def test_it_returns_what_it_converted():
    converted = apply_equation(small(), "g / fro(g)")
    assert [(site.name, site.expected) for site in converted.sites] == [("2", "tanh"), ("4", "relu")]
    assert [(left.name, left.reason) for left in converted.left_alone] == [
        ("0", "nothing below it to update")
    ]
    assert "2: Linear after tanh" in converted.describe()


def test_in_place_keeps_the_object_its_state_dict_and_its_output():
    model = small()
    keys, x = list(model.state_dict()), torch.randn(5, 4)
    before = model(x)
    converted = apply_equation(model, "b_next_R_dh")
    assert converted.model is model
    assert list(model.state_dict()) == keys
    assert torch.equal(model(x), before)
    gradients(model)
    assert list(model.state_dict()) == keys
    small().load_state_dict(model.state_dict())


def test_undo_gives_the_model_back():
    model = small()
    truth = gradients(model)
    converted = apply_equation(model, "b_top_R_L_dh")
    assert not same(gradients(model), truth)
    converted.undo()
    converted.undo()
    assert same(gradients(model), truth)
    assert not any("forward" in module.__dict__ for module in model.modules())
    apply_equation(model, "g")


def test_backprop_leaves_gradients_exactly_as_they_were():
    model = small()
    truth = gradients(model)
    apply_equation(model, "g")
    assert same(gradients(model), truth)


def test_a_copy_of_a_converted_model_is_converted_and_independent():
    model = small()
    apply_equation(model, "b_next_R_dh")
    twin = copy.deepcopy(model)
    assert same(gradients(twin), gradients(model))
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    assert any(g.abs().sum() > 0 for g in gradients(twin))


def test_evaluation_and_no_grad_are_untouched():
    model = small()
    converted = apply_equation(model, "b_top_R_L_dh")
    with torch.no_grad():
        model(torch.randn(2, 4))
    assert all(site.backward_passes == 0 for site in converted.sites)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_batches_may_change_from_step_to_step(batch):
    model = small()
    apply_equation(model, "standardise(g) + bn(h) * mean(dh)")
    gradients(model)
    assert all(g.isfinite().all() for g in gradients(model, torch.randn(batch, 4)))


def test_two_backward_passes_accumulate():
    model = small()
    once = gradients(model)
    apply_equation(model, "g")
    gradients(model)
    x = torch.linspace(-1, 1, 20).view(5, 4)
    F.cross_entropy(model(x), torch.arange(5) % 3).backward()
    assert all(torch.allclose(p.grad, 2 * g) for p, g in zip(model.parameters(), once, strict=True))


# Models that need care ----------------------------------------------


class Branching(nn.Module):
    """Cannot be traced: its control flow depends on the data."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        h = F.relu(self.a(x))
        if h.sum() > -1:
            h = self.b(h).relu_()
        return self.c(h)


def test_a_model_that_cannot_be_traced_is_converted_at_run_time():
    torch.manual_seed(0)
    model = Branching()
    truth = gradients(model)
    converted = apply_equation(model, "g")
    assert same(gradients(model), truth)
    assert {site.name: site.activation for site in converted.sites if site.backward_passes} == {
        "b": "relu",
        "c": "relu",
    }


class InPlaceStatement(nn.Module):
    """Calls an activation for its side effect only."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        h = self.a(x)
        h.relu_()
        return self.b(h)


def test_code_that_ignores_the_result_of_an_in_place_activation_means_the_same():
    torch.manual_seed(0)
    model = InPlaceStatement()
    truth, out = gradients(model), model(torch.ones(1, 4))
    converted = apply_equation(model, "g")
    assert same(gradients(model), truth)
    assert torch.equal(model(torch.ones(1, 4)), out)
    assert converted.sites[0].activation == "relu"


def test_attention_and_foreign_layers_are_left_alone_with_a_reason():
    class Own(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Own(4, 4), nn.ReLU(), nn.Linear(4, 3))
    reasons = {left.name: left.reason for left in apply_equation(model, "g").left_alone}
    assert "forward of its own" in reasons["2"]
    encoder = nn.Sequential(nn.Linear(4, 4), nn.TransformerEncoderLayer(4, 2, 8, batch_first=True))
    reasons = {left.name: left.reason for left in apply_equation(encoder, "g").left_alone}
    assert "attention" in reasons["1.self_attn.out_proj"]


def test_paddings_that_are_not_zeros_are_left_alone_with_a_reason():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.ReLU(),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.Conv2d(2, 2, 3),
    )
    reasons = {left.name: left.reason for left in apply_equation(model, "g").left_alone}
    assert "circular" in reasons["2"]


def test_a_backward_hook_that_hides_the_activation_is_said_so():
    model = small()
    apply_equation(model, "g / fro(g)")
    model[2].register_full_backward_hook(lambda *_: None)
    with pytest.raises(ActivationHidden, match="tanh"):
        gradients(model)


def test_weights_under_a_parametrisation_keep_their_gradient():
    model = small()
    nn.utils.parametrizations.weight_norm(model[2])
    truth = gradients(model)
    apply_equation(model, "g")
    assert all(torch.allclose(a, b) for a, b in zip(gradients(model), truth, strict=True))


def test_frozen_layers_pass_the_signal_on():
    model = small()
    model[2].requires_grad_(False)
    truth = [None if p.grad is None else p.grad for p in model.parameters()]
    del truth
    apply_equation(model, "g")
    model.zero_grad()
    F.cross_entropy(model(torch.randn(5, 4)), torch.arange(5) % 3).backward()
    assert model[0].weight.grad is not None
    assert model[2].weight.grad is None


def test_autocast_gives_gradients_in_the_parameters_type():
    model = small()
    apply_equation(model, "min(g / fro(g), clip(h_pre, 1.0)) + b_top_R_L_dh")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(torch.randn(5, 4))
    assert out.dtype == torch.bfloat16
    F.cross_entropy(out.float(), torch.arange(5) % 3).backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters())


# Refusals ----------------------------------------------


@pytest.mark.parametrize(
    "model", [nn.Sequential(nn.ReLU()), nn.Linear(3, 2), nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU())]
)
def test_a_model_with_nothing_to_convert_is_refused(model):
    with pytest.raises(InvalidSettings, match="nothing to convert"):
        apply_equation(model, "g")
    assert not any("forward" in module.__dict__ for module in model.modules())


def test_a_model_that_carries_an_equation_is_refused_whole_or_half():
    model = small()
    apply_equation(model, "g")
    with pytest.raises(InvalidSettings, match="carries an equation already") as caught:
        apply_equation(nn.Sequential(nn.Linear(4, 4), model), "g / fro(g)")
    assert "undo" in caught.value.hint


@pytest.mark.parametrize("text", ["g +", "W", "h_next_pre", ""])
def test_a_bad_equation_is_refused_and_the_model_stays(text):
    model = small()
    with pytest.raises(InvalidEquation):
        apply_equation(model, text)
    assert not any("forward" in module.__dict__ for module in model.modules())


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = small()

    def forward(self, x):
        out = self.body(x)
        return {"logits": out}


def test_an_equation_that_needs_the_output_is_refused_where_there_is_not_one_tensor():
    model = Two()
    apply_equation(model, "b_top_R_L_dh")
    with pytest.raises(InvalidSettings, match="returns dict"):
        model(torch.randn(2, 4))


def test_a_pass_that_never_reaches_the_output_is_not_given_a_stale_top_signal():
    model = small()
    apply_equation(model, "b_top_R_L_dh")
    gradients(model)
    hidden = nn.Sequential(*list(model)[:4])
    model(torch.randn(2, 4))
    with pytest.raises(TopSignalMissing, match="b_top"):
        hidden(torch.randn(2, 4)).sum().backward()
