"""The seam a method is added at: one file, found, checked and trained by; phases, modules and optimisers of
its own, and methods without sites or without any error sent down."""

import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from backprop_evo.cli.main import app
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import (
    TrainSpec,
)
from backprop_evo.training import train_child
from backprop_evo.training.methods import as_method, declared, known, method_of
from backprop_evo.training.methods.learner import Phase
from backprop_evo.training.run.capability import choose
from backprop_evo.training.run.child import Child

RECIPE = Path(__file__).parents[2] / "docs" / "contributing-methods.md"
TINY = TrainSpec(
    model="mlp-16-8",
    epochs=2,
    batch_size=16,
    learning_rate=0.05,
    weight_decay=0.0,
    train_images=64,
    validation_images=50,
)

DECLARED = """
from backprop_evo.training.methods.declaration import Declared

METHOD = Declared(name="{name}", title="T", description="D.", source="S", prepare=prepare)
"""

CLASSIFIER_ALONE = """
def prepare(settings, child):
    from backprop_evo.training.methods.learner import Learner, cross_entropy

    class ClassifierAlone(Learner):
        def learn(self, x_BCHW, labels_B):
            child.model[-1].register_forward_pre_hook(lambda _, inputs: (inputs[0].detach(),))
            loss = cross_entropy(child.logits(x_BCHW), labels_B)
            loss.backward()
            return loss

        def trained_below_top(self):
            return ()

    return ClassifierAlone()
"""

TWO_PHASES = """
def prepare(settings, child):
    import torch
    from backprop_evo.training.methods.learner import Learner, Phase, cross_entropy

    class TwoPhases(Learner):
        def __init__(self):
            self.own = torch.nn.Linear(16, 10).to(child.device)
            self.optimizer = torch.optim.Adam(self.own.parameters(), capturable=child.captured)
            self.begun = []

        def phase_at(self, step, steps):
            return Phase("local", classifies=False) if 2 * step < steps else Phase("format")

        def begin(self, phase):
            self.begun.append(phase.name)

        def learn(self, x_BCHW, labels_B):
            if self.begun[-1] == "format":
                with torch.no_grad():
                    below = child.model[:-1](x_BCHW)
                loss = cross_entropy(child.model[-1](below), labels_B)
                loss.backward()
                return loss
            self.optimizer.zero_grad()
            loss = 1000 + cross_entropy(self.own(child.model[:3](x_BCHW)), labels_B)
            loss.backward()
            self.optimizer.step()
            return loss

        def trained_below_top(self):
            return list(child.model[:3].parameters()) if self.begun[-1] == "local" else ()

    return TwoPhases()
"""


@pytest.fixture
def add_method(monkeypatch, tmp_path) -> Callable[[str, str], None]:
    """Adds a module of methods, in a folder of its own, until the test ends."""
    monkeypatch.setattr(known, "__path__", [*known.__path__, str(tmp_path)])

    def add(module: str, source: str) -> None:
        monkeypatch.delitem(sys.modules, f"{known.__name__}.{module}", raising=False)
        (tmp_path / f"{module}.py").write_text(source)
        importlib.invalidate_caches()

    before = set(sys.modules)
    yield add
    for name in set(sys.modules) - before:
        if name.startswith(f"{known.__name__}."):
            del sys.modules[name]


def child_of(name: str, spec: TrainSpec = TINY, **settings) -> Child:
    torch.manual_seed(0)
    capability = choose("cpu", precision="float32", images=False)
    return Child(as_method(name, settings), spec, capability, image_shape=(3, 32, 32), classes=10, seed=0)


def weights(child: Child) -> list[torch.Tensor]:
    return [layer.weight.detach().clone() for layer in child.model if isinstance(layer, torch.nn.Linear)]


# One file ----------------------------------------------


