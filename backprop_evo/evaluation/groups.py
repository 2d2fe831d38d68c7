"""Methods that are asked for together under one word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import dsl
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.evaluating import Setting
from backprop_evo.records.methods import ControlGroup, MethodSpec, equation_method
from backprop_evo.training.methods import as_method, declared, method_of


def _table_1() -> Iterable[MethodSpec]:
    return (equation_method(each.text) for each in dsl.KNOWN.values() if each.published)


def _known() -> Iterable[MethodSpec]:
    return (equation_method(each.text) for each in dsl.KNOWN.values())


def _few_controls() -> Iterable[MethodSpec]:
    """What chance makes, and the shortest of the normalised gradients that most published winners are."""
    yield equation_method("g / fro(g)")
    yield from (MethodSpec(name) for name, method in declared().items() if method.is_placebo)


def _controls() -> Iterable[MethodSpec]:
    """Plain backprop, and every method that declares itself as one."""
    yield equation_method("g")
    yield equation_method("g / fro(g)")
    yield from (MethodSpec(name) for name, method in declared().items() if method.is_control)


CONTROLS: Mapping[ControlGroup, Callable[[], Iterable[MethodSpec]]] = {
    "none": lambda: (),
    "few": _few_controls,
    "all": _controls,
}
GROUPS: Mapping[str, Callable[[], Iterable[MethodSpec]]] = {
    "table-1": _table_1,
    "known": _known,
    "controls": _controls,
}


def methods_called(texts: Iterable[str | MethodSpec], settings: Sequence[Setting]) -> tuple[MethodSpec, ...]:
    """What people write, in order and each once: groups, names of methods, names of known equations,
    equations. A member of a group that cannot train every setting's child is left out of it; one that was
    named itself is not, and will be refused."""
    found: dict[MethodSpec, None] = {}
    for text in texts:
        if isinstance(text, str) and text.strip() in GROUPS:
            found |= dict.fromkeys(each for each in GROUPS[text.strip()]() if _fits(each, settings))
        else:
            found[as_method(text)] = None
    return tuple(found)


def controls_called(group: ControlGroup, settings: Sequence[Setting]) -> tuple[MethodSpec, ...]:
    """Those of the group that can train every setting's child."""
    return tuple(each for each in CONTROLS[group]() if _fits(each, settings))


def _fits(method: MethodSpec, settings: Sequence[Setting]) -> bool:
    try:
        for setting in settings:
            method_of(method).check_fit(setting.train)
    except InvalidSettings:
        return False
    return True
