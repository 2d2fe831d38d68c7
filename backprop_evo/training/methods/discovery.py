"""What stands directly below each layer of a model, found by symbolic tracing where the model allows it.

Only the report and two shortcuts rest on this: the sites themselves find their activation on the tensors at
run time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from torch import fx, nn

from backprop_evo.training.meaning.activations import FUNCTIONS, FUNCTIONS_IN_PLACE, activation_of

_METHODS = {"relu", "tanh", "sigmoid", "relu_", "tanh_", "sigmoid_"}


@dataclass(slots=True)
class Surroundings:
    """The trace's answer; ``traced`` is False for models whose control flow depends on their data."""

    traced: bool
    activations: dict[str, str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    bottom: set[str] = field(default_factory=set)
    functional_activations: bool = True

    def activation(self, layer: str) -> str | None:
        """The name of σ below a layer that is called once; None where it shows only at the first pass."""
        return self.activations.get(layer) if self.calls[layer] == 1 else None

    def nothing_below(self, layer: str) -> str | None:
        """In words, where the layer has no layer below it that a signal could update."""
        return "nothing below it to update" if layer in self.bottom else None


def look_below_layers(model: nn.Module) -> Surroundings:
    """Traces ``model`` without running or changing it."""
    if isinstance(model, nn.Linear | nn.Conv2d):
        return Surroundings(traced=True, bottom={""}, functional_activations=False)
    try:
        graph = fx.Tracer().trace(model)
    except Exception:  # whatever a model's own code raises on symbolic values only means: cannot be traced
        return Surroundings(traced=False)
    modules = dict(model.named_modules())
    found = Surroundings(traced=True, functional_activations=False)
    learned: set[fx.Node] = set()
    above: dict[str, bool] = {}
    for node in graph.nodes:
        below = any(parent in learned for parent in node.all_input_nodes)
        module = modules[str(node.target)] if node.op == "call_module" else None
        if isinstance(module, nn.Linear | nn.Conv2d):
            name = str(node.target)
            found.calls[name] += 1
            above[name] = above.get(name, False) or below
            _note_activation(found, name, node.all_input_nodes, modules)
        if below or node.op == "get_attr" or (module is not None and any(True for _ in module.parameters())):
            learned.add(node)
        found.functional_activations |= _is_functional_activation(node)
    found.bottom = {name for name, has_below in above.items() if not has_below}
    return found


def _note_activation(
    found: Surroundings, layer: str, inputs: list[fx.Node], modules: dict[str, nn.Module]
) -> None:
    for node in inputs[:1]:
        name = "identity"
        if node.op == "call_module" and (activation := activation_of(modules[str(node.target)])):
            name = activation.name
        elif node.op == "call_function" and node.target in FUNCTIONS:
            name = FUNCTIONS[node.target].name
        elif node.op == "call_function" and node.target in FUNCTIONS_IN_PLACE:
            name = FUNCTIONS_IN_PLACE[node.target].name
        elif node.op == "call_method" and node.target in _METHODS:
            name = str(node.target).rstrip("_")
        found.activations[layer] = name


def _is_functional_activation(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in _METHODS
    return node.op == "call_function" and (node.target in FUNCTIONS or node.target in FUNCTIONS_IN_PLACE)
