"""What stands directly below each layer of a model, found by symbolic tracing where the model allows it.

Only the report and two shortcuts rest on this: the sites themselves find their activation on the tensors at
run time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import fx, nn

from backprop_evo.training.meaning import poolings
from backprop_evo.training.meaning.activations import FUNCTIONS, FUNCTIONS_IN_PLACE, activation_of
from backprop_evo.training.meaning.poolings import Pooling

_METHODS = {"relu", "tanh", "sigmoid", "relu_", "tanh_", "sigmoid_"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What tracing saw below a layer: σ's name, None where only a pass can tell; poolings, the lowest first;
    and what else stands between the layer and the next activation.
    """

    activation: str | None = None
    poolings: tuple[Pooling, ...] = ()
    between: str | None = None


@dataclass(slots=True)
class Surroundings:
    """The trace's answer; ``traced`` is False for models whose control flow depends on their data.

    ``calls_functions`` says that the model may call activations or poolings without a module.
    """

    traced: bool
    seen: dict[str, Seen] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    bottom: set[str] = field(default_factory=set)
    calls_functions: bool = True

    def below(self, layer: str) -> Seen:
        """What stands below a layer that is called once; else that shows only at the first pass."""
        return self.seen.get(layer, Seen()) if self.calls[layer] == 1 else Seen()

    def nothing_below(self, layer: str) -> str | None:
        """In words, where the layer has no layer below it that a signal could update."""
        return "nothing below it to update" if layer in self.bottom else None


def look_below_layers(model: nn.Module) -> Surroundings:
    """Traces ``model`` without running or changing it."""
    # A layer by itself has nothing below it.
    if isinstance(model, nn.Linear | nn.Conv2d):
        return Surroundings(traced=True, bottom={""}, calls_functions=False)
    try:
        graph = fx.Tracer().trace(model)
    except Exception:  # whatever a model's own code raises on symbolic values only means: cannot be traced
        return Surroundings(traced=False)
    modules = dict(model.named_modules())
    found = Surroundings(traced=True, calls_functions=False)
    learned: set[fx.Node] = set()
    above: dict[str, bool] = {}
    for node in graph.nodes:
        below = any(parent in learned for parent in node.all_input_nodes)
        module = modules[str(node.target)] if node.op == "call_module" else None
        if isinstance(module, nn.Linear | nn.Conv2d):
            name = str(node.target)
            found.calls[name] += 1
            # A layer that is called twice counts as having something below if one of its calls has.
            above[name] = above.get(name, False) or below
            found.seen[name] = _look_down(node.all_input_nodes[0], modules)
        # Whatever depends on a parameter carries a gradient, so that a layer above it has something to
        # update.
        if below or node.op == "get_attr" or (module is not None and any(True for _ in module.parameters())):
            learned.add(node)
        found.calls_functions |= _is_function(node)
    found.bottom = {name for name, has_below in above.items() if not has_below}
    return found


def _look_down(node: fx.Node, modules: dict[str, nn.Module]) -> Seen:
    found: list[Pooling] = []
    while (reading := _pooling_reading(node, modules)) is not None:
        # A second input, such as a computed size, is only known when the model runs.
        pooling = reading() if len(node.all_input_nodes) == 1 else None
        if pooling is None:
            return Seen()
        found.insert(0, pooling)
        node = node.all_input_nodes[0]
    if (activation := _activation(node, modules)) is not None:
        return Seen(activation, tuple(found))
    return Seen("identity", between=_name(node, modules))


def _activation(node: fx.Node, modules: dict[str, nn.Module]) -> str | None:
    if node.op == "call_module":
        activation = activation_of(modules[str(node.target)])
        return activation.name if activation else None
    if node.op == "call_function" and (node.target in FUNCTIONS or node.target in FUNCTIONS_IN_PLACE):
        return (FUNCTIONS.get(node.target) or FUNCTIONS_IN_PLACE[node.target]).name
    if node.op == "call_method" and node.target in _METHODS:
        return str(node.target).rstrip("_")
    return None


def _pooling_reading(node: fx.Node, modules: dict[str, nn.Module]) -> Callable[[], Pooling | None] | None:
    """How to read the node as a pooling; None where it is none."""
    if node.op == "call_module":
        of_module = poolings.reading_of(modules[str(node.target)])
        return None if of_module is None else lambda: of_module(None, None)
    known = {"call_function": poolings.FUNCTIONS, "call_method": poolings.METHODS}.get(node.op, {})
    reading = known.get(node.target)
    options = {name: value for name, value in node.kwargs.items() if name != "input"}
    return None if reading is None else lambda: reading(None, None, *node.args[1:], **options)


def _name(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    if node.op == "call_module":
        return type(modules[str(node.target)]).__name__
    return str(getattr(node.target, "__name__", node.target))


def _is_function(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in _METHODS or node.target in poolings.METHODS
    known = (FUNCTIONS, FUNCTIONS_IN_PLACE, poolings.FUNCTIONS)
    return node.op == "call_function" and any(node.target in each for each in known)
