"""What the modules of a package declare: a new inhabitant of a room is one file, no list has to know it."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def declared_in(package: str, attribute: str) -> list[Any]:
    """The value of ``attribute`` in every module of ``package`` that has one, in the order of their names."""
    home = import_module(package)
    modules = [import_module(f"{package}.{found.name}") for found in iter_modules(home.__path__)]
    return [getattr(module, attribute) for module in modules if hasattr(module, attribute)]
