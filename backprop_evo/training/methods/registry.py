"""Which methods there are: every module of the folder ``known`` that defines ``METHOD``.

Nothing here or in those modules imports torch before a child is prepared.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import dsl
from backprop_evo.errors import InvalidSettings
from backprop_evo.records.methods import MethodSpec, Scalar, equation_method
from backprop_evo.training.methods import known
from backprop_evo.training.methods.declaration import Declared, Method
from dsl.equation import Equation


def declared() -> Mapping[str, Declared[Any]]:
    """Every method by its name, in the order of the names. Raises TypeError for a module without one."""
    found: dict[str, Declared[Any]] = {}
    for module in pkgutil.iter_modules(known.__path__, f"{known.__name__}."):
        method = getattr(import_module(module.name), "METHOD", None)
        if not isinstance(method, Declared):
            raise TypeError(f"{module.name} is among the methods but declares none: METHOD = Declared(…)")
        if method.name in found:
            raise TypeError(f"two modules declare the method {method.name}; one is {module.name}")
        found[method.name] = method
    return MappingProxyType(dict(sorted(found.items())))


def method_of(spec: MethodSpec) -> Method:
    """The method that ``spec`` names, its settings checked.

    Raises InvalidSettings for an unknown name or setting, and what the method's own check raises: for an
    equation InvalidEquation.
    """
    methods = declared()
    if spec.name not in methods:
        raise InvalidSettings(
            f"no method is called {spec.name!r}", field="method.name", hint="known: " + ", ".join(methods)
        )
    method = methods[spec.name]
    return Method(method, method.read(spec.settings))


def as_method(given: MethodSpec | Equation | str, settings: Mapping[str, Scalar] | None = None) -> MethodSpec:
    """The spec of what people write: a method's name, else the name of a known equation, else an equation.

    Names are words with dashes, and none of a method reads as an equation or is the name of a known one.
    ``settings`` are those of the method beyond its defaults. Nothing is checked: ``method_of`` does.
    """
    if isinstance(given, MethodSpec):
        spec = given
    elif isinstance(given, Equation):
        spec = equation_method(dsl.to_text(given))
    # A method's name first: it has dashes, and could only be read as subtractions.
    elif (name := given.strip()) in declared():
        spec = MethodSpec(name)
    else:
        spec = equation_method(dsl.KNOWN[name].text if name in dsl.KNOWN else given)
    return MethodSpec(spec.name, {**spec.settings, **settings}) if settings else spec