def test_the_recipe_of_the_documentation_is_a_method(add_method):
    assert "batch-manhattan" not in declared()
    (code,) = re.findall(r"```python\n(.*?)```", RECIPE.read_text(), re.DOTALL)
    add_method("batch_manhattan", code)
    assert "batch-manhattan" in declared()
    with pytest.raises(InvalidSettings) as refused:
        method_of(MethodSpec("batch-manhattan", {"size": -1}))
    assert refused.value.field == "method.settings.size"
    child = child_of("batch-manhattan", size=0.5)
    child.set_rate(0.1)
    before = weights(child)
    child.step(torch.randn(8, 3, 32, 32), torch.arange(8))
    for old, new in zip(before, weights(child), strict=True):
        moved = (new - old).abs()
        assert torch.allclose(moved[moved > 0], torch.tensor(0.05), atol=1e-6)
        assert (moved > 0).float().mean() > 0.2
    result = train_child("batch-manhattan", replace(TINY, learning_rate=0.001), seed=0)
    assert result.outcome is TrialState.COMPLETED


def test_the_command_line_finds_an_added_method(add_method):
    add_method("batch_manhattan", re.findall(r"```python\n(.*?)```", RECIPE.read_text(), re.DOTALL)[0])
    given = ["--model", "mlp-8", "--train-images", "100", "--epochs", "0.5", "--learning-rate", "0.001"]
    result = CliRunner().invoke(app, ["train", "batch-manhattan", *given, "--setting", "size=2"])
    assert result.exit_code == 0, result.output
    assert "batch-manhattan" in result.output
    refused = CliRunner().invoke(app, ["train", "batch-manhattan", *given, "--setting", "size=large"])
    assert refused.exit_code == 2
    assert "method.settings.size must be a number from 0" in refused.output


def test_a_file_that_declares_nothing_is_a_fault(add_method):
    add_method("empty", "")
    with pytest.raises(TypeError, match="empty is among the methods but declares none"):
        declared()


def test_two_files_cannot_declare_one_name(add_method):
    for module in ("one", "two"):
        add_method(module, CLASSIFIER_ALONE + DECLARED.format(name="same"))
    with pytest.raises(TypeError, match="two modules declare the method same"):
        declared()


# What a learner may do ----------------------------------------------


def test_a_method_that_sends_no_error_is_not_cut_off_and_not_aligned(add_method, caplog):
    add_method("alone", CLASSIFIER_ALONE + DECLARED.format(name="alone"))
    result = train_child("alone", replace(TINY, epochs=1, batch_size=4, alignment_every=1), seed=0)
    assert result.outcome is TrialState.COMPLETED
    assert result.alignment == ()
    assert "alignment is not measured: the method has no sites" in caplog.text
    child = child_of("alone")
    child.set_rate(0.1)
    before = weights(child)
    child.step(torch.randn(8, 3, 32, 32), torch.arange(8))
    moved = [not torch.equal(old, new) for old, new in zip(before, weights(child), strict=True)]
    assert moved == [False, False, True]
    assert not child.signal_is_zero()


def test_phases_follow_each_other_with_their_own_layers_modules_and_loss(add_method):
    add_method("two_phases", TWO_PHASES + DECLARED.format(name="two-phases"))
    result = train_child("two-phases", replace(TINY, epochs=4), seed=0)
    assert result.outcome is TrialState.COMPLETED, "a loss over the guards' ceiling is no cross-entropy here"
    assert [point.train_loss > 1000 for point in result.curve] == [True, True, False, False]
    child = child_of("two-phases", replace(TINY, weight_decay=0.1))
    child.set_rate(0.1)
    x_BCHW, labels_B = torch.randn(8, 3, 32, 32), torch.arange(8)
    for step, expected in ((0, [True, False, False]), (1, [False, False, True])):
        child.begin(child.learner.phase_at(step, 2))
        own, before = child.learner.own.weight.detach().clone(), weights(child)
        child.step(x_BCHW, labels_B)
        assert [not torch.equal(a, b) for a, b in zip(before, weights(child), strict=True)] == expected
        assert torch.equal(own, child.learner.own.weight) is (step == 1)
    assert child.learner.begun == ["local", "format"]
    assert child.phase == Phase("format")


def test_a_learner_gives_the_network_back():
    child = child_of("indirect-feedback")
    sites = [site.layer for site in child.learner.sites]
    assert all("forward" in layer.__dict__ for layer in sites)
    assert child.learner.undo() is child.model
    assert not any("forward" in layer.__dict__ for layer in sites)
